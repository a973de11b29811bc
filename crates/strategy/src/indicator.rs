//! Indicators by name, over a stream of bars or over columns, with one result.
//!
//! The formulas are those of TA-Lib (crate `ta-lib`, its official port): the same seeds, the same first bar, the same bits.
//! [`catalogue`] lists them; [`IndicatorSpec`] names one with its parameters; an [`Indicator`] is fed bar by bar, and
//! [`IndicatorSpec::over`] computes whole columns. Ours are only the session VWAP and the z-score, which TA-Lib has not.
//! `docs/indicators.md` lists warm-up, memory and seeds of each, and where other libraries differ.
//!
//! Around all of them is one policy for bars that are missing or say nothing:
//!
//! - **Warming.** There is no value until [`IndicatorSpec::warm_up`] bars have been seen, never a value of fewer.
//! - **Settling.** A recursive formula remembers its start. [`IndicatorSpec::settle`] says after how many bars that is
//!   less than a millionth; a reading says whether it is still more.
//! - **Empty slots.** A slot that is proven to have had no trade is no bar: the window is one of bars.
//! - **Unknown slots.** An indicator begins anew after one, and says so. Nothing is ever computed across a hole. Readings
//!   are marked until the new start is forgotten.
//! - **Flat prices.** Where a formula divides by a movement and there was none, the value is TA-Lib's convention (50 for
//!   an RSI, mostly 0) and the reading is flagged.
//! - **Bad input.** A bar with a figure that is not finite, or one that does not follow the last, is refused with an
//!   error, and the state is what it was. In columns such a row has no value and is no bar.
//! - **Forming bars.** They are evaluated with [`Indicator::peek`], which takes nothing.

mod bar_runs;
mod catalogue;
mod columns;
mod error;
mod flat_watch;
mod input_columns;
#[macro_use]
mod kernel_calls;
mod kernel;
mod live;
mod memory;
mod own_kernel;
mod parameter;
mod price_source;
mod reading;
mod spec;
pub(crate) mod text;

pub use self::bar_runs::BarRuns;
pub(crate) use self::catalogue::nearest;
pub use self::catalogue::{IndicatorInfo, catalogue};
pub use self::columns::IndicatorColumns;
pub use self::error::{IndicatorError, RefusedBar};
pub use self::live::Indicator;
pub use self::memory::Memory;
pub use self::parameter::IndicatorParameter;
pub use self::price_source::PriceSource;
pub use self::reading::Reading;
pub use self::spec::IndicatorSpec;

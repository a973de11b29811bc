//! zenV and zenP: how unusual today's volume is, and how unusual today's change of the price.
//!
//! A volume far above the usual with a price that has hardly moved is a divergence: somebody buys quietly.
//! [`ZenBaseline`] holds what is usual, of a market's closed days; it scores a closed day or the day so far.

mod baseline;
mod divergence;
mod time_of_day_volume;

pub use self::baseline::{
    HISTORY_DAYS, PriceMeasure, ZenBaseline, ZenProfile, ZenRules, ZenScore, ZenUnknown,
};
pub use self::divergence::{DivergenceEdge, DivergenceWatch, composite_rank};
pub use self::time_of_day_volume::TimeOfDayVolume;

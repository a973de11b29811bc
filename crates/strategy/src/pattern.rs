//! Patterns of candles and of trades, each with a confidence, a direction, its own least number of bars and a cooldown.
//!
//! [`PatternDetector`] watches one market. It also is the fallback for a producer of patterns upstream: behind a
//! [`FallbackSwitch`] it keeps watching, and reports only while the producer's heartbeat is stale.

mod candle_shapes;
mod detector;
mod fallback;
mod kind;
mod rules;
mod tick_shapes;

pub use self::detector::PatternDetector;
pub use self::fallback::{FallbackDetector, FallbackSwitch};
pub use self::kind::{PatternDetection, PatternDirection, PatternKind, PatternSource};
pub use self::rules::PatternRules;

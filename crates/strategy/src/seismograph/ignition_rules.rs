//! The rules of the ignition score.

use serde::{Deserialize, Serialize};

/// The way in which a part grows between half of its threshold and the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IgnitionCurve {
    /// Linearly from 0 to 1.
    Ramps,
    /// One half beyond half of the threshold, and 1 beyond the whole.
    Steps,
}

/// The trades with which those of the last 10 seconds are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TickBaseline {
    /// The 50 seconds before them, as a mean of 10 seconds; at least one trade.
    Before,
    /// The last 60 seconds, they themselves included. Their share can never be above 6, so that the full points of the
    /// part are out of reach.
    Including,
}

/// The minutes whose volume may be a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurstSource {
    /// The last closed minute or the forming one, whichever is the larger multiple of the five before it.
    ClosedOrForming,
    /// The last closed minute alone.
    Closed,
}

/// The rules of the ignition score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnitionRules {
    /// The growth of each part.
    pub curve: IgnitionCurve,
    /// The trades with which the last ones are compared.
    pub baseline: TickBaseline,
    /// The minutes whose volume may be a burst.
    pub burst: BurstSource,
    /// `true` if tick velocity and buy pressure are unknown until a market has been watched for a whole minute.
    pub needs_whole_window: bool,
    /// The score from which a move counts as started, 50 to 90.
    pub threshold: f64,
    /// The multiple of the usual number of trades that gives full points, 4 to 15.
    pub tick_multiple: f64,
    /// The multiple of the usual volume of a minute that gives full points, 3 to 12.
    pub volume_multiple: f64,
    /// The percentage above the box that gives full points, 0.3 to 1.
    pub break_percent: f64,
    /// The multiple of the sold volume that gives full points, 1.5 to 2.5.
    pub buy_ratio: f64,
    /// The fewest trades in 60 seconds with which tick velocity is known, 1 to 1000.
    pub min_ticks: u64,
    /// The number of closed minutes in the box, 5 to 64.
    pub box_bars: usize,
    /// The fewest closed minutes with which box and volume burst are known, 2 to 64.
    pub min_bars: usize,
}

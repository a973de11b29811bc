//! The shapes of the last trades.

use super::kind::{PatternDirection, PatternKind};
use super::rules::PatternRules;

/// The price and size of a trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickPoint {
    pub(super) price: f64,
    pub(super) size: f64,
}

/// The most trades that are looked at.
pub(super) const LOOKED_AT: usize = 10;

/// The confidence and direction of `pattern` at the end of `ticks`, oldest first and at most ten, if it is there.
pub(super) fn find(
    pattern: PatternKind,
    ticks: &[TickPoint],
    rules: &PatternRules,
) -> Option<(f64, PatternDirection)> {
    if ticks.len() < pattern.min_bars() {
        return None;
    }
    let (last, before) = ticks.split_last()?;
    match pattern {
        PatternKind::VolumeSurge => {
            let mean = mean_size(before)?;
            let is_surge = mean > rules.surge_min_mean && last.size > rules.surge_multiple * mean;
            is_surge.then_some((0.75, PatternDirection::Neutral))
        }
        PatternKind::PriceOscillation => oscillation(&ticks[ticks.len() - 7..]),
        PatternKind::PriceGap => {
            let before = before.last()?.price;
            let change = last.price - before;
            let direction = if change > 0.0 { PatternDirection::Bullish } else { PatternDirection::Bearish };
            (change.abs() > rules.gap_fraction * before).then_some((0.8, direction))
        }
        _ => None,
    }
}

pub(super) fn mean_size(ticks: &[TickPoint]) -> Option<f64> {
    (!ticks.is_empty()).then(|| ticks.iter().map(|tick| tick.size).sum::<f64>() / ticks.len() as f64)
}

/// The last price lies near the mean of seven; where all are equal, nothing oscillates.
fn oscillation(seven: &[TickPoint]) -> Option<(f64, PatternDirection)> {
    let last = seven.last()?.price;
    let prices = || seven.iter().map(|tick| tick.price);
    let (low, high) = (prices().fold(f64::INFINITY, f64::min), prices().fold(0.0, f64::max));
    if high <= low {
        return None;
    }
    let mean = prices().sum::<f64>() / seven.len() as f64;
    ((last - mean).abs() / (high - low) < 0.3).then_some((0.6, PatternDirection::Reversal))
}

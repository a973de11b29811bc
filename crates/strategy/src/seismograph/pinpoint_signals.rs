//! The four signals of accumulation as V3 reads them, under the rules of either of its two versions.

use market_backbone_core::Candle;
use serde::{Deserialize, Serialize};

use super::daily_signals::{AccumulationParts, FEWEST, WINDOW, dry_out, last, signed_volume, true_ranges};
use super::score_part::{PartReason, ScorePart};
use super::statistics::{mean, median, sigmoid, unit};

/// The most true ranges among which the present one is ranked.
pub(super) const RANKED_RANGES: usize = 60;
/// The days over which absorption is added up.
const ABSORPTION_DAYS: usize = 10;
/// The days that are searched for accumulation bars.
const BAR_DAYS: usize = 10;

/// The reading of quiet days among those searched for accumulation bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietDayRule {
    /// Rising days, days with a range below 3 %, bodies, and the median volume all count.
    FourTraits,
    /// Rising days count, and days with a range below 2 % that close above their middle.
    TwoTraits,
}

/// The range within which the last close is located, for the dry-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseLocation {
    /// The range of the last candle.
    LastCandle,
    /// The range of the last twenty candles.
    TwentyDays,
}

/// The rules by which the signals of V3 are read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinpointRules {
    /// The fewest true ranges among which the present one is ranked.
    pub range_samples: usize,
    /// The reading of quiet days.
    pub quiet_days: QuietDayRule,
    /// The range within which the last close is located.
    pub close_location: CloseLocation,
}

/// Computes the four signals of V3 from daily candles, oldest first, for a market with `float_shares` in free float.
#[must_use]
pub fn pinpoint_signals(days: &[Candle], rules: &PinpointRules, float_shares: f64) -> AccumulationParts {
    if days.len() < FEWEST {
        return AccumulationParts::unknown(PartReason::TooFewBars { have: days.len(), need: FEWEST });
    }
    AccumulationParts {
        tight_range: tight_range(days, rules.range_samples),
        absorption: absorption(days),
        accumulation_bar: accumulation_bars(days, rules.quiet_days, float_shares),
        dry_out: located_dry_out(days, rules.close_location),
    }
}

/// The share of the true ranges that are not below the present one.
fn tight_range(days: &[Candle], samples: usize) -> ScorePart {
    let ranges = true_ranges(&days[days.len().saturating_sub(RANKED_RANGES + 1)..]);
    let need = samples.max(5);
    if ranges.len() < need {
        return ScorePart::unknown(PartReason::TooFewBars { have: days.len(), need: need + 1 });
    }
    let Some(present) = mean(&ranges[ranges.len() - 5..]) else {
        return ScorePart::unknown(PartReason::Flat);
    };
    if ranges.iter().all(|range| *range <= 0.0) {
        return ScorePart::zero(None, PartReason::Flat);
    }
    let below = ranges.iter().filter(|range| **range < present).count();
    let percentile = below as f64 / ranges.len() as f64;
    ScorePart::measured(1.0 - percentile, percentile)
}

/// The volume that was taken in without a rise of the price.
fn absorption(days: &[Candle]) -> ScorePart {
    let days = match last(days, WINDOW) {
        Ok(days) => days,
        Err(part) => return part,
    };
    let Some(usual) = median(days.iter().map(|day| day.volume)).filter(|usual| *usual > 0.0) else {
        return ScorePart::zero(None, PartReason::Flat);
    };
    let recent = &days[WINDOW - ABSORPTION_DAYS - 1..];
    let flow = recent.windows(2).map(|pair| signed_volume(pair[0].close, &pair[1])).sum::<f64>() / usual;
    if days[WINDOW - 1].close / days[WINDOW - 5].close - 1.0 > 0.05 {
        return ScorePart { intensity: Some(0.3), measure: Some(flow), reason: PartReason::PriceRose };
    }
    let moves: Vec<f64> = recent.windows(2).map(|pair| (pair[1].close / pair[0].close - 1.0).abs()).collect();
    let movement = mean(&moves).filter(|movement| *movement > 0.0).unwrap_or(0.01);
    let intensity = if flow <= 0.0 {
        0.5 * sigmoid(2.0 * flow)
    } else {
        0.5 + 0.5 * sigmoid(flow / (movement / 0.02 + 0.1) - 3.0)
    };
    ScorePart::measured(intensity, flow)
}

/// The days before the dry-out, during which somebody accumulated quietly or did not.
fn accumulation_bars(days: &[Candle], rule: QuietDayRule, float_shares: f64) -> ScorePart {
    let gap = dry_out_days(float_shares);
    let need = WINDOW.max(gap + BAR_DAYS);
    let recent = match last(days, need) {
        Ok(recent) => recent,
        Err(part) => return part,
    };
    let searched = &recent[need - gap - BAR_DAYS..need - gap];
    let share = |counts: &dyn Fn(&Candle) -> bool| {
        searched.iter().filter(|day| counts(day)).count() as f64 / searched.len() as f64
    };
    let rising = share(&|day| day.close > day.open);
    let points = match rule {
        QuietDayRule::FourTraits => {
            let quiet = share(&|day| (day.high - day.low) / day.close < 0.03);
            let bodies: Vec<f64> = searched.iter().filter_map(body_share).collect();
            let usual = median(recent[need - WINDOW..].iter().map(|day| day.volume));
            let volume = median(searched.iter().map(|day| day.volume));
            let volume = match (volume, usual) {
                (Some(volume), Some(usual)) if usual > 0.0 => Some(volume / usual),
                _ => None,
            };
            vote(rising, 0.7, 0.3, 0.15, 0.15)
                + vote(quiet, 0.7, 0.3, 0.15, 0.15)
                + mean(&bodies).map_or(0.0, |body| vote(body, 0.6, 0.3, 0.10, 0.10))
                + volume.map_or(0.0, |ratio| vote(ratio, 1.3, 0.7, 0.10, 0.10))
        }
        QuietDayRule::TwoTraits => {
            let quiet = share(&|day| {
                (day.high - day.low) / day.close < 0.02 && day.close > f64::midpoint(day.high, day.low)
            });
            vote(rising, 0.6, 0.4, 0.15, 0.15) + vote(quiet, 0.7, 0.3, 0.10, 0.05)
        }
    };
    ScorePart::measured(unit(0.5 + points), 0.5 + points)
}

/// The days that belong to the dry-out: more where more shares must change hands.
fn dry_out_days(float_shares: f64) -> usize {
    let days = 3.0 + (float_shares / 3_000_000.0).floor();
    days.clamp(3.0, 10.0) as usize
}

fn body_share(day: &Candle) -> Option<f64> {
    let range = day.high - day.low;
    (range > 0.0).then(|| (day.close - day.open).abs() / range)
}

/// The points for a trait that is strong, weak, or neither.
fn vote(value: f64, strong: f64, weak: f64, gain: f64, loss: f64) -> f64 {
    if value > strong {
        gain
    } else if value < weak {
        -loss
    } else {
        0.0
    }
}

/// The dry-out of V2, weighted by where the last close lies.
fn located_dry_out(days: &[Candle], location: CloseLocation) -> ScorePart {
    let plain = dry_out(days);
    let Some(intensity) = plain.intensity else { return plain };
    let Some(today) = days.last() else { return plain };
    let recent = &days[days.len().saturating_sub(WINDOW)..];
    let (low, high) = match location {
        CloseLocation::LastCandle => (today.low, today.high),
        CloseLocation::TwentyDays => (
            recent.iter().fold(f64::INFINITY, |low, day| low.min(day.low)),
            recent.iter().fold(0.0, |high: f64, day| high.max(day.high)),
        ),
    };
    // A range without width has its close in the middle.
    let place = if high > low { (today.close - low) / (high - low) } else { 0.5 };
    ScorePart { intensity: Some(intensity * sigmoid(3.0 * (place - 0.4) / 0.6)), ..plain }
}

//! The four signals of accumulation as V1 and V2 read them from daily candles.

use market_backbone_core::Candle;

use super::score_part::{PartReason, ScorePart};
use super::statistics::{mean, unit};

/// The number of candles that the signals look at.
pub(super) const WINDOW: usize = 20;
/// The fewest candles with which anything is said.
pub(super) const FEWEST: usize = 5;

/// The four signals of an accumulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccumulationParts {
    /// The range has become tight.
    pub tight_range: ScorePart,
    /// Volume flows in while the price stands: the OBV divergence in V2, the absorption in V3.
    pub absorption: ScorePart,
    /// A candle, or several, of high volume and little movement.
    pub accumulation_bar: ScorePart,
    /// The volume has dried out.
    pub dry_out: ScorePart,
}

impl AccumulationParts {
    /// Returns the parts with their names: `tight_range`, `absorption`, `accumulation_bar`, `dry_out`.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, ScorePart); 4] {
        [
            ("tight_range", self.tight_range),
            ("absorption", self.absorption),
            ("accumulation_bar", self.accumulation_bar),
            ("dry_out", self.dry_out),
        ]
    }

    /// Returns whether all four are known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.named().iter().all(|(_, part)| part.intensity.is_some())
    }

    pub(super) const fn unknown(reason: PartReason) -> Self {
        let part = ScorePart::unknown(reason);
        Self { tight_range: part, absorption: part, accumulation_bar: part, dry_out: part }
    }
}

/// Computes the four signals of V2 from daily candles, oldest first.
#[must_use]
pub fn classic_signals(days: &[Candle]) -> AccumulationParts {
    if days.len() < FEWEST {
        return AccumulationParts::unknown(PartReason::TooFewBars { have: days.len(), need: FEWEST });
    }
    AccumulationParts {
        tight_range: tight_range(days),
        absorption: obv_divergence(days),
        accumulation_bar: accumulation_bar(days),
        dry_out: dry_out(days),
    }
}

/// The last `count` candles, or the part that says how many are missing.
pub(super) fn last(days: &[Candle], count: usize) -> Result<&[Candle], ScorePart> {
    let too_few = ScorePart::unknown(PartReason::TooFewBars { have: days.len(), need: count });
    days.len().checked_sub(count).map(|from| &days[from..]).ok_or(too_few)
}

/// The true range of each candle but the first.
pub(super) fn true_ranges(days: &[Candle]) -> Vec<f64> {
    days.windows(2).map(|pair| true_range(pair[0].close, &pair[1])).collect()
}

fn true_range(previous_close: f64, day: &Candle) -> f64 {
    let inside = day.high - day.low;
    inside.max((day.high - previous_close).abs()).max((day.low - previous_close).abs())
}

fn tight_range(days: &[Candle]) -> ScorePart {
    let days = match last(days, WINDOW) {
        Ok(days) => days,
        Err(part) => return part,
    };
    let ranges = true_ranges(days);
    let (Some(recent), Some(usual)) = (mean(&ranges[ranges.len() - 5..]), mean(&ranges)) else {
        return ScorePart::unknown(PartReason::Flat);
    };
    if usual <= 0.0 {
        return ScorePart::zero(None, PartReason::Flat);
    }
    let ratio = recent / usual;
    ScorePart::measured(unit((0.7 - ratio) / 0.4), ratio)
}

fn obv_divergence(days: &[Candle]) -> ScorePart {
    let days = match last(days, WINDOW) {
        Ok(days) => days,
        Err(part) => return part,
    };
    let change = days[WINDOW - 1].close / days[0].close - 1.0;
    let total: f64 = days.iter().map(|day| day.volume).sum();
    if total <= 0.0 {
        return ScorePart::zero(None, PartReason::Flat);
    }
    let flow: f64 = days.windows(2).map(|pair| signed_volume(pair[0].close, &pair[1])).sum();
    let ratio = flow / total;
    if change > 0.02 {
        ScorePart::zero(Some(ratio), PartReason::PriceRose)
    } else if ratio <= 0.0 {
        ScorePart::zero(Some(ratio), PartReason::Absent)
    } else {
        ScorePart::measured((change.abs() * 10.0 + ratio * 5.0).min(1.0), ratio)
    }
}

/// The volume of a day, negative if the price fell and 0 if it stood.
pub(super) fn signed_volume(previous_close: f64, day: &Candle) -> f64 {
    if day.close > previous_close {
        day.volume
    } else if day.close < previous_close {
        -day.volume
    } else {
        0.0
    }
}

fn accumulation_bar(days: &[Candle]) -> ScorePart {
    let Some((today, before)) = days.split_last() else {
        return ScorePart::unknown(PartReason::TooFewBars { have: 0, need: 2 });
    };
    let before = &before[before.len().saturating_sub(WINDOW - 1)..];
    let volumes: Vec<f64> = before.iter().map(|day| day.volume).collect();
    let Some(usual) = mean(&volumes).filter(|usual| *usual > 0.0) else {
        return ScorePart::zero(None, PartReason::Flat);
    };
    let ratio = today.volume / usual;
    if (today.close - today.open).abs() / today.open > 0.025 {
        return ScorePart::zero(Some(ratio), PartReason::LargeBody);
    }
    ScorePart::measured(unit((ratio - 2.0) / 3.0), ratio)
}

/// The dry-out of volume over what there is of twenty days.
pub(super) fn dry_out(days: &[Candle]) -> ScorePart {
    let days = &days[days.len().saturating_sub(WINDOW)..];
    let volumes: Vec<f64> = days.iter().map(|day| day.volume).collect();
    let Ok(recent) = last(days, 3) else {
        return ScorePart::unknown(PartReason::TooFewBars { have: days.len(), need: 3 });
    };
    let recent: Vec<f64> = recent.iter().map(|day| day.volume).collect();
    let (Some(recent), Some(usual)) = (mean(&recent), mean(&volumes).filter(|usual| *usual > 0.0)) else {
        return ScorePart::zero(None, PartReason::Flat);
    };
    let ratio = recent / usual;
    if ratio >= 0.4 {
        return ScorePart::zero(Some(ratio), PartReason::Absent);
    }
    ScorePart::measured(1.0 - ratio / 0.4, ratio)
}

//! The daily scores by name, for screens.

use market_backbone_core::{Candle, CandleSet, Grid, Timeframe};

use super::values::NamedValues;
use crate::indicator::BarRuns;
use crate::seismograph::{AccumulationProfile, AccumulationScore, DAILY_BARS_NEEDED};
use crate::zen::{HISTORY_DAYS, ZenBaseline, ZenProfile, ZenScore};

const NAMES: [&str; 5] = ["zen_v", "zen_p", "zen_divergence", "accumulation", "accumulation_v2"];

/// The scores of unusual days (`zen_v`, `zen_p`, and `zen_divergence`, which is their difference) and of accumulation
/// (`accumulation`, which is V3, and `accumulation_v2`), computed from the days of a market. Days before an unknown one do
/// not count.
#[derive(Clone, Debug)]
pub struct ScoreValues {
    /// The rules of the scores of unusual days.
    pub zen: ZenProfile,
    /// The rules of the score of accumulation.
    pub accumulation: AccumulationProfile,
}

impl Default for ScoreValues {
    fn default() -> Self {
        Self { zen: ZenProfile::change(), accumulation: AccumulationProfile::pinpoint() }
    }
}

impl ScoreValues {
    fn zen(&self, days: &[Candle]) -> Result<ZenScore, String> {
        let (today, before) = days.split_last().ok_or("there are no days")?;
        let baseline = ZenBaseline::new(before).map_err(|why| why.to_string())?;
        Ok(baseline.day(today, self.zen.rules().price))
    }

    fn accumulation(&self, days: &[Candle]) -> AccumulationScore {
        self.accumulation.score(days, None)
    }
}

impl NamedValues for ScoreValues {
    fn names(&self) -> Vec<(&str, Timeframe)> {
        NAMES.map(|name| (name, Timeframe::D1)).to_vec()
    }

    fn bars_needed(&self, name: &str) -> usize {
        if name.starts_with("zen") { HISTORY_DAYS + 1 } else { DAILY_BARS_NEEDED }
    }

    fn value(&self, name: &str, bars: &CandleSet, grid: Grid) -> Result<f64, String> {
        let runs = BarRuns::of_set(bars, grid);
        let start = runs.as_slice().last().map_or(0, |run| run.start);
        let days = bars.candles.slice(start..).to_vec();
        let reason = |why: crate::zen::ZenUnknown| why.to_string();
        match name {
            "zen_v" => self.zen(&days)?.volume.map_err(reason),
            "zen_p" => self.zen(&days)?.price.map_err(reason),
            "zen_divergence" => {
                let score = self.zen(&days)?;
                Ok(score.volume.map_err(reason)? - score.price.map_err(reason)?)
            }
            // A score of which a part is unknown is lower than it would be: it must not decide anything.
            "accumulation_v2" => {
                let score = self.accumulation(&days);
                score.v2.filter(|_| score.classic.is_complete()).ok_or_else(|| too_few(&days))
            }
            _ => {
                let score = self.accumulation(&days);
                score.v3.filter(|_| score.is_complete()).ok_or_else(|| too_few(&days))
            }
        }
    }
}

fn too_few(days: &[Candle]) -> String {
    format!("{} days since an unknown one are too few for all parts of the score", days.len())
}

//! The repair of findings, and its cost.

use std::collections::BTreeMap;
use std::path::PathBuf;

use market_backbone_core::{Grid, RangeSet, Series, TimeRange, Timeframe, Timestamp};

use super::finding::{Finding, IntegrityIssue, IssueLocation};

/// The number of replies required to accept that nothing is older.
const REQUIRED_WITNESSES: u64 = 2;

/// The actions that would repair the findings, and what they would cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RepairPlan {
    /// The damaged files, which are rebuilt from their undamaged content before anything else; the index of a
    /// folder comes last.
    pub files: Vec<PathBuf>,
    /// The bad sealed files, which are made again from the tables.
    pub sealed: Vec<PathBuf>,
    /// The series whose ledger is rewritten from its readable part. They come first, because the rest relies
    /// on it.
    pub ledgers: Vec<Series>,
    /// The ranges to forget and to fetch again, in order, none touching the next.
    ///
    /// A range without a beginning is forgotten as a whole. One request finds out whether there is anything,
    /// and the data is fetched when it is wanted.
    pub ranges: Vec<(Series, TimeRange)>,
    /// The number of slots in ranges with a beginning.
    pub slots: u64,
    /// The largest number of requests for them; fewer where slots are empty.
    pub requests: u64,
    /// The number of findings that need a person, such as a series that cannot be read.
    pub manual: usize,
}

impl RepairPlan {
    /// Plans the repair of `findings`. `venue` returns the grid of a series, and the largest number of its candles in one
    /// request; `None` for a venue that nobody described, whose findings need manual attention.
    #[must_use]
    pub fn of(findings: &[Finding], venue: impl Fn(&Series) -> Option<(Grid, u32)>) -> Self {
        let mut plan = Self::default();
        let mut wanted: BTreeMap<Series, Vec<TimeRange>> = BTreeMap::new();
        for finding in findings {
            if let (IntegrityIssue::File | IntegrityIssue::Layout, IssueLocation::File(path)) =
                (finding.issue, &finding.location)
            {
                plan.files.push(path.clone());
                continue;
            }
            if let (IntegrityIssue::Sealed, IssueLocation::File(path)) = (finding.issue, &finding.location) {
                plan.sealed.push(path.clone());
                continue;
            }
            match (finding.series(), finding.range()) {
                (Some(series), Some(range)) if finding.issue.is_refetchable() => {
                    for timeframe in affected_timeframes(finding.issue, series.timeframe) {
                        let series = Series::new(series.symbol.clone(), timeframe);
                        wanted.entry(series).or_default().push(range);
                    }
                }
                (Some(series), _) if finding.issue == IntegrityIssue::Ledger => {
                    plan.ledgers.push(series.clone())
                }
                _ => plan.manual += 1,
            }
        }
        // The files of a source lie a folder deeper than the index.
        plan.files.sort_by_key(|path| (std::cmp::Reverse(path.components().count()), path.clone()));
        plan.files.dedup();
        plan.ledgers.sort();
        plan.ledgers.dedup();
        for (series, ranges) in wanted {
            let Some((grid, page)) = venue(&series) else {
                plan.manual += ranges.len();
                continue;
            };
            for range in ranges.into_iter().collect::<RangeSet>() {
                if range.from() == Timestamp::MIN {
                    plan.requests += REQUIRED_WITNESSES;
                } else {
                    let slots = grid.slots(series.timeframe, range);
                    plan.slots += slots;
                    plan.requests += slots.div_ceil(u64::from(page.max(1)));
                }
                plan.ranges.push((series.clone(), range));
            }
        }
        plan
    }

    /// Returns whether there is nothing to repair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.sealed.is_empty() && self.ledgers.is_empty() && self.ranges.is_empty()
    }
}

/// Returns the timeframes to fetch. If a candle contradicts its minutes, nobody knows which is wrong: both
/// are fetched.
fn affected_timeframes(flaw: IntegrityIssue, timeframe: Timeframe) -> Vec<Timeframe> {
    if flaw == IntegrityIssue::AggregateMismatch { vec![timeframe, Timeframe::M1] } else { vec![timeframe] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, VenueId};

    fn series(timeframe: Timeframe) -> Series {
        Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), timeframe)
    }

    fn finding(flaw: IntegrityIssue, timeframe: Timeframe, from: i64, to: i64) -> Finding {
        let at = |minute: i64| Timestamp::from_secs(minute * 60);
        let range = TimeRange::new(at(from), at(to)).unwrap();
        Finding::at(flaw, &series(timeframe), range, String::new())
    }

    #[test]
    fn stretches_that_overlap_are_asked_for_once() {
        let findings = [
            finding(IntegrityIssue::Impossible, Timeframe::M1, 0, 10),
            finding(IntegrityIssue::AggregateMismatch, Timeframe::M5, 5, 205),
            finding(IntegrityIssue::Unproven, Timeframe::M1, 600, 1_000),
        ];
        let plan = RepairPlan::of(&findings, |_| Some((Grid::Utc, 200)));
        assert_eq!((plan.ranges.len(), plan.slots, plan.requests), (3, 205 + 400 + 40, 2 + 2 + 1));
    }

    #[test]
    fn a_whole_past_is_not_asked_for_again_to_learn_whether_there_was_one() {
        let range = TimeRange::new(Timestamp::MIN, Timestamp::from_secs(60)).unwrap();
        let finding = Finding::at(IntegrityIssue::LoneWitness, &series(Timeframe::M1), range, String::new());
        let plan = RepairPlan::of(&[finding], |_| Some((Grid::Utc, 200)));
        assert_eq!((plan.ranges[0].1, plan.slots, plan.requests), (range, 0, 2));
    }

    #[test]
    fn what_no_answer_can_mend_is_left_to_somebody() {
        let findings = [
            Finding::of(IntegrityIssue::Unreadable, &series(Timeframe::M1), String::new()),
            Finding::of(IntegrityIssue::Ledger, &series(Timeframe::M1), String::new()),
        ];
        let plan = RepairPlan::of(&findings, |_| Some((Grid::Utc, 200)));
        assert_eq!((plan.manual, plan.ledgers.len(), plan.ranges.len()), (1, 1, 0));
    }
}

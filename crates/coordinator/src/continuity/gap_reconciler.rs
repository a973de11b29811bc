//! Decides whether the trades fetched for a gap join the live ones before and after it.
//!
//! One page proves little: it may be a cached copy that is seconds old, empty by mistake, or lack its middle.
//! So a gap counts as healed only when
//!
//! - the walk back through the pages reaches beyond the delivered trades,
//! - it reaches forward to the newest delivered trade, and to the first that arrived after the gap,
//! - it shows all trades in between that arrived live, and each of its pages joins the one before, and,
//! - where anything is unusual, a second walk with different requests shows the same: where a page was shorter
//!   than requested, or no trade arrived after the gap, or the market seems to have paused in it.
//!
//! Until then the pages are fetched again, up to a time limit; then the gap is reported as it is. Where no
//! trade arrived after the gap, a late page cannot be distinguished from a quiet market: after a wait, two
//! walks must agree, and the pages are checked once more with the first trade that arrives. The same wait
//! applies where the market seems to have paused in the gap as it does nowhere near it: a cached copy that
//! lacks a part looks like that for some seconds.
//!
//! The cost: nothing where nothing is unusual; a second walk and a second of time where pages are short; two
//! more walks where a silence is to be reported.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use market_backbone_core::{LossReason, Timestamp, Trade, TradeId};
use tokio::time::Instant;

use super::ContinuityConfig;
use super::backfill::TradeWalkResult;
use super::pause_stats::PauseStats;
use super::trade_rank::{KnownTrade, TradeRank};

/// The number of walks after which a venue is believed whose pages lack one in `MISSING_SHARE_DIVISOR` of the
/// trades that its socket sent.
const MANY_WALKS: u32 = 4;
const MISSING_SHARE_DIVISOR: usize = 20;

/// The length in nanoseconds above which a pause is unusual, if it is also much longer than usual or breaks the
/// pace.
const UNUSUAL_PAUSE: i64 = 1_000_000_000;
const UNUSUAL_PAUSE_FACTOR: i64 = 12;

/// The next step for a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HealDecision {
    /// All trades of the gap are there.
    Complete,
    /// The pages are to be fetched again after this pause.
    Retry(Duration),
    /// Some trades will not come, or it cannot be proven that all are there.
    Incomplete(LossReason),
}

/// The known ends of the gap.
#[derive(Debug)]
pub(super) struct GapBounds<'a> {
    /// The newest trade that was delivered, or that is known without marking the end of the gap.
    pub(super) before: Option<&'a KnownTrade>,
    /// The first trade that arrived after the gap.
    pub(super) after: Option<&'a KnownTrade>,
    /// The ranks of all trades that arrived recently.
    pub(super) heard_ranks: &'a [TradeRank],
    /// The time until which a silence is not believed, neither that of the socket after the gap nor an unusual
    /// one in it.
    pub(super) uncertain_until: Instant,
    /// `true` if the part before has been fetched twice already, so that only the last part is new.
    pub(super) was_fetched_before: bool,
}

impl GapBounds<'_> {
    /// Returns the trade up to which the pages must reach.
    fn target(&self, kept_since: Timestamp) -> Option<&TradeRank> {
        let before = self.before.filter(|known| known.time >= kept_since);
        self.after.into_iter().chain(before).map(|known| &known.rank).max()
    }
}

/// The trades fetched for one market's gap so far.
#[derive(Debug, Default)]
pub(super) struct GapReconciler {
    found: BTreeMap<TradeRank, Trade>,
    walks: u32,
    /// The number of last walks that showed exactly the known trades.
    agreeing_walks: u32,
    /// The number of failed walks since the last success.
    failed_walks: u32,
    since: Option<Instant>,
    /// The description of the last failure.
    why: String,
}

impl GapReconciler {
    /// Returns the number of finished walks.
    pub(super) const fn walks(&self) -> u32 {
        self.walks
    }

    /// Records that the gap has grown: the trades found are kept, and prove nothing.
    pub(super) fn mark_uncertain(&mut self) {
        (self.agreeing_walks, self.failed_walks, self.since) = (0, 0, None);
    }

    /// Returns all trades found, in order.
    pub(super) fn take(&mut self) -> Vec<Trade> {
        std::mem::take(self).found.into_values().collect()
    }

    /// Returns a page size that is more than half of the trades found.
    pub(super) fn repeat_page_size(&self) -> u32 {
        u32::try_from(self.found.len() * 3 / 5).unwrap_or(u32::MAX)
    }

    /// Returns the trade at which a second walk may begin, because the pages have shown it already.
    pub(super) fn repeat_start<'k>(&self, after: Option<&'k KnownTrade>) -> Option<&'k TradeId> {
        let after = after.filter(|known| self.newest().is_some_and(|newest| *newest >= known.rank));
        after.map(|known| known.rank.id())
    }

    fn newest(&self) -> Option<&TradeRank> {
        self.found.last_key_value().map(|(rank, _)| rank)
    }

    /// Adds the trades that a walk has found.
    fn merge(&mut self, walked: &mut TradeWalkResult, limit: Option<&TradeRank>) -> bool {
        let mut is_news = false;
        for trade in std::mem::take(&mut walked.trades) {
            let rank = TradeRank::of(&trade);
            walked.shown.insert(rank.clone());
            let counts = limit.is_none_or(|limit| rank <= *limit);
            if let Entry::Vacant(place) = self.found.entry(rank) {
                is_news |= counts;
                place.insert(trade);
            }
        }
        is_news
    }

    /// Adds the trades of a walk that was overtaken by another gap.
    pub(super) fn merge_unchecked(&mut self, mut walked: TradeWalkResult) {
        self.walks += 1;
        self.merge(&mut walked, None);
    }

    /// Adds the trades of a walk, and decides the next step.
    pub(super) fn check(
        &mut self,
        mut walked: TradeWalkResult,
        ends: &GapBounds<'_>,
        config: &ContinuityConfig,
        now: Instant,
    ) -> HealDecision {
        self.walks += 1;
        // While the venue did not answer, nothing was shown that could have joined.
        let since = self.since.map_or(now, |since| since + walked.unanswered);
        self.since = Some(since);
        // Where no trade arrived after the gap, two walks must agree on what the first of them showed.
        let limit = ends.after.map(|known| &known.rank).or_else(|| self.newest()).cloned();
        let limit = limit.as_ref();
        let is_news = self.merge(&mut walked, limit);
        if let Some(loss) = &walked.cut_short {
            return HealDecision::Incomplete(loss.clone());
        }
        if walked.is_disjoint {
            self.why = "its pages do not join".to_owned();
        }
        let is_valid = !walked.is_disjoint
            && self.reaches_both_ends(&walked, ends)
            && self.is_consistent(&walked, ends, limit);
        self.agreeing_walks = match (is_valid, is_news) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => self.agreeing_walks + 1,
        };
        let is_silent = ends.after.is_none() || self.has_unusual_silence(ends, walked.pause_stats);
        let is_trusted = ends.was_fetched_before || self.shows_nothing_new(ends);
        let needed = if is_trusted || !(is_silent || walked.is_short) { 1 } else { 2 };
        let is_strange = ends.after.is_none() || (needed > 1 && is_silent);
        let is_uncertain = is_strange && now < ends.uncertain_until;
        if self.agreeing_walks >= needed && !is_uncertain {
            return match walked.too_old {
                Some(days) => HealDecision::Incomplete(LossReason::TooOld { days }),
                None => HealDecision::Complete,
            };
        }
        if now >= since + config.join_timeout && self.walks >= MANY_WALKS {
            if self.agreeing_walks > 0 {
                self.why = "its pages join, but no second walk has confirmed them".to_owned();
            }
            return HealDecision::Incomplete(LossReason::Unproven { message: self.why.as_str().into() });
        }
        if self.agreeing_walks == 0 {
            let pause =
                config.retry_pause.saturating_mul(1 << self.failed_walks.min(10)).min(config.join_pause_cap);
            self.failed_walks += 1;
            return HealDecision::Retry(pause);
        }
        self.failed_walks = 0;
        if is_uncertain && ends.after.is_none() {
            self.agreeing_walks = 0; // what is shown before pages can have caught up is no witness of a silence
        }
        let rest = ends.uncertain_until.saturating_duration_since(now);
        HealDecision::Retry(if is_uncertain { config.recheck_after.max(rest) } else { config.recheck_after })
    }

    /// Returns whether the market paused in the gap for much longer than is usual around it, or than ever
    /// around it. `before` holds the pauses that the pages show from before the beginning.
    fn has_unusual_silence(&self, ends: &GapBounds<'_>, before: PauseStats) -> bool {
        let Some((from, to)) = ends.before.zip(ends.after) else { return false };
        let (from, to) = (from.time.as_nanos(), to.time.as_nanos());
        let found = self.found.values().map(|trade| trade.time.as_nanos());
        // The last trade before the gap may not be among them.
        let is_left_out = self.found.values().next().is_some_and(|oldest| from < oldest.time.as_nanos());
        let times: Vec<i64> = is_left_out.then_some(from).into_iter().chain(found).collect();
        let (mut longest, mut around) = (0, before);
        for pair in times.windows(2) {
            match from <= pair[0] && pair[1] <= to {
                true => longest = longest.max(pair[1] - pair[0]),
                false => around.add(pair[1] - pair[0]),
            }
        }
        let [first, .., last] = &times[..] else { return false };
        let others = i64::try_from(times.len()).unwrap_or(i64::MAX) - 2;
        let usual = (last - first - longest) / others.max(1);
        let is_rare = others > 0 && longest / UNUSUAL_PAUSE_FACTOR > usual;
        longest >= UNUSUAL_PAUSE && (is_rare || around.is_exceeded_by(longest))
    }

    /// Returns whether nothing happened in the gap: the venue's newest trade was known when it began to send
    /// again, and the pages show nothing that did not arrive live.
    fn shows_nothing_new(&self, ends: &GapBounds<'_>) -> bool {
        let Some((after, before)) = ends.after.zip(ends.before) else { return false };
        if after.rank > before.rank {
            return false;
        }
        let heard: HashSet<&TradeId> = ends.heard_ranks.iter().map(TradeRank::id).collect();
        self.found.keys().all(|rank| heard.contains(rank.id()))
    }

    /// Returns whether the pages reach both ends.
    fn reaches_both_ends(&mut self, walked: &TradeWalkResult, ends: &GapBounds<'_>) -> bool {
        let Some(target) = ends.target(walked.kept_since) else { return true };
        let reaches = self.newest().is_some_and(|newest| newest >= target);
        if !reaches {
            let until = match self.found.last_key_value() {
                Some((_, trade)) => format!("its pages end with the trade of {}", trade.time),
                None => "its pages show no trade".to_owned(),
            };
            let heard = ends.after.or(ends.before).map_or(Timestamp::EPOCH, |known| known.time);
            self.why = format!("{until}, but one of {heard} arrived live");
        }
        reaches
    }

    /// Returns whether a walk shows all trades that are known to exist.
    fn is_consistent(
        &mut self,
        walked: &TradeWalkResult,
        ends: &GapBounds<'_>,
        limit: Option<&TradeRank>,
    ) -> bool {
        if walked.unreadable > 0 {
            self.why = format!("{} trades of its pages could not be read", walked.unreadable);
            return false;
        }
        let counts = |rank: &&TradeRank| limit.is_none_or(|limit| *rank <= limit);
        if self.found.keys().filter(counts).any(|rank| !walked.shown.contains(rank)) {
            self.why = "its pages do not agree with each other".to_owned();
            return false;
        }
        let (Some(oldest), Some(newest)) = (self.found.keys().next(), self.newest()) else { return true };
        // A page that goes back far enough may lack the very first of the missing trades.
        let oldest = walked.newest_before_begin.as_ref().unwrap_or(oldest);
        let between =
            |rank: &&TradeRank| oldest < *rank && *rank < newest && limit.is_none_or(|limit| *rank <= limit);
        let known: Vec<_> = ends.heard_ranks.iter().filter(between).collect();
        let shown: HashSet<&TradeId> = self.found.keys().map(TradeRank::id).collect();
        let absent = known.iter().filter(|rank| !shown.contains(rank.id())).count();
        if absent > 0 {
            self.why = format!("its pages lack {absent} of {} trades that arrived live", known.len());
        }
        absent == 0 || (self.walks >= MANY_WALKS && absent * MISSING_SHARE_DIVISOR <= known.len())
    }
}

//! The schedule by which the venue is asked about one series: once when a slot is final, and again later
//! where the venue is known to revise it.
//!
//! Late rounds are batched: after a slot can be asked about, it waits for others for half of its age, so that
//! a series costs a request or two a day. They need not be remembered over a restart, because the ledger says
//! when each slot was last confirmed.

use std::time::Duration;

use market_backbone_core::{
    Capabilities, Clock, Coverage, RangeSet, RevisionPolicy, Series, Span, TimeRange, Timestamp,
};
use tokio::time::Instant;

use super::RecorderConfig;
use super::confirm::ConfirmRequest;

/// One round of confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfirmRound {
    /// The age of a slot in this round, counted from its end.
    age: Duration,
    /// The longest that the oldest slot then waits for others.
    batch: Duration,
}

/// Returns the rounds, in order; none if nothing is to be confirmed.
pub(super) fn plan(config: &RecorderConfig, venue: &Capabilities) -> Vec<ConfirmRound> {
    if config.confirm_interval.is_none() {
        return Vec::new();
    }
    let first = ConfirmRound { age: venue.finality_delay + config.confirm_delay, batch: Duration::ZERO };
    let late = venue.revision_policy.reconcile_after.iter();
    std::iter::once(first)
        .chain(late.map(|age| ConfirmRound { age: *age, batch: RevisionPolicy::batch_delay(*age) }))
        .collect()
}

/// Returns the part of `range` that is known from live data only.
pub(super) fn streamed_only(known: &Coverage, range: TimeRange) -> RangeSet {
    let known = known.within(range);
    let is_heard = |span: &&Span| span.provenance.origin.is_live();
    known.spans().iter().filter(is_heard).map(|span| span.range).collect()
}

/// The slots to be confirmed in one round.
#[derive(Clone, Debug)]
struct RoundQueue {
    slots: RangeSet,
    /// The time before which only a full page is requested.
    not_before: Instant,
}

/// The rounds of one series.
#[derive(Debug)]
pub(super) struct ConfirmSchedule {
    plan: Vec<ConfirmRound>,
    /// The shortest interval between two requests of a round.
    every: Duration,
    each: Vec<RoundQueue>,
    /// The time until which no request is sent after a failed one.
    pause_until: Option<Instant>,
    is_asking: bool,
}

impl ConfirmSchedule {
    /// Creates the schedule. The first round starts when it has slots; late rounds may have some to catch up
    /// on.
    pub(super) fn new(plan: Vec<ConfirmRound>, every: Duration, now: Instant) -> Self {
        let wait = |index| if index == 0 { now + every } else { now };
        let waiting = |index| RoundQueue { slots: RangeSet::new(), not_before: wait(index) };
        let each = (0..plan.len()).map(waiting).collect();
        Self { plan, every, each, pause_until: None, is_asking: false }
    }

    /// Adds live slots that have not been confirmed.
    pub(super) fn add_streamed(&mut self, slots: &RangeSet) {
        if let Some(first) = self.each.first_mut() {
            first.slots.extend(slots.iter().copied());
        }
    }

    /// Removes withdrawn slots.
    pub(super) fn withdraw(&mut self, range: TimeRange) {
        self.each.iter_mut().for_each(|waiting| waiting.slots.remove(range));
    }

    /// Adds what an earlier run left: slots known from live data only, and those that were younger than a
    /// late round's age when they were last confirmed.
    pub(super) fn catch_up(&mut self, known: &Coverage) {
        if let Ok(always) = TimeRange::new(Timestamp::MIN, Timestamp::MAX) {
            self.add_streamed(&streamed_only(known, always));
        }
        for (round, waiting) in self.plan.iter().zip(&mut self.each).skip(1) {
            for span in known.spans().iter().filter(|span| !span.provenance.origin.is_live()) {
                let from = span.provenance.observed_at.minus(round.age);
                if let Ok(range) = TimeRange::new(span.range.from().max(from), span.range.to()) {
                    waiting.slots.insert(range);
                }
            }
        }
    }

    /// Returns the next request that is due.
    pub(super) fn next(
        &mut self,
        series: &Series,
        venue: &Capabilities,
        clock: &dyn Clock,
    ) -> Option<ConfirmRequest> {
        let (now, every) = (Instant::now(), self.every);
        if self.is_asking || self.pause_until.is_some_and(|until| now < until) {
            return None;
        }
        let due = |(index, (round, waiting)): (usize, (&ConfirmRound, &mut RoundQueue))| {
            let settled = clock.now().minus(round.age);
            let question = ConfirmRequest::about(series, index, &waiting.slots, venue, settled)?;
            let waits_enough = now >= waiting.not_before && question.oldest() <= settled.minus(round.batch);
            (waits_enough || question.fills_page).then(|| {
                waiting.not_before = now + every;
                question
            })
        };
        let question = self.plan.iter().zip(&mut self.each).enumerate().find_map(due);
        self.is_asking = question.is_some();
        question
    }

    /// Records that the venue has answered about `asked` and covered `covered`; returns the confirmed slots.
    pub(super) fn answered(
        &mut self,
        round: usize,
        asked: TimeRange,
        covered: &[TimeRange],
    ) -> Vec<TimeRange> {
        self.is_asking = false;
        self.pause_until = None;
        let Some(waiting) = self.each.get_mut(round) else { return Vec::new() };
        let within = covered.iter().filter_map(|range| range.intersect(asked));
        let spoken_of: Vec<_> = within.flat_map(|range| waiting.slots.within(range)).collect();
        // What the venue leaves out now it will leave out the next time too.
        waiting.slots.remove(asked);
        if let Some(next) = self.each.get_mut(round + 1) {
            next.slots.extend(spoken_of.iter().copied());
        }
        spoken_of
    }

    /// Records a failed request: none is sent for a while.
    pub(super) fn failed(&mut self) {
        self.is_asking = false;
        self.pause_until = Some(Instant::now() + self.every);
    }
}

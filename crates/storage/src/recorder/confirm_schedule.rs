//! What the venue is still to be asked about one series: once when a slot has settled, and again later where it is known
//! to correct itself.
//!
//! Late rounds are batched: a slot waits for others for half as long as it is old when it can be asked about, so that a
//! series costs a request or two a day. They need not be remembered over a restart, for the ledger says when each slot was
//! last asked about.

use std::time::Duration;

use market_backbone_core::{
    Capabilities, Clock, Coverage, RangeSet, RevisionPolicy, Series, Span, TimeRange, Timestamp,
};
use tokio::time::Instant;

use super::RecorderConfig;
use super::confirm::ConfirmRequest;

/// One time that the venue is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfirmRound {
    /// How old a slot is by then, counted from its end.
    age: Duration,
    /// How long the oldest then waits for others.
    batch: Duration,
}

/// The rounds, in order; none if nothing shall be asked.
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

/// What of `range` is known by hearing alone.
pub(super) fn streamed_only(known: &Coverage, range: TimeRange) -> RangeSet {
    let known = known.within(range);
    let is_heard = |span: &&Span| span.provenance.origin.is_live();
    known.spans().iter().filter(is_heard).map(|span| span.range).collect()
}

/// What is to be asked in one round.
#[derive(Clone, Debug)]
struct RoundQueue {
    slots: RangeSet,
    /// Before that only a full page is asked about.
    not_before: Instant,
}

/// The rounds of one series.
#[derive(Debug)]
pub(super) struct ConfirmSchedule {
    plan: Vec<ConfirmRound>,
    /// How often one of them asks, at most.
    every: Duration,
    each: Vec<RoundQueue>,
    /// After a question that failed, none is asked before that.
    pause_until: Option<Instant>,
    is_asking: bool,
}

impl ConfirmSchedule {
    /// The first round begins when it has something to ask about; late ones may have something to catch up on.
    pub(super) fn new(plan: Vec<ConfirmRound>, every: Duration, now: Instant) -> Self {
        let wait = |index| if index == 0 { now + every } else { now };
        let waiting = |index| RoundQueue { slots: RangeSet::new(), not_before: wait(index) };
        let each = (0..plan.len()).map(waiting).collect();
        Self { plan, every, each, pause_until: None, is_asking: false }
    }

    /// Slots that were heard, and about which nobody has been asked.
    pub(super) fn add_streamed(&mut self, slots: &RangeSet) {
        if let Some(first) = self.each.first_mut() {
            first.slots.extend(slots.iter().copied());
        }
    }

    /// Slots that were taken back.
    pub(super) fn withdraw(&mut self, range: TimeRange) {
        self.each.iter_mut().for_each(|waiting| waiting.slots.remove(range));
    }

    /// What an earlier run left: slots that were only heard, and those that were younger than a late round asks for when
    /// they were last asked about.
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

    /// The next question that is due.
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

    /// The venue has answered about `asked`, and spoken of `covered`; says which slots it was asked about and spoke of.
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
        // What the venue says nothing about it will not speak of the next time either.
        waiting.slots.remove(asked);
        if let Some(next) = self.each.get_mut(round + 1) {
            next.slots.extend(spoken_of.iter().copied());
        }
        spoken_of
    }

    /// The venue could not be asked: it is left alone for a while.
    pub(super) fn failed(&mut self) {
        self.is_asking = false;
        self.pause_until = Some(Instant::now() + self.every);
    }
}

//! The estimate of the venue's lead over the machine's clock, from observations. It reads no clock.

use std::collections::VecDeque;
use std::time::Duration;

use super::OffsetBounds;

/// The number of answers that are remembered.
const MAX_REPLIES: usize = 16;
/// The tolerance in nanoseconds: the servers of a venue differ among themselves, and a clock differs from
/// itself while it is being adjusted.
const SLACK: i64 = 250_000_000;
/// The least difference, in nanoseconds, that counts as a contradiction or a step.
const MIN_STEP: i64 = 1_000_000_000;
/// The number of event times that are remembered.
const MAX_EVENT_TIMES: usize = 31;
/// The number of event times that must lie ahead of the machine's clock to show that it is behind.
const MIN_EVENT_TIMES: usize = 5;
/// The tolerance, in nanoseconds, within which event times must agree to show that the clock is ahead: a
/// trade may be reported late.
const AGREEMENT_TOLERANCE: i64 = 2_000_000_000;
/// The most trades of a page that may be stamped in the future.
const MAX_FUTURE_TRADES: usize = 2;
/// The number of trades that show how often a market trades, if they did not all happen at once.
const PACE_TRADES: usize = 20;
const MIN_PACE_SPAN: i64 = 5_000_000_000;
/// The longest pause of a market, in nanoseconds, that is not taken for a halt.
const MAX_PAUSE: i64 = 3 * 3_600 * 1_000_000_000;

/// Returns whether a change from one offset to the other is a step of the clock.
pub(super) const fn is_step(from: i64, to: i64) -> bool {
    from.abs_diff(to) > MIN_STEP.unsigned_abs()
}

/// The observations of the difference, and the value assumed.
#[derive(Debug, Default)]
pub(super) struct OffsetEstimate {
    /// The bounds the latest answers show; no two contradict each other.
    reply_bounds: VecDeque<OffsetBounds>,
    /// An answer that contradicts them all.
    contradicting: Option<OffsetBounds>,
    /// The measurement of an earlier process or of a handshake, used until the first answer.
    restored: Option<OffsetBounds>,
    /// The leads of the latest event times over the machine's clock.
    event_leads: VecDeque<i64>,
    /// The least lead, as several times of one page or of frames, or a handshake, have shown: those events
    /// happened before now. Whether a silent market has been halted or the machine's clock is ahead cannot be
    /// known; this bound holds in both cases.
    lower_bound: Option<i64>,
    offset: i64,
    samples: u64,
}

impl OffsetBounds {
    fn widened(self, by: i64) -> Self {
        Self { from: self.from.saturating_sub(by), to: self.to.saturating_add(by) }
    }

    fn intersect(self, other: Self) -> Option<Self> {
        let both = Self { from: self.from.max(other.from), to: self.to.min(other.to) };
        (both.from <= both.to).then_some(both)
    }

    const fn contains(self, offset: i64) -> bool {
        self.from <= offset && offset <= self.to
    }

    const fn middle(self) -> i64 {
        self.from.midpoint(self.to)
    }
}

impl OffsetEstimate {
    pub(super) const fn offset(&self) -> i64 {
        self.offset
    }

    pub(super) const fn samples(&self) -> u64 {
        self.samples
    }

    /// Returns the bounds that all answers together show.
    pub(super) fn bounds(&self) -> Option<OffsetBounds> {
        let mut answers = self.reply_bounds.iter();
        let first = *answers.next()?;
        answers.try_fold(first, |all, one| all.intersect(*one))
    }

    /// Returns the least offset that the answers show; the tolerance added to them is subtracted again.
    pub(super) fn reply_lower_bound(&self) -> Option<i64> {
        self.bounds().map(|bounds| bounds.from.saturating_add(SLACK))
    }

    /// Returns the least offset by all observations, or `None` where nothing has shown it.
    pub(super) fn lower_bound(&self) -> Option<i64> {
        match self.reply_lower_bound() {
            Some(least) if self.offset != 0 => Some(least.min(self.offset)),
            // The answers agree with a machine whose clock is right.
            Some(_) => Some(self.offset),
            None => self.lower_bound.map(|shown| shown.min(self.offset)),
        }
    }

    fn raise_lower_bound(&mut self, ahead: i64) {
        self.lower_bound = Some(self.lower_bound.map_or(ahead, |shown| shown.max(ahead)));
    }

    pub(super) fn uncertainty(&self) -> Option<Duration> {
        let Some(bounds) = self.bounds().or(self.restored) else {
            return (self.samples > 0).then_some(nanos(AGREEMENT_TOLERANCE));
        };
        let off = self.offset.abs_diff(bounds.from).max(self.offset.abs_diff(bounds.to));
        Some(Duration::from_nanos(off))
    }

    /// Adds an answer and returns whether it contradicts the earlier ones, so that one of the two is wrong.
    pub(super) fn ingest_reply(&mut self, bounds: OffsetBounds) -> bool {
        self.samples += 1;
        self.restored = None;
        self.event_leads.clear();
        let bounds = bounds.widened(SLACK);
        match self.bounds() {
            None => self.reply_bounds = VecDeque::from([bounds]),
            Some(known) if known.intersect(bounds).is_some() => {
                self.contradicting = None;
                self.reply_bounds.push_back(bounds);
                if self.reply_bounds.len() > MAX_REPLIES {
                    self.reply_bounds.pop_front();
                }
            }
            // The clock was adjusted little by little.
            Some(known) if known.widened(MIN_STEP).intersect(bounds).is_some() => {
                self.contradicting = None;
                self.reply_bounds = VecDeque::from([bounds]);
            }
            Some(_) => match self.contradicting.take().filter(|odd| odd.intersect(bounds).is_some()) {
                Some(odd) => self.reply_bounds = VecDeque::from([odd, bounds]),
                None => {
                    self.contradicting = Some(bounds);
                    return true;
                }
            },
        }
        self.update_offset();
        false
    }

    /// Takes the measurement of an earlier process, unless something is known already.
    pub(super) fn restore(&mut self, bounds: OffsetBounds) -> bool {
        let is_first = self.reply_bounds.is_empty();
        if is_first {
            self.restored = Some(bounds);
            self.offset = self.nearest_offset_in(bounds);
        }
        is_first
    }

    /// Discards everything, except that the machine's clock was set back by `by`.
    pub(super) fn reset(&mut self, by: i64) {
        *self = Self { offset: self.offset.saturating_add(by), ..Self::default() };
    }

    /// Takes the date of a handshake, unless something else is known already.
    pub(super) fn ingest_handshake(&mut self, bounds: OffsetBounds) -> bool {
        let is_first = self.samples == 0;
        if is_first {
            self.samples = 1;
            self.raise_lower_bound(bounds.from);
            self.restore(bounds.widened(SLACK));
        }
        is_first
    }

    /// Adds the lead of an event time over the machine's clock, and returns whether enough have arrived to
    /// conclude anything.
    pub(super) fn ingest_event_lead(&mut self, ahead: i64) -> bool {
        if !self.reply_bounds.is_empty() {
            return false;
        }
        self.samples += 1;
        self.event_leads.push_back(ahead);
        if self.event_leads.len() > MAX_EVENT_TIMES {
            self.event_leads.pop_front();
        }
        if self.event_leads.len() < MIN_EVENT_TIMES {
            return false;
        }
        let mut newest_first: Vec<_> = self.event_leads.iter().copied().collect();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        // No single time decides: a quarter of them may lie in the future.
        let (early, late) = (
            newest_first[MAX_EVENT_TIMES.min(newest_first.len()) / 4],
            newest_first[newest_first.len() * 3 / 4],
        );
        self.raise_lower_bound(early.min(newest_first[MAX_FUTURE_TRADES]));
        let is_behind = early > AGREEMENT_TOLERANCE;
        let is_ahead = self.event_leads.len() == MAX_EVENT_TIMES
            && early < -AGREEMENT_TOLERANCE
            && early.saturating_sub(late) <= AGREEMENT_TOLERANCE;
        if is_behind || is_ahead {
            self.restored = None;
            self.offset = early;
        } else if self.event_leads.len() == MAX_EVENT_TIMES && early.abs() <= AGREEMENT_TOLERANCE {
            self.restored = None;
            self.offset = 0;
        } else {
            return false;
        }
        true
    }

    /// Adds the leads of a market's latest trades over the machine's clock.
    pub(super) fn ingest_latest_trades(&mut self, mut ahead: Vec<i64>) {
        if !self.reply_bounds.is_empty() {
            return;
        }
        ahead.sort_unstable_by(|one, other| other.cmp(one));
        self.samples += ahead.len() as u64;
        let Some(newest) = ahead.get(MAX_FUTURE_TRADES).copied().filter(|_| ahead.len() >= MIN_EVENT_TIMES)
        else {
            return;
        };
        self.raise_lower_bound(newest);
        let stopped_for = newest.saturating_neg();
        let has_stopped = |before: i64| {
            let pace = newest.saturating_sub(before) / (PACE_TRADES - MAX_FUTURE_TRADES) as i64;
            let is_paced = newest.saturating_sub(before) >= MIN_PACE_SPAN;
            let unlikely = pace.saturating_mul(PACE_TRADES as i64).saturating_add(AGREEMENT_TOLERANCE);
            is_paced && unlikely < stopped_for && stopped_for <= MAX_PAUSE
        };
        if newest > AGREEMENT_TOLERANCE || ahead.get(PACE_TRADES).copied().is_some_and(has_stopped) {
            self.restored = None;
            self.offset = newest;
        }
    }

    fn update_offset(&mut self) {
        if let Some(bounds) = self.bounds() {
            self.offset = self.nearest_offset_in(bounds);
        }
    }

    /// Returns zero where that is within the bounds, else the current offset where that is, else the middle.
    const fn nearest_offset_in(&self, bounds: OffsetBounds) -> i64 {
        match self.offset {
            _ if bounds.contains(0) => 0,
            offset if bounds.contains(offset) => offset,
            _ => bounds.middle(),
        }
    }
}

fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(nanos.unsigned_abs())
}

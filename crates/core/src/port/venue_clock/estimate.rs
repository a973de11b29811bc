//! By how much the venue's clock is ahead of the machine's, judged from observations. No clock of its own.

use std::collections::VecDeque;
use std::time::Duration;

use super::Bounds;

/// Answers that are remembered.
const ANSWERS: usize = 16;
/// The servers of a venue differ among themselves, and so does a clock from itself while it is being adjusted.
const SLACK: i64 = 250_000_000;
/// What differs by less is no contradiction, and no step.
const STEP: i64 = 1_000_000_000;
/// Times of trades that are remembered,
const TIMES: usize = 31;
/// how many of them must lie ahead of the machine's clock to show that it is behind,
const FEW_TIMES: usize = 5;
/// and within what those must agree that are to show that it is ahead: a trade may be told of late.
const AGREED_WITHIN: i64 = 2_000_000_000;
/// This many trades of a page may come from the future,
const ASTRAY: usize = 2;
/// so many tell how often a market trades, if they did not all happen at once,
const PACE: usize = 20;
const AT_ONCE: i64 = 5_000_000_000;
/// and a market that has stopped for longer may have been halted.
const HALTED: i64 = 3 * 3_600 * 1_000_000_000;

/// Whether a clock that is moved from one offset to the other jumps.
pub(super) const fn is_step(from: i64, to: i64) -> bool {
    from.abs_diff(to) > STEP.unsigned_abs()
}

/// What is known of the difference, and what is taken for true.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    /// What the latest answers show; no two contradict each other.
    answers: VecDeque<Bounds>,
    /// An answer that contradicts them all.
    odd: Option<Bounds>,
    /// What an earlier process has measured, or a handshake has shown; of use until the first answer.
    recalled: Option<Bounds>,
    /// How far ahead of the machine's clock the latest times of trades were.
    times: VecDeque<i64>,
    /// How far ahead it is at the least, as several times of one page or of frames, or a handshake, have shown: what has
    /// happened there was before now. Whether a market that was silent has been halted or the machine's clock is
    /// ahead nobody can tell; this holds in both cases.
    shown: Option<i64>,
    offset: i64,
    samples: u64,
}

impl Bounds {
    fn widened(self, by: i64) -> Self {
        Self { from: self.from.saturating_sub(by), to: self.to.saturating_add(by) }
    }

    fn meet(self, other: Self) -> Option<Self> {
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

impl Estimate {
    pub(super) const fn offset(&self) -> i64 {
        self.offset
    }

    pub(super) const fn samples(&self) -> u64 {
        self.samples
    }

    /// What all answers together show.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        let mut answers = self.answers.iter();
        let first = *answers.next()?;
        answers.try_fold(first, |all, one| all.meet(*one))
    }

    /// What the offset is at the least, as far as answers show it; they were believed a little more than they say.
    pub(super) fn least(&self) -> Option<i64> {
        self.bounds().map(|bounds| bounds.from.saturating_add(SLACK))
    }

    /// What the offset is at the least by all that was seen; nothing where nothing has shown it.
    pub(super) fn shown(&self) -> Option<i64> {
        match self.least() {
            Some(least) if self.offset != 0 => Some(least.min(self.offset)),
            // The answers agree with a machine whose clock is right.
            Some(_) => Some(self.offset),
            None => self.shown.map(|shown| shown.min(self.offset)),
        }
    }

    fn show(&mut self, ahead: i64) {
        self.shown = Some(self.shown.map_or(ahead, |shown| shown.max(ahead)));
    }

    pub(super) fn uncertainty(&self) -> Option<Duration> {
        let Some(bounds) = self.bounds().or(self.recalled) else {
            return (self.samples > 0).then_some(nanos(AGREED_WITHIN));
        };
        let off = self.offset.abs_diff(bounds.from).max(self.offset.abs_diff(bounds.to));
        Some(Duration::from_nanos(off))
    }

    /// Takes what an answer shows; returns whether it contradicts what was known, so that one of the two is wrong.
    pub(super) fn take(&mut self, bounds: Bounds) -> bool {
        self.samples += 1;
        self.recalled = None;
        self.times.clear();
        let bounds = bounds.widened(SLACK);
        match self.bounds() {
            None => self.answers = VecDeque::from([bounds]),
            Some(known) if known.meet(bounds).is_some() => {
                self.odd = None;
                self.answers.push_back(bounds);
                if self.answers.len() > ANSWERS {
                    self.answers.pop_front();
                }
            }
            // It was adjusted little by little.
            Some(known) if known.widened(STEP).meet(bounds).is_some() => {
                self.odd = None;
                self.answers = VecDeque::from([bounds]);
            }
            Some(_) => match self.odd.take().filter(|odd| odd.meet(bounds).is_some()) {
                Some(odd) => self.answers = VecDeque::from([odd, bounds]),
                None => {
                    self.odd = Some(bounds);
                    return true;
                }
            },
        }
        self.settle();
        false
    }

    /// Takes what an earlier process has measured, unless something is known already.
    pub(super) fn recall(&mut self, bounds: Bounds) -> bool {
        let is_first = self.answers.is_empty();
        if is_first {
            self.recalled = Some(bounds);
            self.offset = self.moved_into(bounds);
        }
        is_first
    }

    /// Forgets all but that the machine's clock was set back by so much.
    pub(super) fn begin_anew(&mut self, by: i64) {
        *self = Self { offset: self.offset.saturating_add(by), ..Self::default() };
    }

    /// Takes what a handshake shows, unless something else has shown it already.
    pub(super) fn greet(&mut self, bounds: Bounds) -> bool {
        let is_first = self.samples == 0;
        if is_first {
            self.samples = 1;
            self.show(bounds.from);
            self.recall(bounds.widened(SLACK));
        }
        is_first
    }

    /// Takes how far a time lies ahead of the machine's clock; returns whether enough have been heard to say anything.
    pub(super) fn hear(&mut self, ahead: i64) -> bool {
        if !self.answers.is_empty() {
            return false;
        }
        self.samples += 1;
        self.times.push_back(ahead);
        if self.times.len() > TIMES {
            self.times.pop_front();
        }
        if self.times.len() < FEW_TIMES {
            return false;
        }
        let mut newest_first: Vec<_> = self.times.iter().copied().collect();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        // No single time decides: a quarter of them may come from the future.
        let (early, late) =
            (newest_first[TIMES.min(newest_first.len()) / 4], newest_first[newest_first.len() * 3 / 4]);
        self.show(early.min(newest_first[ASTRAY]));
        let is_behind = early > AGREED_WITHIN;
        let is_ahead = self.times.len() == TIMES
            && early < -AGREED_WITHIN
            && early.saturating_sub(late) <= AGREED_WITHIN;
        if is_behind || is_ahead {
            self.recalled = None;
            self.offset = early;
        } else if self.times.len() == TIMES && early.abs() <= AGREED_WITHIN {
            self.recalled = None;
            self.offset = 0;
        } else {
            return false;
        }
        true
    }

    /// Takes how far the times of the latest trades of a market lie ahead of the machine's clock.
    pub(super) fn read_page(&mut self, mut ahead: Vec<i64>) {
        if !self.answers.is_empty() {
            return;
        }
        ahead.sort_unstable_by(|one, other| other.cmp(one));
        self.samples += ahead.len() as u64;
        let Some(newest) = ahead.get(ASTRAY).copied().filter(|_| ahead.len() >= FEW_TIMES) else { return };
        self.show(newest);
        let stopped_for = newest.saturating_neg();
        let has_stopped = |before: i64| {
            let pace = newest.saturating_sub(before) / (PACE - ASTRAY) as i64;
            let is_paced = newest.saturating_sub(before) >= AT_ONCE;
            let unlikely = pace.saturating_mul(PACE as i64).saturating_add(AGREED_WITHIN);
            is_paced && unlikely < stopped_for && stopped_for <= HALTED
        };
        if newest > AGREED_WITHIN || ahead.get(PACE).copied().is_some_and(has_stopped) {
            self.recalled = None;
            self.offset = newest;
        }
    }

    fn settle(&mut self) {
        if let Some(bounds) = self.bounds() {
            self.offset = self.moved_into(bounds);
        }
    }

    /// Nothing where that may be right, else what it is where that may be, else the middle.
    const fn moved_into(&self, bounds: Bounds) -> i64 {
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

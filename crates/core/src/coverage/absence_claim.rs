//! Claims that slots at the edge of an answer are empty, before this is confirmed.
//!
//! A venue's newest rows can arrive late, and one answer can be empty or stale by mistake. So the slots
//! beyond the rows of an answer are not proven: they are kept as a claim with a number of observations. A
//! claim becomes a proof when a later answer still lacks the rows, at a time when they should have turned up.
//!
//! An *uncertain* claim has no observation: the answer reported something impossible about these slots, or
//! said that the venue no longer has them. It never becomes a proof. Where it is repeated, it is asked about
//! less and less often.

use std::time::Duration;

use super::range_list::{self, RangeEntry};
use crate::{TimeRange, Timestamp};

/// The longest time after the end of a slot at which its row may still turn up at a venue. Upbit and Bittrex
/// were seen to leave out the last two or three minutes in some answers.
pub const MAX_ROW_DELAY: Duration = Duration::from_secs(300);

/// The most that the caller's clock may be ahead of the one that dates an answer. A caller that asks again to
/// confirm a claim waits this much longer than [`MAX_ROW_DELAY`]; otherwise the answer is too early and has
/// to be asked for again.
pub const CLOCK_SLACK: Duration = Duration::from_secs(3);

/// The least time between two answers that count as two observations.
const MIN_SEPARATION: Duration = Duration::from_millis(500);

/// The shortest and the longest pause before an uncertain range is asked about again; in between, it is the
/// time for which it has been uncertain.
const COOLDOWN_BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));

/// A range of slots that one or more answers left out beyond their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsenceClaim {
    /// The claimed range: every slot that opens in it was left out.
    pub range: TimeRange,
    /// The number of answers that left it out, at most 255. 0 for an uncertain claim.
    pub observations: u8,
    /// The time at which the first of these answers was requested.
    pub first_asked_at: Timestamp,
    /// The time at which the last of these answers was requested.
    pub last_asked_at: Timestamp,
}

impl AbsenceClaim {
    /// Returns the claim of one answer that was requested at `asked_at`.
    #[must_use]
    pub const fn of(range: TimeRange, asked_at: Timestamp) -> Self {
        Self { range, observations: 1, first_asked_at: asked_at, last_asked_at: asked_at }
    }

    /// Returns the uncertain claim of one answer that was requested at `asked_at`: it settles nothing about these
    /// slots.
    #[must_use]
    pub const fn uncertain(range: TimeRange, asked_at: Timestamp) -> Self {
        Self { range, observations: 0, first_asked_at: asked_at, last_asked_at: asked_at }
    }

    /// Returns whether it says only that nothing can be known about the range for now.
    #[must_use]
    pub const fn is_uncertain(&self) -> bool {
        self.observations == 0
    }

    /// Returns whether the claim is confirmed: a second answer repeats it that was requested late enough for
    /// delayed rows to have turned up.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.observations > 1 && self.last_asked_at >= self.first_asked_at.plus(MAX_ROW_DELAY)
    }

    /// Returns whether asking again at `now` is pointless: the claim was made twice and its rows may still turn
    /// up, or it is uncertain and still in its pause.
    #[must_use]
    pub fn is_cooling_down(&self, now: Timestamp) -> bool {
        if self.is_uncertain() {
            let lasted = self.last_asked_at.since(self.first_asked_at);
            return !lasted.is_zero()
                && now < self.last_asked_at.plus(lasted.clamp(COOLDOWN_BOUNDS.0, COOLDOWN_BOUNDS.1));
        }
        self.observations > 1 && now < self.first_asked_at.plus(MAX_ROW_DELAY).plus(CLOCK_SLACK)
    }

    /// Returns the claim with one more observation, by an answer that was requested at `asked_at`.
    #[must_use]
    pub fn observed_again(self, asked_at: Timestamp) -> Self {
        self.merge(Self::of(self.range, asked_at), self.range)
    }

    /// Merges two claims about the same `range`.
    fn merge(self, later: Self, range: TimeRange) -> Self {
        let (one, other) =
            if self.last_asked_at <= later.last_asked_at { (self, later) } else { (later, self) };
        let is_separate = other.first_asked_at >= one.last_asked_at.plus(MIN_SEPARATION);
        match (one.is_uncertain(), other.is_uncertain()) {
            (true, true) if !is_separate => return Self { range, ..one },
            (true, false) | (false, true) => return Self { range, ..other },
            _ => {}
        }
        let observations = if is_separate {
            one.observations.saturating_add(other.observations)
        } else {
            one.observations.max(other.observations)
        };
        Self {
            range,
            observations,
            first_asked_at: one.first_asked_at.min(other.first_asked_at),
            last_asked_at: other.last_asked_at,
        }
    }
}

/// Adds a claim to others. Where they overlap, the observations add up.
pub(super) fn add(claims: &mut Vec<AbsenceClaim>, new: AbsenceClaim) {
    let before = range_list::within(claims, new.range);
    range_list::overwrite(claims, new);
    for old in before {
        range_list::overwrite(claims, old.merge(new, old.range));
    }
}

impl RangeEntry for AbsenceClaim {
    fn range(&self) -> TimeRange {
        self.range
    }

    fn with_range(&self, range: TimeRange) -> Self {
        Self { range, ..*self }
    }

    fn has_same_value(&self, other: &Self) -> bool {
        (self.observations, self.first_asked_at, self.last_asked_at)
            == (other.observations, other.first_asked_at, other.last_asked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn claim(from: i64, to: i64, asked: i64) -> AbsenceClaim {
        AbsenceClaim::of(TimeRange::new(at(from), at(to)).unwrap(), at(asked))
    }

    #[test]
    fn two_answers_are_two_witnesses_where_they_overlap() {
        let mut claims = Vec::new();
        add(&mut claims, claim(0, 600, 1_000));
        add(&mut claims, claim(300, 900, 2_000));
        let kept: Vec<_> =
            claims.iter().map(|claim| (claim.range.from().as_secs(), claim.observations)).collect();
        assert_eq!(kept, [(0, 1), (300, 2), (600, 1)]);
    }

    #[test]
    fn the_same_answer_counts_once_however_often_it_is_reported() {
        let mut claims = Vec::new();
        for _ in 0..3 {
            add(&mut claims, claim(0, 600, 1_000));
        }
        assert_eq!(claims, [claim(0, 600, 1_000)]);
    }

    #[test]
    fn a_doubt_is_never_believed_and_rests_as_long_as_it_has_lasted() {
        let uncertain = |asked: i64| AbsenceClaim { observations: 0, ..claim(0, 60, asked) };
        let mut claims = Vec::new();
        add(&mut claims, uncertain(100));
        assert!(!claims[0].is_cooling_down(at(100)), "it may have been a slip");
        add(&mut claims, uncertain(100));
        assert!(!claims[0].is_cooling_down(at(100)), "the same answer");
        for (asked, until) in [(110, 170), (170, 240), (240, 380), (400, 700), (400_000, 486_400)] {
            add(&mut claims, uncertain(asked));
            assert!(
                claims[0].is_cooling_down(at(until - 1)) && !claims[0].is_cooling_down(at(until)),
                "{claims:?}"
            );
            assert!(!claims[0].is_confirmed());
        }
        add(&mut claims, claim(0, 60, 500_000));
        assert_eq!(claims, [claim(0, 60, 500_000)], "the later word counts");
        add(&mut claims, uncertain(600_000));
        assert_eq!(claims, [uncertain(600_000)]);
    }

    #[test]
    fn what_is_said_again_is_believed_when_late_rows_would_have_turned_up() {
        assert!(!claim(0, 600, 99_999).is_confirmed(), "one witness is none");
        let mut claims = Vec::new();
        add(&mut claims, claim(0, 600, 700));
        add(&mut claims, claim(0, 600, 720));
        assert!(
            !claims[0].is_confirmed() && claims[0].is_cooling_down(at(1_002)),
            "the venue's clock may be behind"
        );
        assert!(!claims[0].is_cooling_down(at(1_003)), "then it is asked about once more");
        add(&mut claims, claim(0, 600, 1_000));
        assert!(claims[0].is_confirmed());
    }
}

//! Slots that answers left out at their edge: claimed to be empty, and not yet believed.
//!
//! A venue's newest rows can come late, and one answer can be empty or stale by mistake. So what lies beyond the rows
//! of an answer is no proof: it is kept as a claim with its witnesses, and becomes a proof when a later answer, given
//! when such slots have had time to turn up, still lacks them.
//!
//! A *doubt* is a claim without a witness: the answer said something of these slots that cannot be true, or that the venue
//! no longer has them. It never becomes a proof. Where it is said again and again it is asked about ever more seldom.

use std::time::Duration;

use super::stretches::{self, Stretch};
use crate::{TimeRange, Timestamp};

/// How long after the end of a slot its row may still turn up at a venue. Upbit and Bittrex were seen to leave out the
/// last two or three minutes from some answers.
pub const LATE_ROWS: Duration = Duration::from_secs(300);

/// By so much the clock that one goes by may be ahead of the one that dates an answer: who asks again to be sure waits a
/// little longer than what is to be sure of, or the answer is too early and has to be asked for once more.
pub const CLOCK_SLACK: Duration = Duration::from_secs(3);

/// Two answers that are closer together than this count as one witness.
const APART: Duration = Duration::from_millis(500);

/// How long a doubt rests that was said twice: as long as it has lasted, but so long at least and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));

/// A stretch of slots that one or more answers left out beyond their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The stretch: every slot that opens in it was left out.
    pub range: TimeRange,
    /// How many answers left it out, at most 255; none of a doubt.
    pub witnesses: u8,
    /// When the first of them was asked for.
    pub first: Timestamp,
    /// When the last of them was asked for.
    pub last: Timestamp,
}

impl Claim {
    /// The claim of one answer that was asked for at `asked_at`.
    #[must_use]
    pub const fn of(range: TimeRange, asked_at: Timestamp) -> Self {
        Self { range, witnesses: 1, first: asked_at, last: asked_at }
    }

    /// The doubt of one answer that was asked for at `asked_at`: what it said of these slots settles nothing.
    #[must_use]
    pub const fn doubt(range: TimeRange, asked_at: Timestamp) -> Self {
        Self { range, witnesses: 0, first: asked_at, last: asked_at }
    }

    /// Whether it says only that nothing can be known of the stretch for now.
    #[must_use]
    pub const fn is_doubt(&self) -> bool {
        self.witnesses == 0
    }

    /// Whether it may be believed: an answer says it again that was asked for when the rows, had they only been late at
    /// the first, would have turned up.
    #[must_use]
    pub fn is_believable(&self) -> bool {
        self.witnesses > 1 && self.last >= self.first.plus(LATE_ROWS)
    }

    /// Whether asking again at `now` is in vain: it was said twice, and its rows may still turn up; or it is a doubt that
    /// has lasted longer than it was left alone.
    #[must_use]
    pub fn rests(&self, now: Timestamp) -> bool {
        if self.is_doubt() {
            let lasted = self.last.since(self.first);
            return !lasted.is_zero() && now < self.last.plus(lasted.clamp(PATIENCE.0, PATIENCE.1));
        }
        self.witnesses > 1 && now < self.first.plus(LATE_ROWS).plus(CLOCK_SLACK)
    }

    /// The same, said once more by an answer that was asked for at `asked_at`.
    #[must_use]
    pub fn again(self, asked_at: Timestamp) -> Self {
        self.and(Self::of(self.range, asked_at), self.range)
    }

    /// Both, of a stretch about which both speak.
    fn and(self, later: Self, range: TimeRange) -> Self {
        let (one, other) = if self.last <= later.last { (self, later) } else { (later, self) };
        let apart = other.first >= one.last.plus(APART);
        match (one.is_doubt(), other.is_doubt()) {
            (true, true) if !apart => return Self { range, ..one },
            (true, false) | (false, true) => return Self { range, ..other },
            _ => {}
        }
        let witnesses = if apart {
            one.witnesses.saturating_add(other.witnesses)
        } else {
            one.witnesses.max(other.witnesses)
        };
        Self { range, witnesses, first: one.first.min(other.first), last: other.last }
    }
}

/// Adds a claim to others: where they overlap both are witnesses.
pub(super) fn add(claims: &mut Vec<Claim>, new: Claim) {
    let before = stretches::within(claims, new.range);
    stretches::lay(claims, new);
    for old in before {
        stretches::lay(claims, old.and(new, old.range));
    }
}

impl Stretch for Claim {
    fn range(&self) -> TimeRange {
        self.range
    }

    fn over(&self, range: TimeRange) -> Self {
        Self { range, ..*self }
    }

    fn agrees(&self, other: &Self) -> bool {
        (self.witnesses, self.first, self.last) == (other.witnesses, other.first, other.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn claim(from: i64, to: i64, asked: i64) -> Claim {
        Claim::of(TimeRange::new(at(from), at(to)).unwrap(), at(asked))
    }

    #[test]
    fn two_answers_are_two_witnesses_where_they_overlap() {
        let mut claims = Vec::new();
        add(&mut claims, claim(0, 600, 1_000));
        add(&mut claims, claim(300, 900, 2_000));
        let told: Vec<_> =
            claims.iter().map(|claim| (claim.range.from().as_secs(), claim.witnesses)).collect();
        assert_eq!(told, [(0, 1), (300, 2), (600, 1)]);
    }

    #[test]
    fn the_same_answer_counts_once_however_often_it_is_told() {
        let mut claims = Vec::new();
        for _ in 0..3 {
            add(&mut claims, claim(0, 600, 1_000));
        }
        assert_eq!(claims, [claim(0, 600, 1_000)]);
    }

    #[test]
    fn a_doubt_is_never_believed_and_rests_as_long_as_it_has_lasted() {
        let doubt = |asked: i64| Claim { witnesses: 0, ..claim(0, 60, asked) };
        let mut claims = Vec::new();
        add(&mut claims, doubt(100));
        assert!(!claims[0].rests(at(100)), "it may have been a slip");
        add(&mut claims, doubt(100));
        assert!(!claims[0].rests(at(100)), "the same answer");
        for (asked, until) in [(110, 170), (170, 240), (240, 380), (400, 700), (400_000, 486_400)] {
            add(&mut claims, doubt(asked));
            assert!(claims[0].rests(at(until - 1)) && !claims[0].rests(at(until)), "{claims:?}");
            assert!(!claims[0].is_believable());
        }
        add(&mut claims, claim(0, 60, 500_000));
        assert_eq!(claims, [claim(0, 60, 500_000)], "the later word counts");
        add(&mut claims, doubt(600_000));
        assert_eq!(claims, [doubt(600_000)]);
    }

    #[test]
    fn what_is_said_again_is_believed_when_late_rows_would_have_turned_up() {
        assert!(!claim(0, 600, 99_999).is_believable(), "one witness is none");
        let mut claims = Vec::new();
        add(&mut claims, claim(0, 600, 700));
        add(&mut claims, claim(0, 600, 720));
        assert!(!claims[0].is_believable() && claims[0].rests(at(1_002)), "the venue's clock may be behind");
        assert!(!claims[0].rests(at(1_003)), "then it is asked about once more");
        add(&mut claims, claim(0, 600, 1_000));
        assert!(claims[0].is_believable());
    }
}

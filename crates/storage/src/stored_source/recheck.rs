//! Decides which parts of the ledger should be fetched again, and which not yet.
//!
//! A claim with two witnesses is left alone until its rows have had time to turn up. An early page of a venue
//! that revises nothing by rule is fetched once more when the venue has surely moved on.

use std::time::Duration;

use market_backbone_core::{CLOCK_SLACK, Coverage, MAX_ROW_DELAY, Origin, RangeSet, Span, Timestamp};

/// The ages of a slot at which an early observation is fetched again, unless it was made at that age already.
const RECHECK_AGES: [Duration; 2] = [Duration::from_secs(15), MAX_ROW_DELAY];

/// Returns `known` without early observations that are due to be fetched once more at `now`.
pub(super) fn without_due(mut known: Coverage, now: Timestamp) -> Coverage {
    let due: Vec<_> = known.spans().iter().filter(|span| is_due(span, now)).map(|span| span.range).collect();
    due.into_iter().for_each(|range| known.remove(range));
    known
}

fn is_due(span: &Span, now: Timestamp) -> bool {
    let Span { range, provenance } = span;
    let crossed = |age: &Duration| {
        let reached = range.to().plus(*age);
        provenance.observed_at < reached && reached.plus(CLOCK_SLACK) <= now
    };
    provenance.origin == Origin::Early && RECHECK_AGES.iter().any(crossed)
}

/// Returns the slots that need no request at `now`: known ones, and claims that must not be checked yet.
pub(super) fn skip_ranges(known: &Coverage, now: Timestamp) -> RangeSet {
    let mut all = known.known();
    all.extend(known.claims().iter().filter(|claim| claim.is_cooling_down(now)).map(|claim| claim.range));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{AbsenceClaim, Provenance, TimeRange};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(at(from), at(to)).unwrap()
    }

    fn early(observed: i64) -> Coverage {
        let provenance = Provenance { origin: Origin::Early, observed_at: at(observed) };
        [Span { range: range(0, 60), provenance }].into_iter().collect()
    }

    #[test]
    fn an_early_word_is_asked_about_at_each_age_once() {
        let is_known = |observed, now| without_due(early(observed), at(now)).is_known(at(0));
        assert!(is_known(63, 77), "not yet");
        assert!(!is_known(63, 78));
        assert!(is_known(75, 362));
        assert!(!is_known(75, 363));
        assert!(is_known(360, 9_999), "it was said at that age");
    }

    #[test]
    fn a_claim_with_two_witnesses_is_left_alone_until_its_rows_would_be_there() {
        let mut known = Coverage::empty();
        known.add_claim(AbsenceClaim::of(range(0, 60), at(70)));
        assert_eq!(skip_ranges(&known, at(80)).as_slice(), [], "one witness: ask again");
        known.add_claim(AbsenceClaim::of(range(0, 60), at(80)));
        assert_eq!(skip_ranges(&known, at(90)).as_slice(), [range(0, 60)]);
        assert_eq!(
            skip_ranges(&known, at(372)).as_slice(),
            [range(0, 60)],
            "an answer of 370 by the venue's clock"
        );
        assert_eq!(skip_ranges(&known, at(373)).as_slice(), []);
    }
}

//! What of the ledger is worth asking about again, and what is not worth it yet.
//!
//! A claim that has two witnesses rests until its rows have had time to turn up. An early word of a venue that corrects
//! nothing by rule is asked about once more when the venue has surely moved on.

use std::time::Duration;

use market_backbone_core::{CLOCK_SLACK, Coverage, MAX_ROW_DELAY, Origin, Span, TimeRange, Timestamp};

/// How old a slot is when an early word about it is asked about again, unless it was said at that age already.
const RECHECK_AGES: [Duration; 2] = [Duration::from_secs(15), MAX_ROW_DELAY];

/// What is `known` but for early words that are due to be asked about once more at `now`.
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

/// The stretches about which nothing is to be asked at `now`, oldest first: what is known, and what rests.
pub(super) fn skip_ranges(known: &Coverage, now: Timestamp) -> Vec<TimeRange> {
    let mut all = known.ranges();
    all.extend(known.claims().iter().filter(|claim| claim.is_cooling_down(now)).map(|claim| claim.range));
    merged(all)
}

/// The same stretches, sorted, those that touch as one.
fn merged(mut stretches: Vec<TimeRange>) -> Vec<TimeRange> {
    stretches.sort();
    let mut joined: Vec<TimeRange> = Vec::with_capacity(stretches.len());
    for range in stretches {
        match joined.last_mut() {
            Some(last) if range.from() <= last.to() => {
                *last = TimeRange::new(last.from(), last.to().max(range.to())).unwrap_or(*last);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// What of `range` lies between `stretches`, which are sorted and disjoint.
pub(super) fn between(stretches: &[TimeRange], range: TimeRange) -> Vec<TimeRange> {
    let mut rest = Vec::new();
    let mut from = range.from();
    for stretch in stretches.iter().filter_map(|stretch| stretch.intersect(range)) {
        rest.extend(TimeRange::new(from, stretch.from()));
        from = stretch.to();
    }
    rest.extend(TimeRange::new(from, range.to()));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{AbsenceClaim, Provenance};

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
        assert_eq!(skip_ranges(&known, at(80)), [], "one witness: ask again");
        known.add_claim(AbsenceClaim::of(range(0, 60), at(80)));
        assert_eq!(skip_ranges(&known, at(90)), [range(0, 60)]);
        assert_eq!(skip_ranges(&known, at(372)), [range(0, 60)], "an answer of 370 by the venue's clock");
        assert_eq!(skip_ranges(&known, at(373)), []);
        assert_eq!(between(&[range(0, 60), range(70, 80)], range(30, 100)), [range(60, 70), range(80, 100)]);
    }
}

//! Compacts a ledger without changing which ranges are known.
//!
//! A fetch of 20,000 candles adds a hundred spans, each observed a moment after the one before; kept apart
//! they would be a hundred rows for one range. Spans that touch, have the same origin and were observed on
//! the same UTC day are therefore written as one, with the *oldest* of their times: the ledger may call a
//! range older than it is, never newer. The day is a fixed window, so the result does not depend on the order
//! of arrival, and a series followed live grows by one span a day.

use market_backbone_core::{Coverage, Dispute, Provenance, Span, TimeRange};

const DAY_SECS: i64 = 86_400;

/// Returns the same coverage in the fewest spans.
pub(crate) fn compact(known: &Coverage) -> Coverage {
    let mut spans: Vec<Span> = Vec::new();
    for span in known.spans() {
        match spans.last_mut().and_then(|last| Some((merge_adjacent_spans(last, span)?, last))) {
            Some((joined, last)) => *last = joined,
            None => spans.push(*span),
        }
    }
    let mut disputes: Vec<Dispute> = Vec::new();
    for dispute in known.disputes() {
        match disputes.last_mut().and_then(|last| Some((merge_adjacent_disputes(last, dispute)?, last))) {
            Some((joined, last)) => *last = joined,
            None => disputes.push(*dispute),
        }
    }
    let mut compact: Coverage = spans.into_iter().collect();
    for dispute in disputes {
        compact.add_dispute(dispute);
    }
    for claim in known.claims() {
        compact.add_claim(*claim);
    }
    compact
}

fn merge_adjacent_spans(older: &Span, newer: &Span) -> Option<Span> {
    let range = join_adjacent(older.range, newer.range)?;
    Some(Span { range, provenance: merge_provenance(older.provenance, newer.provenance)? })
}

fn merge_adjacent_disputes(older: &Dispute, newer: &Dispute) -> Option<Dispute> {
    let range = join_adjacent(older.range, newer.range)?;
    let both = |a: Option<Provenance>, b: Option<Provenance>| match (a, b) {
        (Some(a), Some(b)) => merge_provenance(a, b).map(Some),
        (None, None) => Some(None),
        _ => None,
    };
    let earlier = both(older.earlier, newer.earlier)?;
    Some(Dispute { range, earlier, later: both(older.later, newer.later)? })
}

fn join_adjacent(older: TimeRange, newer: TimeRange) -> Option<TimeRange> {
    (older.to() == newer.from()).then(|| TimeRange::new(older.from(), newer.to()).ok())?
}

/// Returns the older of two observations with the same origin and day.
fn merge_provenance(a: Provenance, b: Provenance) -> Option<Provenance> {
    let day = |source: Provenance| source.observed_at.as_secs().div_euclid(DAY_SECS);
    let one = a.origin == b.origin && day(a) == day(b);
    one.then(|| Provenance { observed_at: a.observed_at.min(b.observed_at), ..a })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Timestamp};

    fn span(from: i64, to: i64, observed: i64) -> Span {
        let range = TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap();
        let observed_at = Timestamp::from_secs(observed);
        Span { range, provenance: Provenance { origin: Origin::Rest, observed_at } }
    }

    fn grown(proofs: impl IntoIterator<Item = Span>) -> Coverage {
        proofs.into_iter().fold(Coverage::empty(), |mut known, proof| {
            known.insert(proof);
            compact(&known)
        })
    }

    #[test]
    fn a_long_fetch_is_one_span_under_its_oldest_time() {
        let pages = (0..100).rev().map(|page| span(page * 10, page * 10 + 10, 5_000 - page));
        assert_eq!(grown(pages).spans(), [span(0, 1_000, 4_901)]);
    }

    #[test]
    fn proofs_of_different_days_stay_apart() {
        let apart = [span(0, 10, 0), span(10, 20, DAY_SECS)];
        assert_eq!(grown(apart).spans(), apart);
    }

    #[test]
    fn nothing_joins_over_a_hole() {
        assert_eq!(grown([span(0, 10, 0), span(11, 20, 0)]).ranges().len(), 2);
    }

    #[test]
    fn a_page_of_corrections_is_one_dispute_and_what_lies_between_two_is_none() {
        let mut known = grown([span(0, 100, 0)]);
        let said = |at: i64| Some(span(0, 1, at).provenance);
        let dispute = |from: i64, to: i64, at: i64| Dispute {
            range: span(from, to, 0).range,
            earlier: said(0),
            later: said(at),
        };
        for slot in [30, 10, 11, 12] {
            known.add_dispute(dispute(slot, slot + 1, 1_000 - slot));
        }
        assert_eq!(compact(&known).disputes(), [dispute(10, 13, 988), dispute(30, 31, 970)]);
    }
}

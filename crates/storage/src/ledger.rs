//! How a ledger grows: exact in what is known, thrifty in how often it says so.
//!
//! A fetch of 20,000 candles brings a hundred proofs, each observed a moment after the one before; kept
//! apart they would be a hundred rows for one stretch. Proofs that touch, have the same origin and were
//! observed on the same UTC day are therefore written as one, under the *oldest* of their times: the
//! ledger may call a stretch staler than it is, never fresher. The day is a fixed window, so that the
//! result does not depend on the order of arrival and a series followed live grows by one span a day.

use market_backbone_core::{Coverage, Span, TimeRange};

const DAY_SECS: i64 = 86_400;

/// What is known once `proof` has been added to `known`.
pub(crate) fn grow(known: &Coverage, proof: &Coverage) -> Coverage {
    let mut grown = known.clone();
    grown.merge(proof);
    compact(&grown)
}

fn compact(coverage: &Coverage) -> Coverage {
    let mut joined: Vec<Span> = Vec::new();
    for span in coverage.spans() {
        match joined.last_mut() {
            Some(last) if belong_together(last, span) => {
                last.range = TimeRange::new(last.range.from(), span.range.to()).unwrap_or(last.range);
                last.provenance.observed_at = last.provenance.observed_at.min(span.provenance.observed_at);
            }
            _ => joined.push(*span),
        }
    }
    joined.into_iter().collect()
}

fn belong_together(older: &Span, newer: &Span) -> bool {
    let day = |span: &Span| span.provenance.observed_at.as_secs().div_euclid(DAY_SECS);
    older.range.to() == newer.range.from()
        && older.provenance.origin == newer.provenance.origin
        && day(older) == day(newer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Provenance, Timestamp};

    fn span(from: i64, to: i64, observed: i64) -> Span {
        let range = TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap();
        let observed_at = Timestamp::from_secs(observed);
        Span { range, provenance: Provenance { origin: Origin::Rest, observed_at } }
    }

    fn grown(proofs: impl IntoIterator<Item = Span>) -> Coverage {
        proofs
            .into_iter()
            .fold(Coverage::empty(), |known, proof| grow(&known, &[proof].into_iter().collect()))
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
}

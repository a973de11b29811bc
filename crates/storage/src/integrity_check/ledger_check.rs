//! Checks a ledger as it stands in its table, before it is interpreted.

use market_backbone_core::Timestamp;

/// A span as it is written.
#[derive(Clone, Debug)]
pub(crate) struct StoredSpan {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// The text of its origin.
    pub(crate) origin: String,
    /// True if that text is a known origin.
    pub(crate) is_readable: bool,
}

/// Returns what is wrong with the first invalid one of `spans`, which are sorted by their beginning.
pub(crate) fn ledger_issue(spans: &[StoredSpan]) -> Option<String> {
    let mut reach = Timestamp::MIN;
    for StoredSpan { from, to, origin, is_readable } in spans {
        if from >= to {
            return Some(format!("a span of the ledger from {from} runs backwards to {to}"));
        }
        if *from < reach {
            return Some(format!("two spans of the ledger overlap from {from} to {}", reach.min(*to)));
        }
        if !is_readable {
            return Some(format!("the span of the ledger from {from} has the origin `{origin}`"));
        }
        reach = *to;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64, is_readable: bool) -> StoredSpan {
        let at = Timestamp::from_secs;
        StoredSpan { from: at(from), to: at(to), origin: "rest".to_owned(), is_readable }
    }

    #[test]
    fn spans_that_run_backwards_overlap_or_say_nothing_are_named() {
        assert_eq!(ledger_issue(&[span(0, 10, true), span(10, 20, true)]), None);
        for (spans, word) in [
            (vec![span(0, 10, true), span(20, 20, true)], "backwards"),
            (vec![span(0, 10, true), span(9, 20, true)], "overlap"),
            (vec![span(0, 10, false)], "origin `rest`"),
        ] {
            let flaw = ledger_issue(&spans).unwrap();
            assert!(flaw.contains(word), "{flaw}");
        }
    }
}

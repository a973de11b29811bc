//! What is known of a series: which stretches have been proven, by what, and when.
//!
//! Inside a proven stretch a slot with a row is *present* and a slot without one is *proven empty*;
//! outside, nothing is known. Two stretches never join over what lies between them, and a stretch
//! never grows by arithmetic on the rows: only a proof adds to it.

use crate::{TimeRange, Timestamp};

/// How a proof came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A page asked over HTTP.
    Rest,
    /// Frames of a live socket.
    Socket,
    /// A file that was imported.
    Import,
}

/// Where a proof came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Provenance {
    /// How it came about.
    pub origin: Origin,
    /// When the venue was asked (or said it), by our clock.
    pub observed_at: Timestamp,
}

/// A proven stretch of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The stretch: every slot that opens in it is known.
    pub range: TimeRange,
    /// Who says so.
    pub provenance: Provenance,
}

/// The proven stretches of a series, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    // Invariant: sorted by start, disjoint; neighbours that touch differ in provenance.
    spans: Vec<Span>,
}

impl Coverage {
    /// Nothing is known.
    #[must_use]
    pub const fn empty() -> Self {
        Self { spans: Vec::new() }
    }

    /// The proven stretches, oldest first.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Adds a proof. Where it overlaps what was known, the newer proof speaks.
    pub fn insert(&mut self, span: Span) {
        if self.spans.last().is_none_or(|last| last.range.to() <= span.range.from()) {
            return self.push_joined(span); // the usual case: proofs arrive, and are loaded, in order
        }
        let mut kept = Vec::with_capacity(self.spans.len() + 2);
        for old in self.spans.drain(..) {
            kept.extend(cut(old, Timestamp::MIN, span.range.from()));
            kept.extend(cut(old, span.range.to(), Timestamp::MAX));
        }
        kept.push(span);
        kept.sort_by_key(|span| span.range.from());
        for span in kept {
            self.push_joined(span);
        }
    }

    /// Adds all proofs of another.
    pub fn merge(&mut self, other: &Self) {
        for span in &other.spans {
            self.insert(*span);
        }
    }

    fn push_joined(&mut self, span: Span) {
        if let Some(last) = self.spans.last_mut()
            && last.range.to() == span.range.from()
            && last.provenance == span.provenance
            && let Ok(joined) = TimeRange::new(last.range.from(), span.range.to())
        {
            last.range = joined;
        } else {
            self.spans.push(span);
        }
    }

    /// The proven stretches without regard to who proved them, oldest first, touching ones joined.
    #[must_use]
    pub fn ranges(&self) -> Vec<TimeRange> {
        let mut joined: Vec<TimeRange> = Vec::new();
        for span in &self.spans {
            match joined.last_mut() {
                Some(last) if last.to() == span.range.from() => {
                    *last = TimeRange::new(last.from(), span.range.to()).unwrap_or(*last);
                }
                _ => joined.push(span.range),
            }
        }
        joined
    }

    /// The parts of `range` that are unknown, oldest first.
    #[must_use]
    pub fn missing(&self, range: TimeRange) -> Vec<TimeRange> {
        let mut missing = Vec::new();
        let mut from = range.from();
        for known in self.spans.iter().filter_map(|span| span.range.intersect(range)) {
            missing.extend(TimeRange::new(from, known.from()));
            from = known.to();
        }
        missing.extend(TimeRange::new(from, range.to()));
        missing
    }

    /// Whether every slot of `range` is known.
    #[must_use]
    pub fn covers(&self, range: TimeRange) -> bool {
        self.missing(range).is_empty()
    }

    /// Whether the slot that opens at `moment` is known.
    #[must_use]
    pub fn knows(&self, moment: Timestamp) -> bool {
        self.spans.iter().any(|span| span.range.contains(moment))
    }

    /// What is known within `range`.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> Self {
        let clipped = |span: &Span| span.range.intersect(range).map(|range| Span { range, ..*span });
        Self { spans: self.spans.iter().filter_map(clipped).collect() }
    }
}

/// The part of `span` that lies between `from` and `to`.
fn cut(span: Span, from: Timestamp, to: Timestamp) -> Option<Span> {
    let range = TimeRange::new(span.range.from().max(from), span.range.to().min(to)).ok()?;
    Some(Span { range, ..span })
}

impl FromIterator<Span> for Coverage {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut coverage = Self::empty();
        for span in spans {
            coverage.insert(span);
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap()
    }

    fn span(from: i64, to: i64, asked: i64) -> Span {
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::from_secs(asked) };
        Span { range: range(from, to), provenance }
    }

    #[test]
    fn two_disjoint_proofs_never_join_over_what_lies_between() {
        let coverage: Coverage = [span(0, 10, 1), span(20, 30, 1)].into_iter().collect();
        assert_eq!(coverage.missing(range(0, 30)), [range(10, 20)]);
        assert_eq!(coverage.ranges(), [range(0, 10), range(20, 30)]);
        assert!(!coverage.knows(Timestamp::from_secs(15)));
    }

    #[test]
    fn touching_proofs_join_in_any_order() {
        let coverage: Coverage = [span(20, 30, 1), span(0, 10, 1), span(10, 20, 1)].into_iter().collect();
        assert_eq!(coverage.spans(), [span(0, 30, 1)]);
        assert!(coverage.covers(range(0, 30)));
    }

    #[test]
    fn the_newer_proof_speaks_where_two_overlap() {
        let coverage: Coverage = [span(0, 30, 1), span(10, 20, 2)].into_iter().collect();
        assert_eq!(coverage.spans(), [span(0, 10, 1), span(10, 20, 2), span(20, 30, 1)]);
        assert_eq!(coverage.ranges(), [range(0, 30)]);
    }

    #[test]
    fn missing_is_what_no_proof_touches() {
        let coverage: Coverage = [span(5, 10, 1), span(12, 15, 1)].into_iter().collect();
        assert_eq!(coverage.missing(range(0, 20)), [range(0, 5), range(10, 12), range(15, 20)]);
        assert_eq!(coverage.missing(range(6, 9)), []);
        assert_eq!(coverage.within(range(8, 13)).ranges(), [range(8, 10), range(12, 13)]);
    }
}

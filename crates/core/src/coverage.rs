//! The coverage of a series: which ranges are proven, by what and when, and which are disputed.
//!
//! A slot is in one of four states. Inside a proven range a slot with a row is *present* and a slot without
//! one is *proven empty*. Outside, it is *unknown*. Where two observations of a known slot disagree, it is
//! *disputed*. Slots that an answer merely left out beyond its rows are an [`AbsenceClaim`], and still
//! unknown. Two proven ranges never join over an unknown one, and a range never grows by arithmetic on the
//! rows: only a proof adds to it.

mod absence_claim;
mod range_list;

pub use self::absence_claim::{AbsenceClaim, CLOCK_SLACK, MAX_ROW_DELAY};
use self::range_list::RangeEntry;
use crate::{RangeSet, TimeRange, Timestamp};

/// The way in which a proof was obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A page fetched over HTTP.
    Rest,
    /// A page fetched over HTTP about slots so young that the venue may still [correct](crate::RevisionPolicy)
    /// them.
    Early,
    /// Frames of a live socket.
    Socket,
    /// Frames of a live socket whose venue corrects them as a matter of course.
    Provisional,
    /// Several answers that nothing older exists: the market was not listed yet. Any earlier row of any timeframe
    /// withdraws it.
    BeforeListing,
    /// A file that was imported.
    Import,
    /// A sum of shorter candles that were known already. It is never stored.
    Derived,
}

impl Origin {
    /// Returns whether the proof comes from a live socket and not from a request. It is the weaker of the two.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Socket | Self::Provisional)
    }
}

/// The origin and the time of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Provenance {
    /// The way in which the proof was obtained.
    pub origin: Origin,
    /// The time of the request (or of the live event), by the local clock.
    pub observed_at: Timestamp,
}

/// A proven range of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The proven range: every slot that opens in it is known.
    pub range: TimeRange,
    /// The origin and the time of the proof.
    pub provenance: Provenance,
}

/// A range in which two observations contradict each other in every slot.
///
/// A disputed slot is known: nothing asks for it again automatically, and no later observation resolves it,
/// because the next one could be as wrong as the last. It ends when the range is forgotten and fetched anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The disputed range: every slot that opens in it is disputed.
    pub range: TimeRange,
    /// The observation that was contradicted, or `None` for a row that was stored without a proof.
    pub earlier: Option<Provenance>,
    /// The observation that contradicts it, or `None` for a row that arrived without a proof.
    pub later: Option<Provenance>,
}

/// The proven ranges of a series, and the disputed and claimed ones, each oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    // Invariant of all three: sorted by start, disjoint; neighbours that touch differ in provenance.
    spans: Vec<Span>,
    // Invariant: within the spans.
    disputes: Vec<Dispute>,
    // Invariant: outside the spans.
    claims: Vec<AbsenceClaim>,
}

impl Coverage {
    /// Returns a coverage in which nothing is known.
    #[must_use]
    pub const fn empty() -> Self {
        Self { spans: Vec::new(), disputes: Vec::new(), claims: Vec::new() }
    }

    /// Returns the proven ranges, oldest first.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Returns the disputed ranges, oldest first. All of them lie in proven ones.
    #[must_use]
    pub fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }

    /// Returns the ranges that answers left out and that are not confirmed to be empty yet, oldest first. None of
    /// them is known.
    #[must_use]
    pub fn claims(&self) -> &[AbsenceClaim] {
        &self.claims
    }

    /// Returns whether there is no proof, dispute or claim at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.claims.is_empty()
    }

    /// Adds a proof. Where it overlaps an earlier one, the newer proof wins. Disputes stay; claims in the range
    /// are dropped.
    pub fn insert(&mut self, span: Span) {
        range_list::overwrite(&mut self.spans, span);
        range_list::remove(&mut self.claims, span.range);
    }

    /// Adds a claim for the part of its range that is unknown. Where it overlaps another claim, the observations
    /// add up.
    pub fn add_claim(&mut self, claim: AbsenceClaim) {
        for range in self.missing(claim.range) {
            absence_claim::add(&mut self.claims, claim.with_range(range));
        }
    }

    /// Returns the same coverage without claims.
    #[must_use]
    pub fn without_claims(self) -> Self {
        Self { claims: Vec::new(), ..self }
    }

    /// Drops the claims of `range`, because rows have turned up there.
    pub fn remove_claims(&mut self, range: TimeRange) {
        range_list::remove(&mut self.claims, range);
    }

    /// Adds a dispute for the part of its range that is known. Where it overlaps another, the newer one is kept.
    pub fn add_dispute(&mut self, dispute: Dispute) {
        for known in range_list::within(&self.spans, dispute.range) {
            range_list::overwrite(&mut self.disputes, dispute.with_range(known.range));
        }
    }

    /// Adds all proofs, disputes and claims of `other`.
    pub fn merge(&mut self, other: &Self) {
        for span in &other.spans {
            self.insert(*span);
        }
        for dispute in &other.disputes {
            self.add_dispute(*dispute);
        }
        for claim in &other.claims {
            self.add_claim(*claim);
        }
    }

    /// Removes all proofs, disputes and claims of `range`.
    pub fn remove(&mut self, range: TimeRange) {
        range_list::remove(&mut self.spans, range);
        range_list::remove(&mut self.disputes, range);
        range_list::remove(&mut self.claims, range);
    }

    /// Returns the proven slots without their provenance.
    #[must_use]
    pub fn known(&self) -> RangeSet {
        self.spans.iter().map(|span| span.range).collect()
    }

    /// Returns the proven ranges without their provenance, oldest first; ranges that touch are joined.
    #[must_use]
    pub fn ranges(&self) -> Vec<TimeRange> {
        self.known().into_vec()
    }

    /// Returns the parts of `range` that are unknown, oldest first.
    #[must_use]
    pub fn missing(&self, range: TimeRange) -> Vec<TimeRange> {
        let known: RangeSet =
            range_list::within(&self.spans, range).into_iter().map(|span| span.range).collect();
        known.gaps(range).into_vec()
    }

    /// Returns whether every slot of `range` is known.
    #[must_use]
    pub fn covers(&self, range: TimeRange) -> bool {
        self.missing(range).is_empty()
    }

    /// Returns whether the slot that opens at `moment` is known.
    #[must_use]
    pub fn is_known(&self, moment: Timestamp) -> bool {
        self.provenance_at(moment).is_some()
    }

    /// Returns the provenance of the slot that opens at `moment`, or `None` if it is unknown.
    #[must_use]
    pub fn provenance_at(&self, moment: Timestamp) -> Option<Provenance> {
        range_list::at(&self.spans, moment).map(|span| span.provenance)
    }

    /// Returns the dispute about the slot that opens at `moment`.
    #[must_use]
    pub fn dispute_at(&self, moment: Timestamp) -> Option<Dispute> {
        range_list::at(&self.disputes, moment).copied()
    }

    /// Returns the part of this coverage that lies within `range`.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> Self {
        let spans = range_list::within(&self.spans, range);
        let disputes = range_list::within(&self.disputes, range);
        Self { spans, disputes, claims: range_list::within(&self.claims, range) }
    }
}

impl RangeEntry for Span {
    fn range(&self) -> TimeRange {
        self.range
    }

    fn with_range(&self, range: TimeRange) -> Self {
        Self { range, ..*self }
    }

    fn has_same_value(&self, other: &Self) -> bool {
        self.provenance == other.provenance
    }
}

impl RangeEntry for Dispute {
    fn range(&self) -> TimeRange {
        self.range
    }

    fn with_range(&self, range: TimeRange) -> Self {
        Self { range, ..*self }
    }

    fn has_same_value(&self, other: &Self) -> bool {
        (self.earlier, self.later) == (other.earlier, other.later)
    }
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
        assert!(!coverage.is_known(Timestamp::from_secs(15)));
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

    fn dispute(from: i64, to: i64) -> Dispute {
        let provenance = |at: i64| Some(span(0, 1, at).provenance);
        Dispute { range: range(from, to), earlier: provenance(1), later: provenance(2) }
    }

    #[test]
    fn what_is_disputed_is_known_and_stays_disputed_until_it_is_forgotten() {
        let mut coverage: Coverage = [span(0, 10, 1), span(20, 30, 1)].into_iter().collect();
        coverage.add_dispute(dispute(8, 22));
        assert_eq!(coverage.disputes(), [dispute(8, 10), dispute(20, 22)]);
        assert_eq!(coverage.missing(range(0, 30)), [range(10, 20)]);
        coverage.insert(span(5, 25, 9));
        assert_eq!(coverage.within(range(9, 21)).disputes(), [dispute(9, 10), dispute(20, 21)]);
        coverage.remove(range(9, 21));
        assert_eq!(coverage.disputes(), [dispute(8, 9), dispute(21, 22)]);
        assert_eq!(coverage.missing(range(0, 30)), [range(9, 21)]);
        assert_eq!(coverage.dispute_at(Timestamp::from_secs(8)), Some(dispute(8, 9)));
        assert_eq!(coverage.dispute_at(Timestamp::from_secs(9)), None);
    }

    #[test]
    fn disputes_about_neighbours_are_one_in_any_order() {
        let mut coverage: Coverage = [span(0, 30, 1)].into_iter().collect();
        for (from, to) in [(4, 5), (2, 3), (3, 4)] {
            coverage.add_dispute(dispute(from, to));
        }
        assert_eq!(coverage.disputes(), [dispute(2, 5)]);
    }
}

//! What becomes of a commit where something is known already: which rows are written, and what is disputed.
//!
//! A row that says the same as the stored one changes nothing. One that says otherwise, or that comes where
//! nothing was proven to be, takes the place of what was there, unless that is sure to have been observed
//! later; a proof that has no row where one is stored leaves the row standing. In all three cases the slot is
//! disputed from then on, with both who said so, until it is forgotten and asked for anew. A later
//! observation that agrees with the stored row does not settle it: the venue has changed its mind once.
//!
//! What was heard on a socket and added up here is the weaker word. Who was asked confirms it or contradicts it, and
//! in both cases the row and the proof are the asked one's from then on; and what has been asked for is never replaced
//! by what was heard, whichever came first. Where the venue says of what is heard that it will be corrected, a correction
//! of it is no contradiction: the row is replaced and nothing is disputed. (That a row should go altogether is one all the
//! same: it stands, and is disputed.) So it is with what was asked for so early that the venue was known to correct it
//! still: a page that was asked later replaces it and disputes nothing, and one that was asked early says nothing against
//! a later one, in whatever order they come.
//!
//! That nothing is older than a moment is said of the time before a market was listed. A row that turns up there takes
//! back what was said, and is no dispute. What an answer merely left out beyond its rows is a claim: it is kept with its
//! witnesses, it is dropped where a row is stored, and it becomes a proof when a late enough answer says it again.
//!
//! What a row was before it was replaced is kept with the time at which that was observed.

use std::collections::BTreeMap;

use market_backbone_core::{Candle, Coverage, Dispute, Origin, Provenance, Span, Timestamp};

use crate::batch::Batch;
use crate::ledger_compaction;
use crate::revision::Revision;

/// What is to be written, all of it or nothing.
#[derive(Debug, Default)]
pub(crate) struct CommitPlan {
    /// Rows that are new or take the place of others.
    pub(crate) rows: Vec<Candle>,
    /// What those were whose place is taken.
    pub(crate) revisions: Vec<Revision>,
    /// What is known and disputed afterwards.
    pub(crate) known: Coverage,
}

/// Decides on `batch`, given what is `known` and all rows that are `stored` within its reach.
pub(crate) fn plan(known: &Coverage, stored: &[Candle], batch: &Batch) -> CommitPlan {
    let rows = Vec::with_capacity(batch.candles.len());
    let (known, batch_coverage) =
        (&without_refuted_known(known, &batch.candles), without_refuted_batch(batch, stored));
    let batch = &Batch { coverage: batch_coverage, candles: batch.candles.clone(), ..*batch };
    let mut plan = CommitPlan { rows, revisions: Vec::new(), known: known.clone() };
    plan.known.merge(&batch.coverage);
    plan.keep_stronger_evidence(known, batch);
    let mut unmatched: BTreeMap<Timestamp, Candle> =
        stored.iter().map(|candle| (candle.open_time, *candle)).collect();
    for new in &batch.candles {
        let slot = SlotProvenance::of(known, batch, new.open_time);
        match unmatched.remove(&new.open_time) {
            Some(old) if slot.rows_agree(&old, new) => {
                if slot.is_confirmed() && old != *new {
                    plan.rows.push(*new);
                }
            }
            Some(_) if slot.stored_prevails() => {
                if !slot.is_outdated() {
                    plan.dispute(&slot, batch);
                }
            }
            old => {
                plan.rows.push(*new);
                plan.add_revision(&slot, old, batch);
                if slot.earlier.is_some() && !slot.is_expected_correction() {
                    plan.dispute(&slot, batch);
                }
            }
        }
    }
    for open_time in unmatched.into_keys().filter(|open_time| batch.coverage.is_known(*open_time)) {
        let slot = SlotProvenance::of(known, batch, open_time);
        if !slot.is_outdated() {
            plan.dispute(&slot, batch);
        }
    }
    plan.promote_claims(stored, batch);
    plan.known = ledger_compaction::compact(&plan.known);
    plan
}

/// Returns the known coverage without spans before the listing that a row contradicts.
fn without_refuted_known(known: &Coverage, rows: &[Candle]) -> Coverage {
    let mut left = known.clone();
    for span in known.spans().iter().filter(|span| span.provenance.origin == Origin::BeforeListing) {
        if rows.iter().any(|row| span.range.contains(row.open_time)) {
            left.remove(span.range);
        }
    }
    left
}

/// Returns the batch's coverage without spans before the listing that a stored row contradicts.
fn without_refuted_batch(batch: &Batch, stored: &[Candle]) -> Coverage {
    let mut left = batch.coverage.clone();
    let rows = || stored.iter().chain(&batch.candles);
    for span in batch.coverage.spans().iter().filter(|span| span.provenance.origin == Origin::BeforeListing) {
        if rows().any(|row| span.range.contains(row.open_time)) {
            left.remove(span.range);
        }
    }
    left
}

impl CommitPlan {
    /// Keeps the stronger of two observations: REST over live, and final over early.
    fn keep_stronger_evidence(&mut self, known: &Coverage, batch: &Batch) {
        for said in batch.coverage.spans() {
            let before = known.within(said.range);
            let stronger = before.spans().iter().filter(|span| outweighs(span.provenance, said.provenance));
            stronger.for_each(|span| self.known.insert(*span));
        }
    }

    /// Keeps what was there, if anything was known to be or not to be.
    fn add_revision(&mut self, slot: &SlotProvenance, old: Option<Candle>, batch: &Batch) {
        if old.is_some() || slot.earlier.is_some() {
            let superseded_at = slot.superseded_at(batch);
            self.revisions.push(Revision { open_time: slot.open_time, candle: old, superseded_at });
        }
    }

    /// Drops claims that a row contradicts: such an answer was stale, or its rows came late. What is left and has been
    /// said often and late enough is known from now on.
    fn promote_claims(&mut self, stored: &[Candle], batch: &Batch) {
        for claim in self.known.claims().to_vec() {
            let rows = stored.iter().chain(&batch.candles);
            if rows.into_iter().any(|row| claim.range.contains(row.open_time)) {
                self.known.remove_claims(claim.range);
            } else if claim.is_confirmed() {
                let provenance = Provenance { origin: Origin::Rest, observed_at: claim.last_asked_at };
                self.known.insert(Span { range: claim.range, provenance });
            }
        }
    }

    fn dispute(&mut self, slot: &SlotProvenance, batch: &Batch) {
        let Some(range) = batch.slot_of(slot.open_time) else { return };
        let SlotProvenance { earlier, later, .. } = *slot;
        self.known.add_dispute(Dispute { range, earlier, later });
    }
}

/// Who speaks of a slot.
struct SlotProvenance {
    open_time: Timestamp,
    earlier: Option<Provenance>,
    later: Option<Provenance>,
}

impl SlotProvenance {
    fn of(known: &Coverage, batch: &Batch, open_time: Timestamp) -> Self {
        let (earlier, later) = (known.provenance_at(open_time), batch.coverage.provenance_at(open_time));
        Self { open_time, earlier, later }
    }

    /// Returns whether the stored row prevails over a different one.
    ///
    /// It does if its observation outweighs the other, or if it was surely observed later: a ledger may call
    /// a range older than it is, never newer.
    fn stored_prevails(&self) -> bool {
        let Some((earlier, later)) = self.earlier.zip(self.later) else { return false };
        match (outweighs(earlier, later), outweighs(later, earlier)) {
            (true, _) => true,
            (_, true) => false,
            _ => earlier.observed_at > later.observed_at,
        }
    }

    /// Returns whether the venue has already answered, and this is an earlier report that it has since
    /// corrected.
    fn is_outdated(&self) -> bool {
        let Some((earlier, later)) = self.earlier.zip(self.later) else { return false };
        match later.origin {
            Origin::Provisional => !is_streamed(earlier),
            Origin::Early => self.stored_prevails() && is_from_page(earlier),
            _ => false,
        }
    }

    /// Returns whether a later observation that differs is an expected correction.
    fn is_expected_correction(&self) -> bool {
        match self.earlier.map(|earlier| earlier.origin) {
            Some(Origin::Provisional) => true,
            Some(Origin::Early) => self.later.is_some_and(is_from_page),
            _ => false,
        }
    }

    /// Returns when the earlier observation ceased to hold.
    ///
    /// That is when the later one was made, or the end of the slot where nobody knows when. It is never
    /// before the earlier one was made.
    fn superseded_at(&self, batch: &Batch) -> Timestamp {
        let observed = [self.earlier, self.later].into_iter().flatten().map(|said| said.observed_at).max();
        observed.unwrap_or_else(|| self.open_time.plus(batch.slot))
    }

    /// Returns whether a live observation is now confirmed by an answer over REST.
    fn is_confirmed(&self) -> bool {
        self.earlier.is_some_and(is_streamed) && self.later.is_some_and(|later| !is_streamed(later))
    }

    /// Returns whether both rows agree: to the last bit, except for the turnover, and for the last bits of
    /// the volume where one of them was aggregated here.
    fn rows_agree(&self, a: &Candle, b: &Candle) -> bool {
        let is_locally_aggregated = [self.earlier, self.later].into_iter().flatten().any(is_streamed);
        a.agrees_with(b) && (is_locally_aggregated || a.volume == b.volume)
    }
}

/// Returns whether one observation outweighs another, whichever came first.
fn outweighs(one: Provenance, other: Provenance) -> bool {
    let is_final = (one.origin, other.origin) == (Origin::Rest, Origin::Early);
    is_final || (!is_streamed(one) && is_streamed(other))
}

fn is_from_page(provenance: Provenance) -> bool {
    matches!(provenance.origin, Origin::Rest | Origin::Early)
}

fn is_streamed(provenance: Provenance) -> bool {
    provenance.origin.is_live()
}

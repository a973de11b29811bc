//! Decides what a commit changes where something is known already: which rows are written, and what is
//! disputed.
//!
//! A row that agrees with the stored one changes nothing. A row that differs, or that comes for a slot proven
//! empty, replaces what was there, unless that is sure to have been observed later. Coverage without a row
//! where one is stored leaves the row. In all three cases the slot is disputed from then on, with both
//! observations, until it is forgotten and fetched again. A later observation that agrees with the stored row
//! does not settle the dispute: the venue has changed its answer once.
//!
//! A candle received live and aggregated here is the weaker observation. A REST reply confirms or contradicts
//! it, and in both cases the row and the provenance are those of the reply from then on. A row from REST is
//! never replaced by a live one, whichever came first. Where the venue says that it revises what it sends
//! live, a revision is no contradiction: the row is replaced and nothing is disputed. (A removed row is a
//! contradiction even then: it stays, and is disputed.) The same holds for pages fetched so early that the
//! venue was known to revise them: a page fetched later replaces them without a dispute, and an early one
//! says nothing against a later one, in whatever order they come.
//!
//! Coverage before the listing says that nothing is older than a moment. A row that turns up there removes
//! that coverage, without a dispute. What a reply merely left out beyond its rows is a claim: it is stored
//! with its witnesses, it is dropped where a row is stored, and it becomes known when a late enough reply
//! repeats it.
//!
//! The earlier version of a replaced row is kept with the time at which that was observed.

use std::collections::BTreeMap;

use market_backbone_core::{Candle, Coverage, Dispute, Origin, Provenance, Span, Timestamp};

use crate::batch::Batch;
use crate::ledger_compaction;
use crate::revision::Revision;

/// The changes of a commit, to be written as a whole or not at all.
#[derive(Debug, Default)]
pub(crate) struct CommitPlan {
    /// The rows that are new or replace others.
    pub(crate) rows: Vec<Candle>,
    /// The earlier versions of replaced rows.
    pub(crate) revisions: Vec<Revision>,
    /// The coverage and the disputes afterwards.
    pub(crate) known: Coverage,
}

/// Plans the commit of `batch`, given the `known` coverage and all rows that are `stored` in its ranges.
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

    /// Keeps the earlier version of a slot, if it had a row or was known to be empty.
    fn add_revision(&mut self, slot: &SlotProvenance, old: Option<Candle>, batch: &Batch) {
        if old.is_some() || slot.earlier.is_some() {
            let superseded_at = slot.superseded_at(batch);
            self.revisions.push(Revision { open_time: slot.open_time, candle: old, superseded_at });
        }
    }

    /// Drops claims that a row contradicts: such a reply was stale, or its rows came late. Claims repeated
    /// often and late enough become known.
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

/// The observations of a slot.
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

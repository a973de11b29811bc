//! What becomes of a commit where something is known already: which rows are written, and what is disputed.
//!
//! A row that says the same as the stored one changes nothing. One that says otherwise, or that comes where
//! nothing was proven to be, takes the place of what was there, unless that is sure to have been observed
//! later; a proof that has no row where one is stored leaves the row standing. In all three cases the slot is
//! disputed from then on, with both who said so, until it is forgotten and asked for anew. A later
//! observation that agrees with the stored row does not settle it: the venue has changed its mind once.

use std::collections::BTreeMap;

use market_backbone_core::{Candle, Coverage, Dispute, Provenance, Timestamp};

use crate::batch::Batch;
use crate::ledger;

/// How far two turnovers may be apart, as a share of them: they are sums over trades, added up by the venue
/// in an order it does not tell, and spelled with more digits on one channel than on another.
const TURNOVER_SLACK: f64 = 1e-9;

/// What is to be written, all of it or nothing.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Rows that are new or take the place of others.
    pub(crate) rows: Vec<Candle>,
    /// What is known and disputed afterwards.
    pub(crate) known: Coverage,
}

/// Decides on `batch`, given what is `known` and all rows that are `stored` within its reach.
pub(crate) fn decide(known: &Coverage, stored: &[Candle], batch: &Batch) -> Verdict {
    let mut verdict = Verdict { rows: Vec::with_capacity(batch.candles.len()), known: known.clone() };
    verdict.known.merge(&batch.coverage);
    let mut unspoken: BTreeMap<Timestamp, Candle> =
        stored.iter().map(|candle| (candle.open_time, *candle)).collect();
    for new in &batch.candles {
        let slot = Sayings::of(known, batch, new.open_time);
        match unspoken.remove(&new.open_time) {
            Some(old) if agree(&old, new) => {}
            Some(_) if slot.stands() => verdict.dispute(&slot, batch),
            _ => {
                verdict.rows.push(*new);
                if slot.earlier.is_some() {
                    verdict.dispute(&slot, batch);
                }
            }
        }
    }
    for open_time in unspoken.into_keys().filter(|open_time| batch.coverage.knows(*open_time)) {
        verdict.dispute(&Sayings::of(known, batch, open_time), batch);
    }
    verdict.known = ledger::compact(&verdict.known);
    verdict
}

impl Verdict {
    fn dispute(&mut self, slot: &Sayings, batch: &Batch) {
        let Some(range) = batch.slot_of(slot.open_time) else { return };
        let Sayings { earlier, later, .. } = *slot;
        self.known.dispute(Dispute { range, earlier, later });
    }
}

/// Who speaks of a slot.
struct Sayings {
    open_time: Timestamp,
    earlier: Option<Provenance>,
    later: Option<Provenance>,
}

impl Sayings {
    fn of(known: &Coverage, batch: &Batch, open_time: Timestamp) -> Self {
        let (earlier, later) = (known.proof_of(open_time), batch.coverage.proof_of(open_time));
        Self { open_time, earlier, later }
    }

    /// Whether what is stored was surely observed after what comes: a ledger may call a stretch staler than
    /// it is, never fresher.
    fn stands(&self) -> bool {
        let moments = self.earlier.zip(self.later);
        moments.is_some_and(|(earlier, later)| earlier.observed_at > later.observed_at)
    }
}

/// Whether both say the same of a slot: to the last bit, but for the turnover.
fn agree(a: &Candle, b: &Candle) -> bool {
    let exact = |c: &Candle| [c.open, c.high, c.low, c.close, c.volume];
    let apart = (a.turnover - b.turnover).abs();
    exact(a) == exact(b) && apart <= TURNOVER_SLACK * a.turnover.abs().max(b.turnover.abs())
}

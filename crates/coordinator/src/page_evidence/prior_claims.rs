//! Confirms claims of earlier queries, which the store passed on with the query.
//!
//! An older claim that a page repeats is proven by this one answer. A recent claim about recent slots cannot be
//! proven yet, however often it is checked now: it is left for a later query.

use market_backbone_core::{
    AbsenceClaim, CandlePage, MAX_ROW_DELAY, Origin, Provenance, Span, TimeRange, Timestamp,
};

use super::{PageConclusion, PageEvidence};

impl PageEvidence {
    /// Settles the slots that both `page` and an earlier answer left out.
    pub(super) fn apply_prior_claims(&self, page: &CandlePage, conclusion: &mut PageConclusion) {
        let is_empty = page.candles.is_empty() && page.rejected.is_empty();
        if is_empty && self.prior.has_rows {
            return; // It may be empty by mistake.
        }
        let after = page.proof.absent_after.and_then(|absent| self.slots.align(absent));
        let before = page.proof.absent_before.and_then(|absent| self.slots.align(absent));
        for claim in &self.prior.claims {
            if let Some(twice) = after.and_then(|absent| absent.intersect(claim.range)) {
                // A known row behind the range proves more than a claim does.
                let is_provable = after.is_some_and(|absent| self.lies_between(absent, page));
                let waits = match self.is_surprising(twice, page) {
                    _ if is_provable => None,
                    true => Some(twice),
                    false => self.unsettled_when_claimed(claim, twice),
                };
                confirm_claim(claim, (twice, Origin::Rest), waits, page, conclusion);
            }
            if let Some(twice) = before.and_then(|absent| absent.intersect(claim.range)) {
                let from_the_beginning = claim.range.from() == Timestamp::MIN;
                let origin = if from_the_beginning { Origin::BeforeListing } else { Origin::Rest };
                // "Not listed yet" is not accepted without a row; two answers of this query must show it.
                let is_contradicted = self.shown.range(..twice.to()).next().is_some();
                let lacks_a_row = from_the_beginning && is_empty;
                if !is_contradicted && !lacks_a_row {
                    let waits = self.unsettled_when_claimed(claim, twice).filter(|_| !from_the_beginning);
                    confirm_claim(claim, (twice, origin), waits, page, conclusion);
                }
            }
        }
    }

    /// Returns the slots of `twice` whose rows may have been late when they were claimed to be empty.
    fn unsettled_when_claimed(&self, claim: &AbsenceClaim, twice: TimeRange) -> Option<TimeRange> {
        let old = self.slots.floor(claim.first_asked_at.minus(MAX_ROW_DELAY));
        TimeRange::new(twice.from().max(old), twice.to()).ok()
    }
}

/// Proves `twice`, or else keeps the part of it that `waits`.
fn confirm_claim(
    claim: &AbsenceClaim,
    (twice, origin): (TimeRange, Origin),
    waits: Option<TimeRange>,
    page: &CandlePage,
    conclusion: &mut PageConclusion,
) {
    if claim.observed_again(page.asked_at).is_confirmed() {
        let provenance = Provenance { origin, observed_at: page.asked_at };
        conclusion.proven.push(Span { range: twice, provenance });
        conclusion.ranges.push(twice);
    } else {
        conclusion.ranges.extend(waits);
    }
}

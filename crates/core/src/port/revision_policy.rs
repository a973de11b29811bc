//! What a venue is known to revise, and what a page therefore proves.

use std::time::Duration;

use super::Capabilities;
use crate::{AbsenceClaim, CandlePage, Coverage, Origin, Provenance, Span, TimeRange, Timeframe, Timestamp};

/// The revisions that a venue makes to data it has already sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevisionPolicy {
    /// `true` if the venue corrects its live candles as a matter of course. A page that differs is then a
    /// correction and not a contradiction.
    pub live_is_provisional: bool,
    /// The ages, counted from a slot's end and rising, at which the venue is asked again about slots that were
    /// recorded live. They come after the first confirmation, which follows the [finality
    /// delay](Capabilities::finality_delay).
    ///
    /// A slot may wait for others at each age so that one request covers them, and may be corrected until then. A
    /// page that covers a slot younger than the whole [window](Self::revision_window) therefore has the origin
    /// [`Early`](Origin::Early), and a later page that differs is a correction. Early slots are known all the
    /// same. Where they are not recorded, the later page is fetched when the series is recorded the next time, or
    /// when they are forgotten and fetched anew.
    pub reconcile_after: &'static [Duration],
}

impl RevisionPolicy {
    /// The policy of a venue that never revises what it sent.
    pub const NONE: Self = Self { live_is_provisional: false, reconcile_after: &[] };

    /// Returns how long slots that are asked about again at `age` wait for others.
    #[must_use]
    pub fn batch_delay(age: Duration) -> Duration {
        age / 2
    }

    /// Returns the age, counted from its end, at which a page's data about a slot is definitive; zero where that
    /// is always so.
    #[must_use]
    pub fn revision_window(&self) -> Duration {
        self.reconcile_after.iter().map(|age| *age + Self::batch_delay(*age)).max().unwrap_or_default()
    }
}

impl Capabilities {
    /// Returns the proofs and claims of `page` for a series of `timeframe`.
    #[must_use]
    pub fn coverage_of(&self, timeframe: Timeframe, page: &CandlePage) -> Coverage {
        let asked_at = page.asked_at;
        let span = |origin, range| Span { range, provenance: Provenance { origin, observed_at: asked_at } };
        let window = self.revision_policy.revision_window();
        // Slots that may still change have the origin `Early`: by rule, or because the page shows nothing newer.
        let by_rule = (!window.is_zero()).then(|| self.grid.floor(timeframe, asked_at.minus(window)));
        let early = by_rule.into_iter().chain(page.proof.preliminary_from).min().unwrap_or(Timestamp::MAX);
        let mut coverage = Coverage::empty();
        if let Some(covered) = page.proof.covered {
            let stands = TimeRange::new(covered.from(), covered.to().min(early));
            let may_change = TimeRange::new(covered.from().max(early), covered.to());
            let stands = stands.map(|range| span(Origin::Rest, range));
            stands.into_iter().chain(may_change.map(|range| span(Origin::Early, range))).for_each(|span| {
                coverage.insert(span);
            });
        }
        for absent in [page.proof.absent_before, page.proof.absent_after].into_iter().flatten() {
            coverage.add_claim(AbsenceClaim::of(absent, asked_at));
        }
        for range in &page.proof.uncertain {
            coverage.remove(*range);
            // An uncertain claim about all of the past is not kept: it is fetched all the same.
            if range.from() != Timestamp::MIN {
                coverage.add_claim(AbsenceClaim::uncertain(*range, asked_at));
            }
        }
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_is_corrected_overnight_is_so_until_the_last_question_about_it_has_waited() {
        let late = RevisionPolicy {
            live_is_provisional: true,
            reconcile_after: &const { [HOUR, Duration::from_secs(64_800)] },
        };
        assert_eq!(
            (late.revision_window(), RevisionPolicy::NONE.revision_window()),
            (27 * HOUR, Duration::ZERO)
        );
    }
}

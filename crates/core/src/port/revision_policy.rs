//! What a venue is known to think better of, and what a page proves in view of that.

use std::time::Duration;

use super::Capabilities;
use crate::{AbsenceClaim, CandlePage, Coverage, Origin, Provenance, Span, TimeRange, Timeframe, Timestamp};

/// What a venue thinks better of after it has said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevisionPolicy {
    /// Whether a candle that was heard live is a first word, which the venue corrects as a matter of course: a page that
    /// says otherwise is then a correction and not a contradiction.
    pub live_is_provisional: bool,
    /// How old slots that were recorded live are, counted from their end, when the venue is asked about them once more,
    /// beyond the first time, which is after they have [settled](Capabilities::finality_delay). Rising.
    ///
    /// A slot may wait there for others to be asked about with, and is corrected until then for all we know: what a page
    /// says of a slot that is younger than the whole [window](Self::revision_window) is its [early](Origin::Early) word, and a page
    /// that is asked later and says otherwise is a correction. Early slots are known all the same: where they are not
    /// recorded, that later page is asked when the series is recorded the next time, or when they are forgotten and asked
    /// for anew.
    pub reconcile_after: &'static [Duration],
}

impl RevisionPolicy {
    /// What was said stands.
    pub const NONE: Self = Self { live_is_provisional: false, reconcile_after: &[] };

    /// How long slots that are asked about again at `age` wait for others.
    #[must_use]
    pub fn batch_delay(age: Duration) -> Duration {
        age / 2
    }

    /// How old a slot is, counted from its end, when what a page says of it stands; zero where that is always so.
    #[must_use]
    pub fn revision_window(&self) -> Duration {
        self.reconcile_after.iter().map(|age| *age + Self::batch_delay(*age)).max().unwrap_or_default()
    }
}

impl Capabilities {
    /// What `page` proves and claims of a series of `timeframe`.
    #[must_use]
    pub fn coverage_of(&self, timeframe: Timeframe, page: &CandlePage) -> Coverage {
        let asked_at = page.asked_at;
        let span = |origin, range| Span { range, provenance: Provenance { origin, observed_at: asked_at } };
        let window = self.revision_policy.revision_window();
        // What may still change is said early: by rule, or because the page shows nothing newer.
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
            // Not of everything that ever was: it is asked for all the same.
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

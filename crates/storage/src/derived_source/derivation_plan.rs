//! Chooses the ranges of an answer that are derived rather than fetched.

use market_backbone_core::{CandleQuery, Coverage, RangeSet, Series, SourceError, TimeRange};

use super::DerivedSource;
use super::aggregation::derived_span;
use crate::as_of;

/// The ranges to derive, and their base.
#[derive(Debug)]
pub(super) struct DerivationPlan {
    /// The shorter series.
    pub(super) base: Series,
    /// The coverage of that series, without disputed ranges.
    known: Coverage,
    /// The ranges, of whole slots.
    pub(super) ranges: RangeSet,
}

impl DerivationPlan {
    /// Returns the coverage of `range`: derived, as of the oldest observation beneath it.
    pub(super) fn proof(&self, range: TimeRange) -> Coverage {
        derived_span(&self.known, range).into_iter().collect()
    }
}

/// The shorter series of which the candles of another one may be computed.
#[derive(Debug)]
pub(super) struct DerivationBase {
    pub(super) series: Series,
    /// The coverage of that series, without disputed ranges.
    pub(super) known: Coverage,
    /// The ranges of whole slots of the longer series that are known in the shorter one.
    pub(super) whole_slots: RangeSet,
}

impl DerivedSource {
    /// Returns what `series` may be computed from, as of the moment of `query`; `None` if it may not be.
    pub(super) async fn derivation_base(
        &self,
        query: &CandleQuery,
        series: &Series,
    ) -> Result<Option<DerivationBase>, SourceError> {
        let Some(base) = self.derive.base_of(series.timeframe) else { return Ok(None) };
        let base = Series::new(series.symbol.clone(), base);
        let known = without_disputes(as_of::without_later_disputes(self.store.coverage(&base).await?, query));
        let whole = |range: TimeRange| self.grid.whole_slots(series.timeframe, range);
        let whole_slots = known.known().into_iter().filter_map(whole).collect();
        Ok(Some(DerivationBase { series: base, known, whole_slots }))
    }

    /// Plans the ranges of `window` to derive; `None` if there are none.
    pub(super) async fn plan_derivation(
        &self,
        query: &CandleQuery,
        window: TimeRange,
    ) -> Result<Option<DerivationPlan>, SourceError> {
        let timeframe = query.series.timeframe;
        let Some(base) = self.derivation_base(query, &query.series).await? else { return Ok(None) };
        let derivable = base.whole_slots.within(window);
        if derivable.is_empty() {
            return Ok(None);
        }
        let holes = self.store.coverage(&query.series).await?.missing(window);
        let is_long = |range: TimeRange| self.grid.slots(timeframe, range) >= self.page;
        let ranges: RangeSet = worth_computing(&holes, derivable.as_slice(), is_long).into_iter().collect();
        let DerivationBase { series: base, known, .. } = base;
        Ok((!ranges.is_empty()).then_some(DerivationPlan { base, known, ranges }))
    }
}

fn without_disputes(mut known: Coverage) -> Coverage {
    let disputed: Vec<_> = known.disputes().iter().map(|dispute| dispute.range).collect();
    disputed.into_iter().for_each(|range| known.remove(range));
    known
}

/// Returns those derivable parts of `holes` that shorten an end of what is left, or split it by at least a
/// page: then what is left takes no more pages than all of it would have.
fn worth_computing(
    holes: &[TimeRange],
    derivable: &[TimeRange],
    is_long: impl Fn(TimeRange) -> bool,
) -> Vec<TimeRange> {
    let mut pieces = Vec::new();
    for hole in holes {
        let parts = derivable.iter().filter_map(|range| range.intersect(*hole));
        pieces.extend(
            parts.filter(|part| part.from() == hole.from() || part.to() == hole.to() || is_long(*part)),
        );
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::Timestamp;

    fn range(from: i64, to: i64) -> TimeRange {
        TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap()
    }

    #[test]
    fn what_would_only_split_a_stretch_is_asked_for_with_it() {
        let holes = [range(0, 1_000), range(2_000, 2_100)];
        let derivable =
            [range(0, 10), range(300, 350), range(400, 700), range(990, 2_050), range(2_070, 2_090)];
        let is_long = |range: TimeRange| range.to().since(range.from()).as_secs() >= 200;
        let want = [range(0, 10), range(400, 700), range(990, 1_000), range(2_000, 2_050)];
        assert_eq!(worth_computing(&holes, &derivable, is_long), want);
    }
}

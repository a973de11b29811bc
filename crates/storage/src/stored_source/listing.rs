//! The time before a market's listing holds for all its timeframes, or for none.
//!
//! It is stored for each series, because only the pages of a series say how far it goes back. It is not
//! stored where a candle of another timeframe contradicts it, and a candle that turns up removes it in every
//! timeframe.

use market_backbone_core::{
    CandlePart, Coverage, Origin, Series, SourceError, TimeRange, Timeframe, Timestamp,
};

use super::StoredSource;

impl StoredSource {
    /// Removes from a piece its coverage before the listing, where stored candles of this or another
    /// timeframe contradict it: the store rejects it, so the answer must not contain it.
    pub(super) async fn drop_contradicted_listing(
        &self,
        series: &Series,
        part: &mut CandlePart,
    ) -> Result<(), SourceError> {
        let Some(since) = listed_since(&part.coverage) else { return Ok(()) };
        for other in std::iter::once(series.clone()).chain(others(series)) {
            let Ok(before) = TimeRange::new(Timestamp::MIN, self.grid.floor(other.timeframe, since)) else {
                continue;
            };
            if self.store.coverage(&other).await?.is_empty() {
                continue;
            }
            if self.has_rows(&other, before).await? {
                tracing::warn!(%series, %other, %since, "said to be unlisted before, but there are candles");
                remove_listing(&mut part.coverage);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Removes the coverage before the listing in other timeframes, where a candle that opens at `oldest`
    /// contradicts it.
    pub(super) async fn withdraw_listing(
        &self,
        series: &Series,
        oldest: Timestamp,
    ) -> Result<(), SourceError> {
        for other in others(series) {
            let slot = self.grid.floor(other.timeframe, oldest);
            let since = listed_since(&self.store.coverage(&other).await?);
            if let Some(since) = since.filter(|since| slot < *since)
                && let Ok(unlisted) = TimeRange::new(Timestamp::MIN, since)
            {
                self.store.forget(&other, unlisted).await?;
            }
        }
        Ok(())
    }
}

/// Returns since when the market is listed, as far as that is known.
fn listed_since(known: &Coverage) -> Option<Timestamp> {
    let unlisted = |span: &&market_backbone_core::Span| span.provenance.origin == Origin::BeforeListing;
    known.spans().iter().filter(unlisted).map(|span| span.range.to()).max()
}

fn remove_listing(known: &mut Coverage) {
    let unlisted = known.spans().iter().filter(|span| span.provenance.origin == Origin::BeforeListing);
    let ranges: Vec<_> = unlisted.map(|span| span.range).collect();
    ranges.into_iter().for_each(|range| known.remove(range));
}

/// Returns the same market in other timeframes. Candles of seconds are kept for a limited time and prove
/// nothing.
fn others(series: &Series) -> impl Iterator<Item = Series> {
    let others =
        Timeframe::ALL.into_iter().filter(|frame| *frame != series.timeframe && *frame != Timeframe::S1);
    others.map(|frame| Series::new(series.symbol.clone(), frame))
}

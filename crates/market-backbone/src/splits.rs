//! The splits of each share, fetched once a day.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use market_backbone_core::{
    AdjustedCandles, Calendar, CandleQuery, CandleSet, Day, Priority, Series, SourceError, Split,
    SplitHistory, SplitSource, StraddlingCandle, Symbol, Timestamp, VenueDescriptor,
};

use crate::{Backbone, Error};

/// The number of shares that are remembered. Beyond it all are forgotten, which costs one request for each.
const MAX_CACHED_SYMBOLS: usize = 16_384;

impl Backbone {
    /// Says whether what is traded at this venue is ever split, so that adjusted candles differ.
    #[must_use]
    pub fn has_splits(&self) -> bool {
        self.stack().descriptor.is_some_and(VenueDescriptor::has_splits)
    }

    /// Adjusts the answer to `query` to the shares of its `as_of` moment, or of today. It is unchanged where
    /// nothing is ever split. The days of weeks and longer candles that a split falls into are fetched like any
    /// others, and stored.
    pub(crate) async fn adjusted(&self, mut set: CandleSet, query: &CandleQuery) -> Result<CandleSet, Error> {
        let source = self.stack().descriptor.and_then(|venue| venue.split_source(self.stack().calls()));
        let Some(source) = source else { return Ok(set) };
        let (now, symbol) = (self.stack().clock.now(), &query.series.symbol);
        let splits = self.stack().splits.get_or_fetch(symbol, (source.as_ref(), query.priority), now).await?;
        let moment = query.as_of.map_or(now, |moment| moment.min(now));
        let splits = SplitHistory::new(symbol, &splits, moment);
        let mut parts = BTreeMap::new();
        for straddled in set.straddling_splits(&splits, self.grid()) {
            let part = self.fetch_parts(straddled, query).await?;
            set.stats.requests += part.stats.requests;
            parts.insert(straddled.slot.from(), part);
        }
        let AdjustedCandles { set, unadjustable: untold } = set.adjusted(&splits, self.grid(), &parts, now);
        if let Some(first) = untold.first() {
            tracing::warn!(
                series = %query.series,
                %first,
                candles = untold.len(),
                "left out of the adjusted answer: a split falls into them or is impossible, and their parts are not known"
            );
        }
        Ok(set)
    }

    /// Fetches the shorter candles of a candle that a split falls into.
    async fn fetch_parts(
        &self,
        straddled: StraddlingCandle,
        query: &CandleQuery,
    ) -> Result<CandleSet, SourceError> {
        let series = Series::new(query.series.symbol.clone(), straddled.component_timeframe);
        let shorter = CandleQuery::within(series, straddled.slot).priority(query.priority);
        self.candles().candles(query.as_of.into_iter().fold(shorter, CandleQuery::as_of)).await
    }
}

/// The splits of a share, with the day on which they were fetched.
type CachedSplits = (Day, Arc<[Split]>);

/// The splits of each share, as they were known on a day.
#[derive(Debug, Default)]
pub(crate) struct SplitCache {
    by_symbol: Mutex<HashMap<Symbol, CachedSplits>>,
}

impl SplitCache {
    /// Returns the splits of `symbol`, announced ones included. They are fetched from `source` unless that was
    /// done today.
    async fn get_or_fetch(
        &self,
        symbol: &Symbol,
        (source, priority): (&dyn SplitSource, Priority),
        now: Timestamp,
    ) -> Result<Arc<[Split]>, SourceError> {
        let today = Calendar::day_of(now);
        Ok(match self.cached(symbol, today) {
            Some(splits) => splits,
            None => self.insert(symbol, today, source.splits(symbol, priority).await?),
        })
    }

    fn cached(&self, symbol: &Symbol, today: Day) -> Option<Arc<[Split]>> {
        let book = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(symbol).filter(|(day, _)| *day == today).map(|(_, splits)| Arc::clone(splits))
    }

    fn insert(&self, symbol: &Symbol, today: Day, splits: Vec<Split>) -> Arc<[Split]> {
        let splits: Arc<[Split]> = splits.into();
        let mut book = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= MAX_CACHED_SYMBOLS {
            book.clear();
        }
        book.insert(symbol.clone(), (today, Arc::clone(&splits)));
        splits
    }
}

//! Recording: closed candles of what is followed live, kept without asking for them.

use futures::StreamExt;
use market_backbone_coordinator::Start;
use market_backbone_core::{Delivery, Priority, QueryError, Series, Subscription, Symbol, Timeframe};
use market_backbone_storage::Recording;

use crate::{Backbone, Error};

/// Events that may wait for the listener. It only adds them up, so what fills this is a stall of the whole program.
const FEED_CAPACITY: usize = 65_536;

impl Backbone {
    /// Follows what `timeframes` of `symbols` are built from, and keeps the candles.
    pub(crate) async fn record(
        &self,
        symbols: Vec<Symbol>,
        timeframes: Vec<Timeframe>,
        priority: Priority,
    ) -> Result<Recording, Error> {
        let pairs = symbols.iter().flat_map(|symbol| timeframes.iter().map(move |frame| (symbol, frame)));
        let series: Vec<_> = pairs.map(|(symbol, frame)| Series::new(symbol.clone(), *frame)).collect();
        if series.is_empty() {
            return Err(QueryError::EmptySubscription.into());
        }
        // Which kinds they are follows from the timeframe alone, so all markets have the same.
        let kinds: Vec<_> = series.iter().map(|series| self.recorder().channel_of(series).kind).collect();
        let mut wish = Subscription::new(symbols, kinds)?;
        wish.delivery = Delivery::Buffered { capacity: FEED_CAPACITY };
        wish.priority = priority;
        let feed = self.continuity().clone().outlasting_refusals().subscribe(wish, Start::Now).await?;
        Ok(self.recorder().record(series, feed.boxed()))
    }
}

//! Recording: stores the closed candles of followed markets without requests.

use futures::StreamExt;
use market_backbone_coordinator::Start;
use market_backbone_core::{Delivery, Priority, QueryError, Series, Subscription, Symbol, Timeframe};
use market_backbone_storage::Recording;

use crate::{Backbone, Error};

/// The number of events that may wait for the recorder. It only adds them up, so it is full only if the whole
/// program stalls.
const FEED_CAPACITY: usize = 65_536;

impl Backbone {
    /// Follows the channels from which `timeframes` of `symbols` are built, and stores the candles.
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
        // The kinds follow from the timeframe alone, so they are the same for all markets.
        let kinds: Vec<_> = series.iter().map(|series| self.recorder().channel_of(series).kind).collect();
        let mut subscription = Subscription::new(symbols, kinds)?;
        subscription.delivery = Delivery::Buffered { capacity: FEED_CAPACITY };
        subscription.priority = priority;
        let feed =
            self.continuity().clone().outlasting_refusals().subscribe(subscription, Start::Now).await?;
        Ok(self.recorder().record(series, feed.boxed()))
    }
}

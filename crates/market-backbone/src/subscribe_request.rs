//! A request for a live feed from any starting point, built step by step and sent by `.await`.

use std::future::IntoFuture;

use futures::future::BoxFuture;
use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{Delivery, Priority, StreamKind, Subscription, Symbol, SymbolError};

use crate::{Backbone, Error};

/// A request for a live feed: `.await` starts it and returns the [`Feed`]; dropping the feed ends it.
#[derive(Debug)]
#[must_use = "nothing is followed until it is awaited"]
pub struct SubscribeRequest {
    backbone: Backbone,
    symbols: Result<Vec<Symbol>, SymbolError>,
    kinds: Vec<StreamKind>,
    delivery: Delivery,
    priority: Priority,
    includes_quiet_bars: bool,
    start: Start,
}

impl SubscribeRequest {
    pub(crate) fn new(
        backbone: Backbone,
        symbols: Result<Vec<Symbol>, SymbolError>,
        kinds: Vec<StreamKind>,
        priority: Priority,
    ) -> Self {
        let (delivery, start) = (Delivery::default(), Start::Now);
        Self { backbone, symbols, kinds, delivery, priority, includes_quiet_bars: false, start }
    }

    /// Starts at the given point instead of now: at a [`Timestamp`](crate::Timestamp), or after the
    /// [`Cursor`](crate::Cursor) of an earlier feed. The events since then come first, then
    /// [`CaughtUp`](crate::FeedEvent::CaughtUp), then live events.
    pub fn from(mut self, start: impl Into<Start>) -> Self {
        self.start = start.into();
        self
    }

    /// Delivers every event, each once. For a slow reader, `depth` events wait; further ones are fetched when
    /// it is ready.
    pub fn buffered(mut self, depth: usize) -> Self {
        self.delivery = Delivery::Buffered { capacity: depth };
        self
    }

    /// Delivers only the latest event of each market and kind, for readers of the current state. Such a feed
    /// has no history, and events missed in a gap are not fetched.
    pub fn conflated(mut self) -> Self {
        self.delivery = Delivery::Conflated;
        self
    }

    /// Delivers slots without a trade as bars too, marked by [`is_quiet`](crate::FeedEvent::Bar::is_quiet): all their
    /// prices are the previous close. Only slots that are known to be quiet are delivered, and none before the first bar.
    pub fn quiet_bars(mut self) -> Self {
        self.includes_quiet_bars = true;
        self
    }

    async fn open_feed(self) -> Result<Feed, Error> {
        let mut subscription = Subscription::new(self.symbols?, self.kinds)?;
        subscription.delivery = self.delivery;
        subscription.priority = self.priority;
        subscription.includes_quiet_bars = self.includes_quiet_bars;
        Ok(self.backbone.continuity().subscribe(subscription, self.start).await?)
    }
}

impl IntoFuture for SubscribeRequest {
    type Output = Result<Feed, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open_feed())
    }
}

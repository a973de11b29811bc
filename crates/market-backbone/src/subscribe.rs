//! A wish for live data, built step by step and begun by `.await`.

use std::future::IntoFuture;

use futures::future::BoxFuture;
use market_backbone_core::{Delivery, LiveStream, Priority, StreamKind, Subscription, Symbol, SymbolError};

use crate::{Backbone, Error};

/// A wish for live data: `.await` begins it and gives the stream; dropping the stream ends it.
#[derive(Debug)]
#[must_use = "nothing is followed until it is awaited"]
pub struct SubscribeRequest {
    backbone: Backbone,
    symbols: Result<Vec<Symbol>, SymbolError>,
    kinds: Vec<StreamKind>,
    delivery: Delivery,
    priority: Priority,
}

impl SubscribeRequest {
    pub(crate) fn new(
        backbone: Backbone,
        symbols: Result<Vec<Symbol>, SymbolError>,
        kinds: Vec<StreamKind>,
        priority: Priority,
    ) -> Self {
        Self { backbone, symbols, kinds, delivery: Delivery::default(), priority }
    }

    /// Every event in order; when `depth` of them wait, the oldest go and the stream says how many.
    pub fn lossless(mut self, depth: usize) -> Self {
        self.delivery = Delivery::Lossless { depth };
        self
    }

    /// Only the latest of each market and kind: for readers that want to know how things stand.
    pub fn conflated(mut self) -> Self {
        self.delivery = Delivery::Conflated;
        self
    }

    async fn begin(self) -> Result<LiveStream, Error> {
        let mut wish = Subscription::new(self.symbols?, self.kinds)?;
        wish.delivery = self.delivery;
        wish.priority = self.priority;
        Ok(self.backbone.live().subscribe(wish).await?)
    }
}

impl IntoFuture for SubscribeRequest {
    type Output = Result<LiveStream, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.begin())
    }
}

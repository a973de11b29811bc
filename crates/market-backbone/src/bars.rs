//! The bars of one market in one call: the closed ones, the forming one, and then each as it closes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt};
use market_backbone_coordinator::{Cursor, Feed};
use market_backbone_core::{Candle, CandleSet, FeedEvent, Series, StreamKind, Timeframe};

use crate::{Client, Error};

/// The bars of one market: its history, and a feed that continues where the history ends.
///
/// The feed delivers each closed bar as [`FeedEvent::Bar`], exactly once and in order, and again when it is
/// revised. Between them it delivers the forming bar as [`FeedEvent::Candle`], and events about the feed itself
/// ([`Gap`](FeedEvent::Gap), [`Ended`](FeedEvent::Ended)). Dropping it ends the feed.
#[derive(Debug)]
#[must_use = "nothing arrives unless it is read"]
pub struct Bars {
    series: Series,
    history: CandleSet,
    forming: Option<Candle>,
    feed: Feed,
}

impl Client {
    /// Returns the bars of `market`: the last `history_count` closed ones, then the forming one, then each as
    /// it closes.
    ///
    /// Between the history and the first live bar nothing is missing and nothing comes twice, however long
    /// either takes.
    ///
    /// ```no_run
    /// # use market_backbone::{Backbone, FeedEvent, Priority, Timeframe};
    /// # async fn trade(backbone: Backbone) -> Result<(), market_backbone::Error> {
    /// let bot = backbone.client(Priority::Critical);
    /// let mut bars = bot.bars("KRW-BTC", Timeframe::M1, 400).await?;
    /// let mut closes: Vec<f64> = bars.history().closes().to_vec();
    /// while let Some(event) = bars.next().await {
    ///     match event {
    ///         FeedEvent::Bar { candle, revision: 0, .. } => closes.push(candle.close),
    ///         FeedEvent::Candle { candle, .. } => println!("forming: {}", candle.close),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such market, the count is out of bounds, the venue streams no such bars, or cannot
    /// answer.
    pub async fn bars(
        &self,
        market: &str,
        timeframe: Timeframe,
        history_count: usize,
    ) -> Result<Bars, Error> {
        let series = Series::new(self.backbone().symbol(market)?, timeframe);
        let history = self.candles(market, timeframe).last(history_count).closed().await?;
        let grid = self.backbone().grid();
        let start = match history.candles.last() {
            Some(last) => grid.close(timeframe, last.open_time),
            None => grid.floor(timeframe, self.backbone().now()),
        };
        let kinds = [StreamKind::Bar(timeframe), StreamKind::Candle(timeframe)];
        let feed = self.subscribe(market, kinds).from(start).await?;
        let forming = self.latest_candle(market, timeframe).filter(|last| start <= last.open_time);
        Ok(Bars { series, history, forming, feed })
    }
}

impl Bars {
    /// Returns the series of the bars.
    #[must_use]
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Returns the bars that had closed at the time of the request, oldest first, with their coverage.
    #[must_use]
    pub const fn history(&self) -> &CandleSet {
        &self.history
    }

    /// Returns the latest state of the forming bar, or `None` while nothing has been traded in its slot.
    #[must_use]
    pub const fn forming(&self) -> Option<&Candle> {
        self.forming.as_ref()
    }

    /// Returns the position after the last event, from which a later feed of [`StreamKind::Bar`] and
    /// [`StreamKind::Candle`] can continue.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.feed.cursor()
    }

    /// Waits for the next event and returns it, or `None` when the feed has ended.
    ///
    /// It is cancel-safe as [`Feed::next`] is.
    #[expect(clippy::should_implement_trait, reason = "a feed is no iterator: the next event is waited for")]
    pub fn next(&mut self) -> impl Future<Output = Option<FeedEvent>> + Unpin + '_ {
        StreamExt::next(self)
    }

    fn note(&mut self, event: &FeedEvent) {
        match event {
            FeedEvent::Candle { candle, .. } if !candle.is_final => self.forming = Some(*candle),
            FeedEvent::Bar { candle, .. } => {
                self.forming = self.forming.filter(|forming| forming.open_time > candle.open_time);
            }
            _ => {}
        }
    }
}

impl Stream for Bars {
    type Item = FeedEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        let event = self.feed.poll_next_unpin(context);
        if let Poll::Ready(Some(event)) = &event {
            self.note(event);
        }
        event
    }
}

//! The candle in progress: from memory, else from the socket if requests are scarce, else over REST.

use market_backbone_core::{
    Call, CallGroup, CandlePageRequest, CandlePart, Channel, Clock, Priority, Series, Served, SourceError,
    StreamKind,
};
use tokio::time::Instant;

use super::Shared;
use crate::choice::Reason;

/// Up to so many rows a page costs the same however many it holds.
const SMALL_PAGE: u32 = 200;

impl Shared {
    /// The candle in progress; `None` if nothing has traded in its slot yet.
    ///
    /// Over REST it comes with the closed candles before it and their proof: a page costs the same however
    /// full it is.
    pub(super) async fn forming(
        &self,
        series: &Series,
        priority: Priority,
    ) -> Result<Option<CandlePart>, SourceError> {
        let reason = self.forming_by(series).await?;
        self.tally.decide(reason, series);
        match reason {
            Reason::Live | Reason::BudgetBusy => Ok(self.forming_in_memory(series)),
            _ => self.forming_page(series, priority).await,
        }
    }

    /// By which channel. Waits for the socket where that may save a request.
    async fn forming_by(&self, series: &Series) -> Result<Reason, SourceError> {
        let kind = StreamKind::Candle(series.timeframe);
        if !self.venue.capabilities().streams(kind) {
            return Ok(Reason::NotStreamed);
        }
        let channel = Channel { symbol: series.symbol.clone(), kind };
        let follow = || self.hub.follow(std::slice::from_ref(&channel));
        let now = Instant::now();
        let standing = self.chooser.asked(&channel, now, follow);
        if self.hub.is_live(&channel) {
            return Ok(Reason::Live);
        }
        if !self.limiter.busy(self.candle_group(series)?) {
            return Ok(standing.into());
        }
        self.chooser.insist(&channel, now, follow);
        let answered = self.hub.wait_for(&channel, self.config.forming_within).await;
        Ok(if answered { Reason::BudgetBusy } else { Reason::TooSlow })
    }

    /// What the socket last said of it: an older candle means that nothing has traded in this slot.
    fn forming_in_memory(&self, series: &Series) -> Option<CandlePart> {
        let slot = self.venue.capabilities().grid.floor(series.timeframe, self.time.clock().now());
        let candle = self.hub.latest_candle(series).filter(|candle| candle.open_time >= slot)?;
        let served = Served { memory_rows: 1, ..Served::default() };
        Some(CandlePart { candles: vec![candle], served, ..CandlePart::default() })
    }

    async fn forming_page(
        &self,
        series: &Series,
        priority: Priority,
    ) -> Result<Option<CandlePart>, SourceError> {
        let page = self.candle_page(&self.newest(series), priority).await?;
        if page.candles.is_empty() {
            return Ok(None);
        }
        let coverage = self.venue.capabilities().proof(series.timeframe, &page);
        let (rows, requests) = (page.candles.len(), page.attempts);
        let served = Served {
            venue_rows: u64::try_from(rows).unwrap_or(u64::MAX),
            requests: u64::from(requests),
            ..Served::default()
        };
        Ok(Some(CandlePart {
            candles: page.candles,
            coverage,
            served,
            rejected: page.rejected,
            unkept: None,
        }))
    }

    /// What requests for candles of `series` count against.
    pub(super) fn candle_group(&self, series: &Series) -> Result<CallGroup, SourceError> {
        Ok(self.venue.encode(&Call::Candles(self.newest(series)))?.group)
    }

    fn newest(&self, series: &Series) -> CandlePageRequest {
        let count = self.venue.capabilities().candle_page_of(series.timeframe).min(SMALL_PAGE);
        CandlePageRequest { series: series.clone(), before: None, count }
    }
}

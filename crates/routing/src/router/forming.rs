//! The forming candle: from the cache, else from the socket if requests are scarce, else over REST.

use market_backbone_core::{
    CandlePageRequest, CandlePart, Channel, Clock, FetchStats, Priority, RequestCost, Series, SourceError,
    StreamKind,
};
use tokio::time::Instant;

use super::RouterInner;
use crate::route_choice::RouteReason;

/// The page size up to which a page costs the same, however many rows it holds.
const MAX_FORMING_PAGE: u32 = 200;

impl RouterInner {
    /// Fetches the forming candle; `None` if nothing has traded in its slot yet.
    ///
    /// Over REST it comes with the closed candles before it and their proof: a page costs the same however
    /// full it is.
    pub(super) async fn forming(
        &self,
        series: &Series,
        priority: Priority,
    ) -> Result<Option<CandlePart>, SourceError> {
        let reason = self.choose_forming_route(series).await?;
        self.reason_counts.record(reason, series);
        match reason {
            RouteReason::Live | RouteReason::BudgetBusy => Ok(self.forming_in_memory(series)),
            _ => self.forming_page(series, priority).await,
        }
    }

    /// Chooses the route. Waits for the socket where that may save a request.
    async fn choose_forming_route(&self, series: &Series) -> Result<RouteReason, SourceError> {
        let kind = StreamKind::Candle(series.timeframe);
        if !self.venue.capabilities().streams(kind) {
            return Ok(RouteReason::NotStreamed);
        }
        let channel = Channel { symbol: series.symbol.clone(), kind };
        let follow = || self.hub.follow(std::slice::from_ref(&channel));
        let now = Instant::now();
        let standing = self.chooser.record_request(&channel, now, follow);
        if self.hub.is_live(&channel) {
            return Ok(RouteReason::Live);
        }
        if !self.limiter.busy(self.candle_cost(series)?.group) {
            return Ok(standing.into());
        }
        self.chooser.force_follow(&channel, now, follow);
        let answered = self.hub.wait_for(&channel, self.config.forming_timeout).await;
        Ok(if answered { RouteReason::BudgetBusy } else { RouteReason::TooSlow })
    }

    /// Returns what the socket last said of the candle. An older candle means that nothing has traded in this
    /// slot.
    fn forming_in_memory(&self, series: &Series) -> Option<CandlePart> {
        let slot = self.venue.capabilities().grid.floor(series.timeframe, self.time.clock().now());
        let candle = self.hub.latest_candle(series).filter(|candle| candle.open_time >= slot)?;
        let served = FetchStats { memory_rows: 1, ..FetchStats::default() };
        Some(CandlePart { candles: [candle].into(), stats: served, ..CandlePart::default() })
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
        let coverage = self.venue.capabilities().coverage_of(series.timeframe, &page);
        let (rows, requests) = (page.candles.len(), page.attempts);
        let served = FetchStats {
            venue_rows: u64::try_from(rows).unwrap_or(u64::MAX),
            requests: u64::from(requests),
            ..FetchStats::default()
        };
        Ok(Some(CandlePart {
            candles: page.candles.into(),
            coverage,
            stats: served,
            rejected: page.rejected,
            write_failure: None,
        }))
    }

    /// Returns what a request for a full page of candles of `series` costs.
    pub(super) fn candle_cost(&self, series: &Series) -> Result<RequestCost, SourceError> {
        let count = self.venue.capabilities().candle_page_of(series.timeframe);
        let page = CandlePageRequest { series: series.clone(), before: None, count };
        self.rest.cost_of(&page)
    }

    fn newest(&self, series: &Series) -> CandlePageRequest {
        let count = self.venue.capabilities().candle_page_of(series.timeframe).min(MAX_FORMING_PAGE);
        CandlePageRequest { series: series.clone(), before: None, count }
    }
}

//! Past data and the list of markets: always over REST.

use std::sync::PoisonError;

use market_backbone_core::{
    CandlePage, CandlePageRequest, HttpCall, Instrument, OwnedReply, PageProof, Priority, SourceError,
    SourceErrorKind, TradeCursor, TradePage, TradePageRequest,
};
use tokio::time::Instant;

use super::RouterInner;
use crate::rest::typed_request::MarketsRequest;
use crate::route_choice::RouteReason;

impl RouterInner {
    pub(super) async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError> {
        let capabilities = self.venue.capabilities();
        let frame = request.series.timeframe;
        self.check_count("candles", request.count, capabilities.candle_page_of(frame))?;
        if !capabilities.timeframes.contains(&frame) {
            return Err(capabilities.no_such_timeframe(frame));
        }
        self.reason_counts.record(RouteReason::History, &request.series);
        let symbol = &request.series.symbol;
        let reply = self.rest.call(request.clone(), priority).await?;
        let page = CandlePage { attempts: reply.attempts, ..reply.payload };
        for row in &page.rejected {
            if self.rejected_rows.is_first_report(&request.series, row) {
                tracing::warn!(series = %request.series, %row, "an invalid row is left out");
            } else {
                tracing::debug!(series = %request.series, %row, "a row is still invalid");
            }
        }
        if !page.candles.is_empty() {
            self.listing_cache.note(symbol, true);
        } else if page.rejected.is_empty() && !self.confirm_listed(symbol, priority).await? {
            return Ok(CandlePage { proof: PageProof::default(), ..page });
        }
        Ok(page)
    }

    pub(super) async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError> {
        self.check_count("trades", request.count, self.venue.capabilities().trade_page)?;
        self.reason_counts.record(RouteReason::History, &request.symbol);
        let page = self.rest.call(request.clone(), priority).await?.payload;
        if request.cursor == TradeCursor::Latest {
            self.time.on_trades(&page);
        }
        if !page.trades.is_empty() {
            self.listing_cache.note(&request.symbol, true);
        } else if page.dropped == 0 {
            self.confirm_listed(&request.symbol, priority).await?;
        }
        Ok(page)
    }

    /// Sends a call that only this venue has, as any other request; the caller decodes it.
    pub(super) async fn own_call(
        &self,
        call: HttpCall,
        priority: Priority,
    ) -> Result<Vec<OwnedReply>, SourceError> {
        Ok(self.rest.call(call, priority).await?.payload)
    }

    /// Refuses what the venue would refuse, before anything is sent.
    fn check_count(&self, what: &str, asked: u32, limit: u32) -> Result<(), SourceError> {
        let venue = self.venue.capabilities().venue;
        let refuse = |kind, message: String| Err(SourceError::new(kind, message).at_venue(venue));
        if asked > limit {
            let message = format!("asked for {asked} {what} at once; {venue} gives at most {limit}");
            return refuse(SourceErrorKind::PageTooLarge { asked, limit }, message);
        }
        if asked == 0 {
            return refuse(SourceErrorKind::BadRequest, format!("asked for 0 {what}; ask for 1 to {limit}"));
        }
        Ok(())
    }

    /// Returns the list of markets, from the cache while it is fresh.
    pub(super) async fn markets(&self, priority: Priority) -> Result<Vec<Instrument>, SourceError> {
        if let Some(markets) = self.cached_markets() {
            return Ok(markets);
        }
        let markets = self.rest.call_shared(MarketsRequest, priority, None).await?.payload;
        let mut listed = self.markets_cache.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = Some((Instant::now(), markets.clone()));
        Ok(markets)
    }

    pub(super) fn cached_markets(&self) -> Option<Vec<Instrument>> {
        let listed = self.markets_cache.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |since: &Instant| since.elapsed() < self.config.markets_ttl;
        listed.as_ref().filter(|(since, _)| fresh(since)).map(|(_, markets)| markets.clone())
    }
}

//! What has happened: pages, and the list of markets. Over REST, always.

use std::sync::PoisonError;

use market_backbone_core::{
    Call, CandlePage, CandlePageRequest, HttpCall, Market, OwnedReply, Priority, Proof, SourceError,
    SourceErrorKind, TradePage, TradePageRequest,
};
use tokio::time::Instant;

use super::Shared;
use crate::choice::Reason;
use crate::stack::request::Answer;

/// Reading answers each call in kind.
pub(super) const IN_KIND: &str = "a call is answered in kind";

impl Shared {
    pub(super) async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError> {
        let capabilities = self.venue.capabilities();
        let frame = request.series.timeframe;
        self.check_count("candles", request.count, capabilities.candle_page_of(frame))?;
        if !capabilities.timeframes.contains(&frame) {
            let message = format!("{} has no {frame} candles", capabilities.venue.house());
            return Err(SourceError::new(SourceErrorKind::Unsupported, message).at(capabilities.venue));
        }
        self.tally.decide(Reason::History, &request.series);
        let symbol = &request.series.symbol;
        let reply = self.rest.call(Call::Candles(request.clone()), priority).await?;
        let Answer::Candles(page) = reply.answer else { unreachable!("{IN_KIND}") };
        let page = CandlePage { attempts: reply.attempts, ..page };
        for row in &page.rejected {
            if self.bad_rows.is_news(&request.series, row) {
                tracing::warn!(series = %request.series, %row, "a row cannot be true and is left out");
            } else {
                tracing::debug!(series = %request.series, %row, "a row still cannot be true");
            }
        }
        if !page.candles.is_empty() {
            self.names.note(symbol, true);
        } else if page.rejected.is_empty() && !self.is_about_a_market(symbol, priority).await? {
            return Ok(CandlePage { proof: Proof::default(), ..page });
        }
        Ok(page)
    }

    pub(super) async fn trade_page(
        &self,
        request: &TradePageRequest,
        priority: Priority,
    ) -> Result<TradePage, SourceError> {
        self.check_count("trades", request.count, self.venue.capabilities().trade_page)?;
        self.tally.decide(Reason::History, &request.symbol);
        let reply = self.rest.call(Call::Trades(request.clone()), priority).await?;
        let Answer::Trades(page) = reply.answer else { unreachable!("{IN_KIND}") };
        if request.before.is_none() && request.days_ago == 0 {
            self.time.traded(&page);
        }
        if !page.trades.is_empty() {
            self.names.note(&request.symbol, true);
        } else if page.dropped == 0 {
            self.is_about_a_market(&request.symbol, priority).await?;
        }
        Ok(page)
    }

    /// What only this venue has: sent as any other request, read by who asked.
    pub(super) async fn own_call(
        &self,
        call: HttpCall,
        priority: Priority,
    ) -> Result<Vec<OwnedReply>, SourceError> {
        let reply = self.rest.call(Call::Own(call), priority).await?;
        let Answer::Own(replies) = reply.answer else { unreachable!("{IN_KIND}") };
        Ok(replies)
    }

    /// Refuses what the venue would refuse, before anything is sent.
    fn check_count(&self, what: &str, asked: u32, limit: u32) -> Result<(), SourceError> {
        let venue = self.venue.capabilities().venue;
        let refuse = |kind, message: String| Err(SourceError::new(kind, message).at(venue));
        if asked > limit {
            let message = format!("asked for {asked} {what} at once; {venue} gives at most {limit}");
            return refuse(SourceErrorKind::PageTooLarge { asked, limit }, message);
        }
        if asked == 0 {
            return refuse(SourceErrorKind::BadRequest, format!("asked for 0 {what}; ask for 1 to {limit}"));
        }
        Ok(())
    }

    /// The list of markets, from memory while it is fresh.
    pub(super) async fn markets(&self, priority: Priority) -> Result<Vec<Market>, SourceError> {
        if let Some(markets) = self.listed_lately() {
            return Ok(markets);
        }
        let reply = self.rest.call_shared(Call::Markets, priority, None).await?;
        let Answer::Markets(markets) = reply.answer else { unreachable!("{IN_KIND}") };
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = Some((Instant::now(), markets.clone()));
        Ok(markets)
    }

    pub(super) fn listed_lately(&self) -> Option<Vec<Market>> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |since: &Instant| since.elapsed() < self.config.markets_for;
        listed.as_ref().filter(|(since, _)| fresh(since)).map(|(_, markets)| markets.clone())
    }
}

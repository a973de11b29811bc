//! Probes a silent channel with one request for tickers, when no other request needs the permit.

use std::sync::Weak;

use async_trait::async_trait;
use market_backbone_core::{Priority, SourceError, SourceErrorKind, Symbol, TickerRequest, Timestamp};

use super::RouterInner;
use crate::live::Probe;

/// A probe over REST. The reference is weak, because the hub that holds the probe is itself a part of the
/// router.
#[derive(Debug)]
pub(super) struct TickerProbe(pub(super) Weak<RouterInner>);

#[async_trait]
impl Probe for TickerProbe {
    async fn last_traded(&self, symbols: &[Symbol]) -> Result<Vec<(Symbol, Timestamp)>, SourceError> {
        let closed = || SourceError::new(SourceErrorKind::Closed, "the router is closed");
        let shared = self.0.upgrade().ok_or_else(closed)?;
        match shared.last_traded(symbols).await {
            // One market that is no longer listed would make the venue refuse the whole request.
            Err(error) if error.kind() == SourceErrorKind::UnknownMarket => {
                let listed = shared.markets(Priority::Low).await?;
                let is_listed = |symbol: &&Symbol| listed.iter().any(|market| market.symbol == **symbol);
                let known: Vec<_> = symbols.iter().filter(is_listed).cloned().collect();
                shared.last_traded(&known).await
            }
            other => other,
        }
    }
}

impl RouterInner {
    async fn last_traded(&self, symbols: &[Symbol]) -> Result<Vec<(Symbol, Timestamp)>, SourceError> {
        if symbols.is_empty() {
            return Ok(Vec::new());
        }
        let question = TickerRequest::Symbols(symbols.to_vec());
        let tickers = self.rest.call_shared(question, Priority::Low, None).await?.payload;
        Ok(tickers.into_iter().map(|ticker| (ticker.symbol, ticker.trade_time)).collect())
    }
}

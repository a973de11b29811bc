//! Any number of recent trades, built from single pages.
//!
//! They are not stored, so nothing has to be proven about them beyond their order.

use market_backbone_core::{Priority, SourceError, Symbol, Trade, TradeCursor};

use crate::Coordinator;
use crate::trade_walk::{TradeWalk, WalkStep};

impl Coordinator {
    /// Fetches the newest `count` trades that the venue still has, oldest first.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn trades(
        &self,
        symbol: &Symbol,
        count: usize,
        priority: Priority,
    ) -> Result<Vec<Trade>, SourceError> {
        let pages = self.pages();
        let capabilities = pages.capabilities();
        let kept_since = capabilities.trades_kept_since(self.now());
        let mut newest_first: Vec<Trade> = Vec::new();
        let mut walk = TradeWalk::new(symbol.clone(), TradeCursor::Latest);
        while newest_first.len() < count {
            let wanted = u32::try_from(count - newest_first.len()).unwrap_or(u32::MAX);
            let Some(request) = walk.next_request(wanted.min(capabilities.trade_page), kept_since) else {
                break;
            };
            let page = pages.trade_page(&request, priority).await?;
            if let WalkStep::Page(page) = walk.absorb(&request, page) {
                newest_first.extend(page.trades.into_iter().rev());
            }
        }
        newest_first.truncate(count);
        newest_first.reverse();
        Ok(newest_first)
    }
}

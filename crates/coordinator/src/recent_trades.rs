//! Any number of recent trades, built from single pages.
//!
//! Trades are paged one page after the other, because only the last page shows where the next one begins. They are
//! not stored, so nothing has to be proven about them beyond their order.

use market_backbone_core::{Priority, SourceError, Symbol, Trade, TradeCursor, TradePageRequest};

use crate::Coordinator;

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
        let is_kept = |cursor: &TradeCursor| match cursor {
            TradeCursor::At(moment) => *moment > kept_since,
            TradeCursor::Latest | TradeCursor::Before(_) => true,
        };
        let mut newest_first: Vec<Trade> = Vec::new();
        let mut next = Some(TradeCursor::Latest);
        while newest_first.len() < count
            && let Some(cursor) = next.filter(is_kept)
        {
            let wanted =
                u32::try_from(count - newest_first.len()).unwrap_or(u32::MAX).min(capabilities.trade_page);
            let request = TradePageRequest { symbol: symbol.clone(), cursor, count: wanted };
            let page = pages.trade_page(&request, priority).await?;
            // A page that goes on where it began would be asked for ever.
            next = page.next.filter(|next| *next != request.cursor);
            newest_first.extend(page.trades.into_iter().rev());
        }
        newest_first.truncate(count);
        newest_first.reverse();
        Ok(newest_first)
    }
}

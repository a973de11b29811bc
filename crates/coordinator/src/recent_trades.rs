//! Any number of recent trades, built from single pages.
//!
//! Trades are paged by their own ids and one page after the other, because only the last page shows where the
//! next one begins. They are not stored, so nothing has to be proven about them beyond their order.

use market_backbone_core::{Priority, SourceError, Symbol, Trade, TradePageRequest};

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
        let mut newest_first: Vec<Trade> = Vec::new();
        let (mut before, mut days_ago) = (None, 0);
        while newest_first.len() < count && days_ago <= capabilities.trade_days {
            let wanted =
                u32::try_from(count - newest_first.len()).unwrap_or(u32::MAX).min(capabilities.trade_page);
            let request =
                TradePageRequest { symbol: symbol.clone(), before: before.clone(), days_ago, count: wanted };
            let page = pages.trade_page(&request, priority).await?;
            let is_full = page.trades.len() + page.dropped as usize >= wanted as usize;
            let oldest = page.trades.first().map(|trade| trade.id.clone());
            if !is_full || oldest.is_none() || oldest == before {
                days_ago += 1; // this day has no more
            }
            before = oldest.or(before);
            newest_first.extend(page.trades.into_iter().rev());
        }
        newest_first.truncate(count);
        newest_first.reverse();
        Ok(newest_first)
    }
}

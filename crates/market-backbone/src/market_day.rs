//! The daily candles of a whole market, kept by one request a day.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use market_backbone_core::{
    CandlePage, Day, Grid, MarketDaySource, PageProof, PageSource, Priority, SourceError, SourceErrorKind,
    TimeRange, Timeframe, Timestamp,
};
use std::sync::Arc;

use crate::{Backbone, Error};

/// Series written at a time: the store puts those that wait into one transaction.
const CONCURRENCY: usize = 256;

impl Backbone {
    /// Says whether this venue has the daily candles of all its markets in one answer.
    #[must_use]
    pub fn has_market_days(&self) -> bool {
        self.market_day_source().is_some()
    }

    /// Asks for the daily candles of all markets on `day`, which is one request, and keeps them: whoever asks for a market's
    /// daily candle of that day needs none. Says how many markets there were; none on a day without trading.
    ///
    /// Of a market that is not in the answer nothing is learnt: it may not have been traded, or not be listed.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported) if this venue has no such answer;
    /// [`BadRequest`](SourceErrorKind::BadRequest) as long as the day may still change; whatever the venue answers; if it
    /// cannot be written: then what was written before is kept.
    pub async fn store_market_day(&self, day: Day, priority: Priority) -> Result<usize, Error> {
        let stack = self.stack();
        let refused = |kind, message: String| SourceError::new(kind, message).at_venue(stack.venue);
        let source = self.market_day_source().ok_or_else(|| {
            let message = "this venue has no request for a whole market";
            refused(SourceErrorKind::Unsupported, message.to_owned())
        })?;
        let capabilities = *self.router().capabilities();
        let slot = slot_of(capabilities.grid, day)?;
        let asked_at = stack.clock.now();
        let settled = slot.to().plus(capabilities.finality_delay);
        if asked_at < settled {
            let message =
                format!("the bars of {day} may change until {settled}; ask then, or for the day before");
            return Err(refused(SourceErrorKind::BadRequest, message).into());
        }
        let candles = source.market_day(day, priority).await?;
        let proof = PageProof { covered: Some(slot), ..PageProof::default() };
        let page = CandlePage { proof, asked_at, ..CandlePage::default() };
        let known = capabilities.coverage_of(Timeframe::D1, &page);
        // What cannot be true is left out, as it is of any page.
        let kept: Vec<_> = candles
            .iter()
            .filter(|(_, candle)| candle.is_valid() && candle.open_time == slot.from())
            .collect();
        stream::iter(&kept)
            .map(|(series, candle)| self.inner().tiers.commit_candle(series, candle, &known))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(kept.len())
    }

    fn market_day_source(&self) -> Option<Arc<dyn MarketDaySource>> {
        self.stack().descriptor?.market_day_source(self.stack().calls())
    }
}

/// The slot of `day`, as the venue counts days.
fn slot_of(grid: Grid, day: Day) -> Result<TimeRange, Error> {
    // Noon of UTC is the same day on every grid there is.
    let noon = day.to_string().parse::<Timestamp>()?.plus(Duration::from_secs(12 * 3_600));
    let open = grid.floor(Timeframe::D1, noon);
    Ok(TimeRange::new(open, grid.close(Timeframe::D1, open))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_venues() {
        let day: Day = "2026-08-03".parse().unwrap();
        let range = |grid| {
            let slot = slot_of(grid, day).unwrap();
            (slot.from().to_string(), slot.to().to_string())
        };
        let day = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(range(Grid::Utc), day("2026-08-03T00:00:00Z", "2026-08-04T00:00:00Z"));
        assert_eq!(range(Grid::NewYork), day("2026-08-03T04:00:00Z", "2026-08-04T04:00:00Z"));
    }
}

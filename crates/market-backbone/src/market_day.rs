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
        if let Some(message) = unsettled(day, slot, settled, asked_at) {
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

/// Says why the candles of `day` are not final yet; `None` if they are.
fn unsettled(day: Day, slot: TimeRange, settled: Timestamp, now: Timestamp) -> Option<String> {
    if now < slot.from() {
        return Some(format!(
            "{day} lies in the future: it begins at {}, and its candles are final from {settled} on; ask for a day that \
             is over",
            slot.from()
        ));
    }
    let what = if now < slot.to() { "is not over" } else { "is over, but corrections still come" };
    (now < settled).then(|| {
        format!("{day} {what}: its candles may change until {settled}; ask then, or for the day before")
    })
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
    fn a_day_that_is_not_final_is_refused_by_what_it_is() {
        let day: Day = "2026-08-03".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (slot, settled) = (slot_of(Grid::Utc, day).unwrap(), at("2026-08-04T06:00:00Z"));
        let said = |now| unsettled(day, slot, settled, at(now)).unwrap_or_default();
        let future = said("2026-08-01T00:00:00Z");
        assert!(
            future.contains("2026-08-03 lies in the future: it begins at 2026-08-03T00:00:00Z"),
            "{future}"
        );
        assert!(!future.contains("the day before"), "that is not over either: {future}");
        for (now, what) in [("2026-08-03T00:00:00Z", "is not over"), ("2026-08-04T00:00:00Z", "corrections")]
        {
            let early = said(now);
            assert!(
                early.contains(what) && early.contains("until 2026-08-04T06:00:00Z; ask then"),
                "{early}"
            );
            assert!(early.contains("the day before"), "{early}");
        }
        assert_eq!(unsettled(day, slot, settled, settled), None);
    }

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

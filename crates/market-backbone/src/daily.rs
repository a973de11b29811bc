//! Stores the daily bars of a whole market with one request a day.

use futures::{StreamExt, TryStreamExt, stream};
use market_backbone_core::{
    Calendar, Candle, CandlePage, Day, Grid, PageProof, PageSource, Priority, Series, SourceError,
    SourceErrorKind, TimeRange, Timeframe,
};
use market_backbone_massive::{DayBar, MASSIVE, MassiveClient};

use crate::{Backbone, Error};

/// The number of series written at a time: the store puts waiting ones into one transaction.
const CONCURRENCY: usize = 256;

impl Backbone {
    /// Fetches the bars of all shares on `day` from Massive, which is one request, and stores them: a later
    /// query for a share's daily candle of that day needs no request. Returns the number of shares; 0 on a day
    /// without trading.
    ///
    /// A share that is not in the answer stays unknown: it may not have been traded, or not be listed.
    ///
    /// # Errors
    ///
    /// If this backbone does not talk to Massive; [`BadRequest`](SourceErrorKind::BadRequest) as long as the
    /// day may still change; any failure of the venue; or if the bars cannot be written. Bars that were written
    /// before the failure are kept.
    pub async fn store_massive_day(&self, day: Day, priority: Priority) -> Result<usize, Error> {
        let layers = self.inner().at(MASSIVE)?;
        let slot = TimeRange::new(Calendar::midnight(day), Calendar::midnight(day.plus(1)))?;
        let asked_at = layers.clock.now();
        let settled = slot.to().plus(layers.router.capabilities().finality_delay);
        if asked_at < settled {
            let message =
                format!("the bars of {day} may change until {settled}; ask then, or for the day before");
            return Err(SourceError::new(SourceErrorKind::BadRequest, message).at_venue(layers.venue).into());
        }
        let client = MassiveClient::new(layers.calls()).with_priority(priority);
        let bars = client.grouped_daily(day, false).await?;
        let proof = PageProof { covered: Some(slot), ..PageProof::default() };
        let page = CandlePage { proof, asked_at, ..CandlePage::default() };
        let known = layers.router.capabilities().coverage_of(Timeframe::D1, &page);
        let kept: Vec<_> = bars.iter().filter(|bar| bar.day == day).filter_map(daily_candle).collect();
        stream::iter(&kept)
            .map(|(series, candle)| self.inner().tiers.commit_candle(series, candle, &known))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(kept.len())
    }
}

/// Returns a bar as it is stored, or `None` if its figures are impossible.
fn daily_candle(bar: &DayBar) -> Option<(Series, Candle)> {
    let DayBar { symbol, bar, .. } = bar;
    let candle = Candle {
        open_time: bar.open_time,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
        turnover: bar.volume * bar.vwap.unwrap_or(bar.close),
        is_final: true,
    };
    let sound = candle.is_valid() && Grid::NewYork.is_open_time(Timeframe::D1, candle.open_time);
    sound.then(|| (Series::new(symbol.clone(), Timeframe::D1), candle))
}

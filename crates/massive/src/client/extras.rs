//! What the facade asks of any venue that has it: splits, and the daily candles of all shares at once.

use async_trait::async_trait;
use market_backbone_core::{
    Candle, Day, MarketDaySource, Priority, Series, SourceError, Split, SplitSource, Symbol, Timeframe,
};

use super::{DayBar, MassiveClient};

#[async_trait]
impl SplitSource for MassiveClient {
    async fn splits(&self, symbol: &Symbol, priority: Priority) -> Result<Vec<Split>, SourceError> {
        Self::splits(&self.clone().with_priority(priority), Some(symbol), None).await
    }
}

#[async_trait]
impl MarketDaySource for MassiveClient {
    async fn market_day(&self, day: Day, priority: Priority) -> Result<Vec<(Series, Candle)>, SourceError> {
        let bars = self.clone().with_priority(priority).grouped_daily(day, false).await?;
        Ok(bars.iter().filter(|bar| bar.day == day).map(daily_candle).collect())
    }
}

fn daily_candle(bar: &DayBar) -> (Series, Candle) {
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
    (Series::new(symbol.clone(), Timeframe::D1), candle)
}

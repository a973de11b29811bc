//! The formulas that TA-Lib has not: the session VWAP and the z-score.

use market_backbone_core::{Candle, Grid, Timeframe, Timestamp};

use super::price_source::PriceSource;

/// The volume-weighted average price since the day began.
///
/// The day is the venue's own: that of its grid of candles (UTC for Upbit, New York for US stocks, whose first trades of
/// the day are those of the pre-market). Where a bar tells its turnover, the average is exact: turnover over volume. Where
/// it does not, the bar's typical price stands for it.
///
/// A day counts only if it is whole: its first slot is there, or a bar of an earlier day without an unknown slot in
/// between. The rest of a day of which the beginning is not known has no value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionVwap {
    grid: Grid,
    day_end: Timestamp,
    whole: bool,
    turnover: f64,
    volume: f64,
}

impl SessionVwap {
    pub(crate) const fn new(grid: Grid) -> Self {
        Self { grid, day_end: Timestamp::MIN, whole: false, turnover: 0.0, volume: 0.0 }
    }

    /// Takes a bar; the first value is not finite where there is none. Nothing is returned for a bar that is refused.
    pub(crate) fn update(&mut self, bar: &Candle) -> Option<f64> {
        let typical = PriceSource::Typical.of(bar);
        if !(typical.is_finite() && bar.volume.is_finite() && bar.turnover.is_finite()) {
            return None;
        }
        if bar.open_time >= self.day_end {
            let day = self.grid.floor(Timeframe::D1, bar.open_time);
            let follows = self.day_end != Timestamp::MIN;
            (self.whole, self.turnover, self.volume) = (follows || day == bar.open_time, 0.0, 0.0);
            self.day_end = self.grid.close(Timeframe::D1, day);
        }
        self.turnover += if bar.turnover > 0.0 { bar.turnover } else { typical * bar.volume };
        self.volume += bar.volume;
        let price = if self.whole && self.volume > 0.0 { self.turnover / self.volume } else { f64::NAN };
        Some(price)
    }
}

/// The distance of the newest figure from the mean of the last `n`, in their standard deviations (of the population).
///
/// Mean and deviation are computed anew over the window for each bar. A sum that is carried on would be faster, and its
/// rounding would be all that is left where prices are large and hardly move.
#[derive(Clone, Debug)]
pub(crate) struct Zscore {
    window: Vec<f64>,
    period: usize,
    next: usize,
}

impl Zscore {
    pub(crate) fn new(period: usize) -> Self {
        Self { window: Vec::with_capacity(period), period, next: 0 }
    }

    /// Takes a figure; the value is not finite until the window is full. Nothing is returned for one that is refused.
    pub(crate) fn update(&mut self, figure: f64) -> Option<f64> {
        if !figure.is_finite() {
            return None;
        }
        if self.window.len() < self.period {
            self.window.push(figure);
        } else {
            self.window[self.next] = figure;
        }
        self.next = (self.next + 1) % self.period;
        let score = if self.window.len() == self.period { self.score(figure) } else { f64::NAN };
        Some(score)
    }

    /// Evaluates a figure without taking it.
    pub(crate) fn peek(&self, figure: f64) -> Option<f64> {
        self.clone().update(figure)
    }

    fn score(&self, figure: f64) -> f64 {
        // Oldest first, so that columns and a stream add in one order.
        let (newer, older) = self.window.split_at(self.next);
        let figures = || older.iter().chain(newer);
        if figures().all(|other| *other == figure) {
            return 0.0;
        }
        let count = self.period as f64;
        let mean = figures().sum::<f64>() / count;
        let variance = figures().map(|figure| (figure - mean).powi(2)).sum::<f64>() / count;
        (figure - mean) / variance.sqrt()
    }
}

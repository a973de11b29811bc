//! The last minutes of a market: its box range, and the usual volume of a minute.

use std::collections::VecDeque;

use market_backbone_core::{Candle, Timestamp};

use super::tick_window::{volume_of, volume_units};

/// The closed minutes that are kept.
const KEPT: usize = 64;
/// The minutes before a minute with which its volume is compared.
const COMPARED: usize = 5;

/// The range of the last closed minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceBox {
    /// The lowest price.
    pub low: f64,
    /// The highest price.
    pub high: f64,
    /// The number of minutes in it.
    pub bars: usize,
}

/// A minute with trades.
#[derive(Clone, Copy, Debug)]
struct MinuteSum {
    minute: i64,
    low: f64,
    high: f64,
    units: u128,
    /// Whether the venue's own candle is in here, which contains late trades already.
    is_venues: bool,
}

/// The one-minute bars of one market, closed by event time and built from its trades, or from the venue's candles.
///
/// A minute without a trade is no bar. At most 64 closed bars are kept. A late trade amends its closed bar.
#[derive(Clone, Debug)]
pub struct MinuteBars {
    // Invariant: sorted by minute, without repetition.
    closed: VecDeque<MinuteSum>,
    forming: Option<MinuteSum>,
    box_bars: usize,
    price_box: Option<PriceBox>,
    usual_volume: Option<f64>,
    closed_burst: Option<f64>,
}

impl MinuteBars {
    /// Returns no bars yet. The box will reach over the last `box_bars` closed bars, 64 at most.
    #[must_use]
    pub fn new(box_bars: usize) -> Self {
        Self {
            closed: VecDeque::with_capacity(KEPT + 1),
            forming: None,
            box_bars: box_bars.clamp(1, KEPT),
            price_box: None,
            usual_volume: None,
            closed_burst: None,
        }
    }

    /// Forgets all bars.
    pub fn reset(&mut self) {
        self.closed.clear();
        self.forming = None;
        self.settle();
    }

    /// Adds a trade.
    pub fn trade(&mut self, time: Timestamp, price: f64, size: f64) {
        let minute = minute_of(time);
        self.close_before(minute);
        let sum = MinuteSum { minute, low: price, high: price, units: volume_units(size), is_venues: false };
        match &mut self.forming {
            Some(forming) if forming.minute == minute => forming.take(&sum),
            Some(_) => self.amend(&sum),
            // A trade from before the last closed bar, while nothing is forming.
            None if self.closed.back().is_some_and(|last| last.minute >= minute) => self.amend(&sum),
            None => self.forming = Some(sum),
        }
    }

    /// Adds a closed candle of the venue, in place of what was built from trades.
    pub fn candle(&mut self, candle: &Candle) {
        let Candle { open_time, low, high, volume, .. } = *candle;
        let minute = minute_of(open_time);
        let sum = MinuteSum { minute, low, high, units: volume_units(volume), is_venues: true };
        if self.forming.is_some_and(|forming| forming.minute <= minute) {
            self.close_before(minute);
            if self.forming.is_some_and(|forming| forming.minute == minute) {
                self.forming = None;
            }
        }
        let at = self.closed.partition_point(|bar| bar.minute < minute);
        match self.closed.get_mut(at) {
            Some(bar) if bar.minute == minute => *bar = sum,
            _ => self.closed.insert(at, sum),
        }
        self.settle();
    }

    /// Closes the forming minute if `now` lies after it.
    pub fn advance(&mut self, now: Timestamp) {
        self.close_before(minute_of(now));
    }

    fn close_before(&mut self, minute: i64) {
        if let Some(forming) = self.forming.take_if(|forming| forming.minute < minute) {
            // The venue's own candle of that minute may have come before the end of its trades.
            match self.closed.back() {
                Some(last) if last.minute >= forming.minute => self.amend(&forming),
                _ => self.closed.push_back(forming),
            }
            self.settle();
        }
    }

    fn amend(&mut self, sum: &MinuteSum) {
        let at = self.closed.partition_point(|bar| bar.minute < sum.minute);
        match self.closed.get_mut(at) {
            Some(bar) if bar.minute == sum.minute && bar.is_venues => {}
            Some(bar) if bar.minute == sum.minute => bar.take(sum),
            _ => self.closed.insert(at, *sum),
        }
        self.settle();
    }

    /// Computes what is asked for on every trade and changes once a minute.
    fn settle(&mut self) {
        while self.closed.len() > KEPT {
            self.closed.pop_front();
        }
        let bars = self.closed.len().min(self.box_bars);
        let range = self.closed.iter().rev().take(bars);
        let (low, high) =
            range.fold((f64::INFINITY, 0.0_f64), |(low, high), bar| (low.min(bar.low), high.max(bar.high)));
        self.price_box = (bars > 0).then_some(PriceBox { low, high, bars });
        self.usual_volume = self.mean_volume(0);
        self.closed_burst = match (self.closed.back(), self.mean_volume(1)) {
            (Some(last), Some(usual)) => Some(volume_of(last.units) / usual),
            _ => None,
        };
    }

    /// The mean volume of the five bars before the last `skipped` ones, fewer if there are not so many.
    fn mean_volume(&self, skipped: usize) -> Option<f64> {
        let before = self.closed.iter().rev().skip(skipped).take(COMPARED);
        let (count, units) = before.fold((0_u32, 0), |(count, units), bar| (count + 1, units + bar.units));
        (units > 0).then(|| volume_of(units) / f64::from(count))
    }

    /// Returns how many bars are closed, 64 at most.
    #[must_use]
    pub fn len(&self) -> usize {
        self.closed.len()
    }

    /// Returns whether no bar is closed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty()
    }

    /// Returns the range of the last closed bars; the forming one is not part of it.
    #[must_use]
    pub const fn price_box(&self) -> Option<PriceBox> {
        self.price_box
    }

    /// Returns the volume of the last closed bar, as a multiple of the mean of the five before it.
    #[must_use]
    pub const fn closed_burst(&self) -> Option<f64> {
        self.closed_burst
    }

    /// Returns the volume of the forming bar so far, as a multiple of the mean of the last five closed ones.
    #[must_use]
    pub fn forming_burst(&self) -> Option<f64> {
        let usual = self.usual_volume?;
        Some(self.forming.map_or(0.0, |forming| volume_of(forming.units)) / usual)
    }
}

impl MinuteSum {
    fn take(&mut self, other: &Self) {
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.units += other.units;
    }
}

fn minute_of(time: Timestamp) -> i64 {
    time.as_secs().div_euclid(60)
}

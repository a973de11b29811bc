//! Pages of candles in any timeframe, newest first, folded from the tape.

use std::sync::Arc;

use super::{IDS_PER_MS, MarketTape, TapeBar};
use crate::calendar::{DAY, Date, MINUTE, SECOND};

/// The length of a candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CandleInterval {
    Second,
    /// A number of minutes that divides the day.
    Minutes(i64),
    Day,
    /// A week, which starts on Monday.
    Week,
    Month,
    Year,
}

impl CandleInterval {
    /// Returns the open time of the candle that contains `ms`.
    pub(crate) const fn start(self, ms: i64) -> i64 {
        let days = ms.div_euclid(DAY);
        match self {
            Self::Second => ms - ms.rem_euclid(SECOND),
            Self::Minutes(unit) => ms - ms.rem_euclid(unit * MINUTE),
            Self::Day => days * DAY,
            // 1970-01-01 was a Thursday.
            Self::Week => (days - (days + 3).rem_euclid(7)) * DAY,
            Self::Month => Date { day: 1, ..Date::from_days(days) }.days() * DAY,
            Self::Year => Date { day: 1, month: 1, ..Date::from_days(days) }.days() * DAY,
        }
    }

    /// Returns the end of the candle that opens at `start`.
    pub(crate) const fn end(self, start: i64) -> i64 {
        match self {
            Self::Second => start + SECOND,
            Self::Minutes(unit) => start + unit * MINUTE,
            Self::Day => start + DAY,
            Self::Week => start + 7 * DAY,
            // Any day of the next period is enough to find its start.
            Self::Month => self.start(start + 31 * DAY),
            Self::Year => self.start(start + 366 * DAY),
        }
    }
}

/// The requested part of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TapePageQuery {
    pub(crate) interval: CandleInterval,
    /// The time before which candles open.
    pub(crate) before_ms: i64,
    /// The time from which candles open.
    pub(crate) floor_ms: i64,
    /// The current time: later trades have not happened yet.
    pub(crate) now_ms: i64,
    pub(crate) count: usize,
}

/// Returns the newest candles that open before `before_ms`, newest first; the last may still be forming.
pub(crate) fn page(tape: &MarketTape, ask: TapePageQuery) -> Vec<TapeBar> {
    let first = tape.first_ms().max(ask.floor_ms);
    let newest = ask.interval.start((ask.before_ms - 1).min(ask.now_ms));
    let end = ask.interval.end(newest).min(ask.now_ms + 1).min(tape.until_ms());
    if end <= first || ask.count == 0 {
        return Vec::new();
    }
    let mut bars = match ask.interval {
        CandleInterval::Second | CandleInterval::Minutes(_) => {
            within_days(tape, ask.interval, first, end, ask.count)
        }
        CandleInterval::Day | CandleInterval::Week | CandleInterval::Month | CandleInterval::Year => {
            from_days(tape, ask.interval, first, end, ask.count)
        }
    };
    bars.retain(|bar| bar.open_ms >= ask.floor_ms);
    bars.truncate(ask.count);
    bars
}

/// Folds timeframes that divide the day: each day alone, newest day first.
fn within_days(tape: &MarketTape, frame: CandleInterval, first: i64, end: i64, count: usize) -> Vec<TapeBar> {
    let mut bars = Vec::new();
    for day in (first.div_euclid(DAY)..=(end - 1).div_euclid(DAY)).rev() {
        let minutes = minutes_until(tape, day, end);
        if frame == CandleInterval::Second {
            for minute in minutes.iter().rev() {
                bars.extend(seconds_of(tape, minute.open_ms / MINUTE, end));
                if bars.len() >= count {
                    return bars;
                }
            }
        } else {
            let same = |a: &TapeBar, b: &TapeBar| frame.start(a.open_ms) == frame.start(b.open_ms);
            let buckets = minutes.chunk_by(same).rev();
            bars.extend(
                buckets.filter_map(|bucket| TapeBar::join(frame.start(bucket[0].open_ms), bucket.iter())),
            );
        }
        if bars.len() >= count {
            break;
        }
    }
    bars
}

/// Returns the minutes of a day, cut at `end`.
fn minutes_until(tape: &MarketTape, day: i64, end: i64) -> Arc<[TapeBar]> {
    if (day + 1) * DAY <= end {
        return tape.minutes_of_day(day);
    }
    tape.minutes_between(day * DAY * IDS_PER_MS, end * IDS_PER_MS).into()
}

/// Returns the seconds of a minute before `end`, newest first.
fn seconds_of(tape: &MarketTape, minute: i64, end: i64) -> Vec<TapeBar> {
    let trades = tape.minute(minute);
    let happened = &trades[..trades.partition_point(|trade| trade.time_ms < end)];
    let same = |a: &super::TapeTrade, b: &super::TapeTrade| a.time_ms / SECOND == b.time_ms / SECOND;
    let seconds = happened.chunk_by(same).rev();
    seconds
        .filter_map(|second| TapeBar::fold(CandleInterval::Second.start(second[0].time_ms), second.iter()))
        .collect()
}

/// Folds timeframes of whole days.
fn from_days(tape: &MarketTape, frame: CandleInterval, first: i64, end: i64, count: usize) -> Vec<TapeBar> {
    let mut bars = Vec::new();
    let mut start = frame.start(end - 1);
    while bars.len() < count && frame.end(start) > first {
        let days = start.div_euclid(DAY)..=(frame.end(start).min(end) - 1).div_euclid(DAY);
        let days: Vec<TapeBar> = days.filter_map(|day| day_until(tape, day, end)).collect();
        bars.extend(TapeBar::join(start, days.iter()));
        start = frame.start(start - 1);
    }
    bars
}

fn day_until(tape: &MarketTape, day: i64, end: i64) -> Option<TapeBar> {
    if (day + 1) * DAY <= end {
        return tape.day_bar(day);
    }
    tape.bar_between(day * DAY, day * DAY * IDS_PER_MS, end * IDS_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::stamp;

    #[test]
    fn periods_begin_and_end_where_the_calendar_says() {
        // 2026-08-06T13:14:15.678Z, a Thursday.
        let ms = 1_786_022_055_678;
        let spelled = |frame: CandleInterval| (stamp(frame.start(ms)), stamp(frame.end(frame.start(ms))));
        let want = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(spelled(CandleInterval::Second), want("2026-08-06T13:14:15", "2026-08-06T13:14:16"));
        assert_eq!(spelled(CandleInterval::Minutes(240)), want("2026-08-06T12:00:00", "2026-08-06T16:00:00"));
        assert_eq!(spelled(CandleInterval::Week), want("2026-08-03T00:00:00", "2026-08-10T00:00:00"));
        assert_eq!(spelled(CandleInterval::Month), want("2026-08-01T00:00:00", "2026-09-01T00:00:00"));
        assert_eq!(spelled(CandleInterval::Year), want("2026-01-01T00:00:00", "2027-01-01T00:00:00"));
    }
}

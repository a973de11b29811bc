//! Made-up prints of one stock: each minute is a function of its key and the minute's number.

use super::print::{PrintConditions, StockPrint};
use super::splits::{ShareRatio, Splits};
use crate::calendar::HOUR;
use crate::hash_random;
use crate::massive::new_york::{self, NS_PER_MS};
use crate::massive::scenario::{StockActivity, StocksScenario};
use crate::massive::trading_calendar::StockSession;
use crate::massive::trading_minute::TradingMinute;
use crate::tape::PricePath;

const NS_PER_MINUTE: i64 = 60_000 * NS_PER_MS;
/// The smallest distance between two prints of a stock, in ns.
const APART_NS: i64 = 1_000;
/// The share of prints that follow the one before within a millisecond: one in so many.
const ONE_IN_SWEEPS: u64 = 8;
/// The step of sequence numbers between minutes, which leaves gaps.
const SEQUENCES_IN_A_MINUTE: i64 = 2_000;
/// The delay of late prints, in ms: the least, and the largest addition.
const LATE_MS: (i64, i64) = (20_000, 880_000);
/// The venue's numbers of some exchanges.
const EXCHANGES: [u8; 8] = [11, 12, 10, 8, 19, 4, 4, 4];
/// The deviation of a single print from the path, as a share of the price.
const JITTER: f64 = 0.000_3;

/// A stock with all its prints.
#[derive(Debug)]
pub(crate) struct EmulatedStock {
    pub(crate) ticker: String,
    pub(crate) name: String,
    pub(crate) activity: StockActivity,
    pub(crate) splits: Splits,
    key: u64,
    path: PricePath,
    /// The price in dollars, in shares of the anchor.
    price: f64,
    /// The day to which the price belongs.
    anchor: i64,
}

/// The shares of prints that come late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness {
    late: f64,
    overnight: f64,
}

impl Lateness {
    pub(crate) const fn of(stage: &StocksScenario) -> Self {
        Self { late: stage.late_share, overnight: stage.overnight_share }
    }
}

impl EmulatedStock {
    pub(crate) fn new(seed: u64, ticker: &str, name: &str, price: f64, thickness: StockActivity) -> Self {
        let key = hash_random::key(seed ^ 0x5_70C4, ticker);
        Self {
            ticker: ticker.to_owned(),
            name: name.to_owned(),
            activity: thickness,
            splits: Splits::default(),
            key,
            path: PricePath::new(hash_random::draw(key, 1)),
            price,
            anchor: 0,
        }
    }

    /// Adds splits; the price is that of the shares of `anchor`.
    pub(crate) fn with_splits(self, splits: Splits, anchor: i64) -> Self {
        Self { splits, anchor, ..self }
    }

    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    /// Returns the tape: 1 New York, 2 Arca and American, 3 Nasdaq.
    pub(crate) const fn tape(&self) -> i64 {
        (self.key % 3) as i64 + 1
    }

    /// Calls back with the prints of a minute in the order of their timestamps, published or not.
    #[inline]
    pub(crate) fn minute(&self, at: TradingMinute, lateness: Lateness, mut each: impl FnMut(StockPrint)) {
        let draw = hash_random::draw(self.key, at.minute.cast_unsigned());
        let (count, is_odd) = self.count(at.session, draw);
        if count == 0 {
            return;
        }
        let shares = self.splits.price_ratio(self.anchor, at.day);
        let line = (self.path.at_minute(at.minute), self.path.at_minute(at.minute + 1));
        let mut last_ns = -APART_NS;
        for k in 0..count {
            let drawn = hash_random::draw(draw, k.cast_unsigned());
            let swept = k > 0 && drawn.is_multiple_of(ONE_IN_SWEEPS);
            let wanted = if swept {
                last_ns + APART_NS + ((drawn >> 8) & 0x7_FFFF) as i64
            } else {
                let within = (drawn >> 32) as i64;
                (k * NS_PER_MINUTE + ((within * (NS_PER_MINUTE >> 16)) >> 16)) / count
            };
            let offset = wanted.max(last_ns + APART_NS).min(NS_PER_MINUTE - (count - k) * APART_NS);
            last_ns = offset;
            let along = offset as f64 / NS_PER_MINUTE as f64;
            let deviation = line.0 + (line.1 - line.0) * along;
            let mut print = self.print(at, (k, offset), (deviation, shares), drawn, lateness);
            // The first of a minute always counts, so that empty minutes are as frequent as the session says.
            if is_odd || (k > 0 && drawn >> 61 == 0) {
                print.size_e8 = odd_size(print.facility.is_some(), drawn);
                print.conditions = print.conditions.with(PrintConditions::ODD_LOT);
            }
            each(print);
        }
    }

    /// Returns how many prints a minute has, and whether they are odd lots that make no bar.
    const fn count(&self, session: StockSession, draw: u64) -> (i64, bool) {
        // The share of minutes that trade, in thousandths; then the least number of prints, and the largest
        // addition.
        let (share, least, more) = match (self.activity, session) {
            (StockActivity::Never, _) | (_, StockSession::Closed) => return (0, false),
            (StockActivity::Wild, StockSession::Regular) => (1_000, 150, 100),
            (StockActivity::Thick, StockSession::Regular) => (1_000, 20, 30),
            (StockActivity::Wild | StockActivity::Thick, StockSession::Pre) => (960, 2, 6),
            (StockActivity::Wild | StockActivity::Thick, StockSession::After) => (996, 2, 6),
            (StockActivity::Busy, StockSession::Regular) => (1_000, 18, 28),
            (StockActivity::Busy, StockSession::Pre) => (620, 1, 4),
            (StockActivity::Busy, StockSession::After) => (890, 1, 4),
            (StockActivity::Wild | StockActivity::Thick | StockActivity::Busy, StockSession::Overnight) => {
                (1_000, 6, 8)
            }
            (StockActivity::Medium, StockSession::Regular) => (997, 2, 10),
            (StockActivity::Medium, StockSession::Pre) => (60, 1, 2),
            (StockActivity::Medium, StockSession::After) => (90, 1, 2),
            (StockActivity::Medium, StockSession::Overnight) => (600, 1, 3),
            (
                StockActivity::Wild | StockActivity::Thick | StockActivity::Busy | StockActivity::Medium,
                StockSession::AfterEarlyClose,
            ) => (78, 1, 2),
            (StockActivity::Thin, StockSession::Regular) => (850, 1, 3),
            (StockActivity::Thin, StockSession::Overnight) => (300, 1, 2),
            (
                StockActivity::Thin,
                StockSession::Pre | StockSession::After | StockSession::AfterEarlyClose,
            ) => (5, 1, 1),
            (StockActivity::Rare, StockSession::Regular) => (100, 1, 2),
            (StockActivity::Rare, StockSession::Overnight) => (10, 1, 1),
            (
                StockActivity::Rare,
                StockSession::Pre | StockSession::After | StockSession::AfterEarlyClose,
            ) => (1, 1, 1),
        };
        if draw % 1_000 < share {
            return (least + ((draw >> 32) % more) as i64, false);
        }
        // A few shares were sold without a price that counts.
        let is_odd = (draw >> 20) & 63 == 0;
        (is_odd as i64, is_odd)
    }

    #[inline]
    fn print(
        &self,
        at: TradingMinute,
        (k, offset): (i64, i64),
        (deviation, shares): (f64, ShareRatio),
        drawn: u64,
        late: Lateness,
    ) -> StockPrint {
        let more = hash_random::draw(drawn, 1);
        let sip_ns = at.minute * NS_PER_MINUTE + offset;
        let jitter = (((drawn >> 16) & 0xFFFF) as f64 / 32_768.0 - 1.0) * JITTER;
        let middle = self.price * (1.0 + deviation + jitter) * shares.0 as f64 / shares.1 as f64;
        let tick: i64 = if middle >= 1.0 { 1_000_000 } else { 10_000 };
        let bid = ((middle * 1e8) as i64 / tick * tick).max(tick);
        let ask = bid + tick * (1 + (self.key % 2) as i64);
        let exchange = EXCHANGES[(more & 7) as usize];
        let facility = (exchange == 4).then(|| 201 + (more >> 3 & 0xFF).min(2) as u8);
        let price_e8 = match (facility, more >> 12 & 3) {
            (Some(_), 0) => bid + (ask - bid) / 2,
            (_, 1 | 2) => ask,
            _ => bid,
        };
        let mut conditions = PrintConditions::default();
        if matches!(at.session, StockSession::Pre | StockSession::After | StockSession::AfterEarlyClose) {
            conditions = conditions.with(PrintConditions::FORM_T);
        }
        if more >> 16 & 7 == 0 {
            conditions = conditions.with(PrintConditions::SWEEP).with(PrintConditions::EXEMPT);
        }
        if k > 0 && facility.is_some() && more >> 20 & 127 == 0 {
            conditions = conditions.with(PrintConditions::AVERAGE);
        }
        let (known_ns, is_told) = publication(at.day, sip_ns, facility.is_some(), more, late);
        let sequence = at.minute_of_day * SEQUENCES_IN_A_MINUTE + k * 7 + 1;
        StockPrint {
            sip_ns,
            known_ns,
            participant_ns: sip_ns - 20_000 - (more >> 30 & 0xF_FFFF) as i64,
            sequence,
            id: at.day * 10_000_000 + sequence,
            price_e8,
            size_e8: (1 + (drawn >> 40 & 7) as i64 * (drawn >> 44 & 3) as i64) * 10_000_000_000,
            bid_e8: bid,
            ask_e8: ask,
            exchange,
            facility,
            conditions,
            is_streamed: is_told,
        }
    }
}

/// Returns when a print is published, and whether sockets deliver it.
fn publication(day: i64, sip_ns: i64, is_off_exchange: bool, drawn: u64, late: Lateness) -> (i64, bool) {
    let soon = sip_ns + NS_PER_MS + (drawn >> 40 & 0x3F_FFFF) as i64;
    if !is_off_exchange {
        return (soon, true);
    }
    let lot = hash_random::draw(drawn, 2);
    let share = hash_random::unit(lot);
    if share < late.late {
        let more = hash_random::unit(hash_random::draw(lot, 1)) * LATE_MS.1 as f64;
        (sip_ns + (LATE_MS.0 + more as i64) * NS_PER_MS, true)
    } else if share < late.late + late.overnight {
        ((new_york::midnight(day + 1) + HOUR) * NS_PER_MS, false)
    } else {
        (soon, true)
    }
}

/// Returns fewer than a hundred shares; off the exchanges sometimes not even a whole one.
const fn odd_size(is_off_exchange: bool, drawn: u64) -> i64 {
    let whole = 1 + (drawn >> 24 & 63) as i64;
    let fraction = if is_off_exchange && drawn & 1 == 0 { (drawn >> 12 & 0xFFF) as i64 * 10_000 } else { 0 };
    whole * 100_000_000 + fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::massive::scenario::ExchangeHours;
    use crate::massive::trading_calendar::DaySchedule;

    fn day_of_prints(thickness: StockActivity, date: &str) -> (Vec<StockPrint>, usize) {
        let stock = EmulatedStock::new(1, "TEST", "Test", 100.0, thickness);
        let day = new_york::parse_day(date).unwrap();
        let (mut prints, mut minutes) = (Vec::new(), 0);
        for at in TradingMinute::all(day, DaySchedule::of(day, ExchangeHours::NewYork)) {
            let before = prints.len();
            stock.minute(at, Lateness { late: 0.1, overnight: 0.01 }, |print| prints.push(print));
            let priced = prints[before..].iter().any(StockPrint::moves_price);
            minutes += usize::from(priced && at.session == StockSession::Regular);
        }
        (prints, minutes)
    }

    #[test]
    fn holes_are_as_frequent_as_measured() {
        assert_eq!(day_of_prints(StockActivity::Thick, "2026-08-06").1, 390);
        let medium = day_of_prints(StockActivity::Medium, "2026-08-06").1;
        assert!((384..=390).contains(&medium), "{medium}");
        let thin = day_of_prints(StockActivity::Thin, "2026-08-06").1;
        assert!((310..=350).contains(&thin), "{thin}");
        assert_eq!(day_of_prints(StockActivity::Thick, "2025-11-28").1, 210, "a half day");
        assert_eq!(day_of_prints(StockActivity::Thick, "2026-07-03").0.len(), 0, "a holiday");
        assert_eq!(day_of_prints(StockActivity::Never, "2026-08-06").0.len(), 0);
    }

    #[test]
    fn stamps_and_sequences_rise_and_late_trades_stay_within_their_window() {
        let (prints, _) = day_of_prints(StockActivity::Busy, "2026-08-06");
        assert!(prints.len() > 8_000, "{}", prints.len());
        assert!(prints.windows(2).all(|two| two[0].sip_ns < two[1].sip_ns));
        assert!(prints.windows(2).all(|two| two[0].sequence < two[1].sequence));
        let shares_ms = prints.windows(2).any(|two| two[0].sip_ns / NS_PER_MS == two[1].sip_ns / NS_PER_MS);
        assert!(shares_ms, "a millisecond cannot order them");
        let late = |print: &&StockPrint| print.known_ns - print.sip_ns > 10_000 * NS_PER_MS;
        assert!(prints.iter().filter(late).all(|print| print.facility.is_some()));
        let waits: Vec<i64> =
            prints.iter().filter(late).filter(|p| p.is_streamed).map(|p| p.known_ns - p.sip_ns).collect();
        assert!(waits.len() > 100, "{}", waits.len());
        assert!(waits.iter().all(|wait| *wait <= 900_000 * NS_PER_MS));
        assert!(prints.iter().any(|print| !print.is_streamed));
    }
}

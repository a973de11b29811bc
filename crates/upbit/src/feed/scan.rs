//! Reads messages at several times the speed of serde, or not at all.
//!
//! Upbit writes compact objects of plain texts and numbers. Whatever is otherwise (blanks, escapes, values
//! nested where none are known, something missing) makes this give up, and serde reads the message or says
//! what is wrong with it. So this decides how fast a message is read, not whether; it only looks less
//! closely at fields that nobody reads.

use std::borrow::Cow;

use super::tokens::{flat, object, value};
use crate::wire::{BookRow, CandleRow, Sides, Taker, TickerRow, TradeRow, Unit};

/// Stands for an integer that has not come; no time and no id is this.
const ABSENT: i64 = i64::MIN;

/// Reads the levels of a book, and returns what follows them.
fn sides(text: &str) -> Option<(Sides, &str)> {
    let mut sides = Sides::with_room();
    let mut rest = text.strip_prefix('[')?;
    loop {
        let mut unit = Unit::default();
        rest = object(rest, |key, after| {
            let (value, rest) = value(after)?;
            match key {
                "ap" | "ask_price" => unit.ask_price = value.maybe()?,
                "as" | "ask_size" => unit.ask_size = value.maybe()?,
                "bp" | "bid_price" => unit.bid_price = value.maybe()?,
                "bs" | "bid_size" => unit.bid_size = value.maybe()?,
                _ => {}
            }
            Some(rest)
        })?;
        sides.push(&unit);
        match rest.as_bytes().first()? {
            b',' => rest = &rest[1..],
            b']' => return Some((sides, &rest[1..])),
            _ => return None,
        }
    }
}

impl<'a> BookRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let (mut code, mut timestamp, mut units) = ("", ABSENT, None);
        let (mut total_ask_size, mut total_bid_size) = (None, None);
        let rest = object(text, |key, after| {
            if matches!(key, "obu" | "orderbook_units") {
                let (sides, rest) = sides(after)?;
                units = Some(sides);
                return Some(rest);
            }
            let (value, rest) = value(after)?;
            match key {
                "cd" | "code" => code = value.text()?,
                "tms" | "timestamp" => timestamp = value.integer()?,
                "tas" | "total_ask_size" => total_ask_size = value.maybe()?,
                "tbs" | "total_bid_size" => total_bid_size = value.maybe()?,
                _ => {}
            }
            Some(rest)
        })?;
        let orderbook_units = units?;
        let whole = rest.is_empty() && !code.is_empty() && timestamp != ABSENT;
        whole.then_some(Self {
            code: Cow::Borrowed(code),
            timestamp,
            total_ask_size,
            total_bid_size,
            orderbook_units,
        })
    }
}

impl<'a> TradeRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let mut row = Self {
            code: Cow::Borrowed(""),
            timestamp: ABSENT,
            trade_timestamp: None,
            trade_price: f64::NAN,
            trade_volume: f64::NAN,
            ask_bid: Taker(None),
            sequential_id: ABSENT,
        };
        flat(text, |key, value| {
            match key {
                "cd" | "code" => row.code = Cow::Borrowed(value.text()?),
                "tms" | "timestamp" => row.timestamp = value.integer()?,
                "ttms" | "trade_timestamp" => row.trade_timestamp = Some(value.integer()?),
                "tp" | "trade_price" => row.trade_price = value.number()?,
                "tv" | "trade_volume" => row.trade_volume = value.number()?,
                "ab" | "ask_bid" => row.ask_bid = Taker::spelt(value.text()?),
                "sid" | "sequential_id" => row.sequential_id = value.integer()?,
                _ => {}
            }
            Some(())
        })?;
        let whole = !row.code.is_empty()
            && row.timestamp != ABSENT
            && row.sequential_id != ABSENT
            && !row.trade_price.is_nan()
            && !row.trade_volume.is_nan();
        whole.then_some(row)
    }
}

impl<'a> TickerRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let mut row = Self::absent();
        flat(text, |key, value| {
            match key {
                "cd" | "code" => row.code = Cow::Borrowed(value.text()?),
                "tp" | "trade_price" => row.trade_price = value.number()?,
                "op" | "opening_price" => row.opening_price = value.number()?,
                "hp" | "high_price" => row.high_price = value.number()?,
                "lp" | "low_price" => row.low_price = value.number()?,
                "ttms" | "trade_timestamp" => row.trade_timestamp = value.integer()?,
                "tms" | "timestamp" => row.timestamp = value.integer()?,
                "pcp" | "prev_closing_price" => row.prev_closing_price = value.maybe()?,
                "tv" | "trade_volume" => row.trade_volume = value.maybe()?,
                "ab" | "ask_bid" => row.ask_bid = Taker::spelt(value.text()?),
                "atv" | "acc_trade_volume" => row.acc_trade_volume = value.maybe()?,
                "atp" | "acc_trade_price" => row.acc_trade_price = value.maybe()?,
                "atv24h" | "acc_trade_volume_24h" => row.acc_trade_volume_24h = value.maybe()?,
                "atp24h" | "acc_trade_price_24h" => row.acc_trade_price_24h = value.maybe()?,
                _ => {}
            }
            Some(())
        })?;
        let prices = [row.trade_price, row.opening_price, row.high_price, row.low_price];
        let whole = !row.code.is_empty()
            && row.trade_timestamp != ABSENT
            && row.timestamp != ABSENT
            && !prices.into_iter().any(f64::is_nan);
        whole.then_some(row)
    }

    fn absent() -> Self {
        Self {
            code: Cow::Borrowed(""),
            trade_price: f64::NAN,
            opening_price: f64::NAN,
            high_price: f64::NAN,
            low_price: f64::NAN,
            trade_timestamp: ABSENT,
            timestamp: ABSENT,
            prev_closing_price: None,
            trade_volume: None,
            ask_bid: Taker(None),
            acc_trade_volume: None,
            acc_trade_price: None,
            acc_trade_volume_24h: None,
            acc_trade_price_24h: None,
        }
    }
}

impl<'a> CandleRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let mut row = Self {
            code: Cow::Borrowed(""),
            candle_date_time_utc: Cow::Borrowed(""),
            opening_price: f64::NAN,
            high_price: f64::NAN,
            low_price: f64::NAN,
            trade_price: f64::NAN,
            candle_acc_trade_volume: f64::NAN,
            candle_acc_trade_price: f64::NAN,
            unit: None,
        };
        flat(text, |key, value| {
            match key {
                "cd" | "code" => row.code = Cow::Borrowed(value.text()?),
                "cdttmu" | "candle_date_time_utc" => row.candle_date_time_utc = Cow::Borrowed(value.text()?),
                "op" | "opening_price" => row.opening_price = value.number()?,
                "hp" | "high_price" => row.high_price = value.number()?,
                "lp" | "low_price" => row.low_price = value.number()?,
                "tp" | "trade_price" => row.trade_price = value.number()?,
                "catv" | "candle_acc_trade_volume" => row.candle_acc_trade_volume = value.number()?,
                "catp" | "candle_acc_trade_price" => row.candle_acc_trade_price = value.number()?,
                _ => {}
            }
            Some(())
        })?;
        let prices = [row.opening_price, row.high_price, row.low_price, row.trade_price];
        let amounts = [row.candle_acc_trade_volume, row.candle_acc_trade_price];
        let whole = !row.code.is_empty()
            && !row.candle_date_time_utc.is_empty()
            && !prices.into_iter().chain(amounts).any(f64::is_nan);
        whole.then_some(row)
    }
}

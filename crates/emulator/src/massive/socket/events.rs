//! The wire format of events, and the frames that contain them.

use std::fmt::Write as _;

use crate::json::{self, JsonObject};
use crate::massive::exchange::print::StockPrint;
use crate::massive::exchange::stock::EmulatedStock;
use crate::massive::exchange::unadjusted_bar::UnadjustedBar;
use crate::massive::new_york::NS_PER_MS;
use crate::massive::wire_format;
use crate::number::{NumberStyle, WireNumber};

/// The largest number of events of a frame.
const EVENTS_IN_A_FRAME: usize = 500;
/// The largest size of a frame, in bytes: clients accept up to a million.
const BYTES_IN_A_FRAME: usize = 900_000;

/// A builder of frames of events.
#[derive(Debug, Default)]
pub(crate) struct EventFrames {
    finished: Vec<String>,
    open: String,
    count: usize,
    /// The number of events of all frames.
    pub(crate) events: u64,
}

impl EventFrames {
    /// Adds an event that `write` appends.
    #[inline]
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut String)) {
        self.open.push(if self.open.is_empty() { '[' } else { ',' });
        write(&mut self.open);
        self.count += 1;
        self.events += 1;
        if self.count >= EVENTS_IN_A_FRAME || self.open.len() >= BYTES_IN_A_FRAME {
            self.close();
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.open.push(']');
            let room = self.open.capacity();
            self.finished.push(std::mem::replace(&mut self.open, String::with_capacity(room)));
            self.count = 0;
        }
    }

    /// Returns all frames.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.close();
        self.finished
    }
}

/// Formats a status event.
pub(crate) fn status(name: &str, message: &str) -> String {
    JsonObject::new().text("ev", "status").text("status", name).text("message", message).end()
}

/// The values of the day when a bar ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DayToDate {
    pub(crate) whole: UnadjustedBar,
    /// The first price of the regular session.
    pub(crate) open: Option<i64>,
}

/// Formats an `A` or `AM` event.
pub(crate) fn bar(
    name: &str,
    stock: &EmulatedStock,
    bar: &UnadjustedBar,
    length_ms: i64,
    today: &DayToDate,
) -> String {
    let plain = |units: i64| wire_format::plain(units.into());
    let mut event = JsonObject::new()
        .text("ev", name)
        .text("sym", &stock.ticker)
        .raw("v", &wire_format::plain(bar.volume))
        .text("dv", &wire_format::point(bar.volume))
        .raw("av", &wire_format::plain(today.whole.volume))
        .text("dav", &wire_format::point(today.whole.volume));
    if let Some(open) = today.open {
        event = event.raw("op", &plain(open));
    }
    // The size of an average trade, with a fraction that no document mentions.
    let size = i128::from(i64::try_from(bar.count).unwrap_or(i64::MAX).max(1));
    let average = bar.volume / size / 1_000_000 * 1_000_000;
    event
        .number("vw", WireNumber::e8(bar.vwap()), NumberStyle::Plain)
        .raw("o", &plain(bar.open))
        .raw("c", &plain(bar.close))
        .raw("h", &plain(bar.high))
        .raw("l", &plain(bar.low))
        .number("a", WireNumber::e8(today.whole.vwap()), NumberStyle::Plain)
        .raw("z", &wire_format::point(average))
        .int("s", bar.start_ms)
        .int("e", bar.start_ms + length_ms)
        .end()
}

/// Formats a `T` event.
pub(crate) fn trade(stock: &EmulatedStock, print: &StockPrint) -> String {
    let mut event = JsonObject::new()
        .text("ev", "T")
        .text("sym", &stock.ticker)
        .int("x", print.exchange.into())
        .text("i", &print.id.to_string())
        .int("z", stock.tape())
        .raw("p", &wire_format::plain(print.price_e8.into()))
        .int("s", print.size_e8 / 100_000_000)
        .text("ds", &wire_format::point(print.size_e8.into()));
    let codes: Vec<String> = print.conditions.codes().map(|code| code.to_string()).collect();
    if !codes.is_empty() {
        event = event.raw("c", &json::array(codes));
    }
    event = event.int("t", print.sip_ns / NS_PER_MS).int("q", print.sequence);
    match print.facility {
        Some(facility) => {
            event.int("trfi", facility.into()).int("trft", print.facility_ns() / NS_PER_MS).end()
        }
        None => event.end(),
    }
}

/// Formats a `Q` event: the quote at a print.
pub(crate) fn quote(stock: &EmulatedStock, print: &StockPrint) -> String {
    JsonObject::new()
        .text("ev", "Q")
        .text("sym", &stock.ticker)
        .int("bx", 11)
        .raw("bp", &wire_format::plain(print.bid_e8.into()))
        .int("bs", print.bid_size())
        .int("ax", 12)
        .raw("ap", &wire_format::plain(print.ask_e8.into()))
        .int("as", print.ask_size())
        .int("c", 0)
        .int("t", (print.sip_ns - StockPrint::QUOTED_BEFORE_NS) / NS_PER_MS)
        .int("q", print.sequence)
        .int("z", stock.tape())
        .end()
}

/// Formats a `LULD` event: five percent around a price, and a time in nanoseconds.
pub(crate) fn band(stock: &EmulatedStock, price: i64, at_ns: i64, sequence: i64) -> String {
    let cents = |units: i64| wire_format::plain((units / 1_000_000 * 1_000_000).into());
    JsonObject::new()
        .text("ev", "LULD")
        .text("T", &stock.ticker)
        .raw("h", &cents(price + price / 20))
        .raw("l", &cents(price - price / 20))
        .raw("i", "[17]")
        .int("z", stock.tape())
        .int("t", at_ns)
        .int("q", sequence)
        .end()
}

/// Formats a `T` event of a flood, as directly as possible: there are a hundred thousand a second.
#[inline]
pub(crate) fn flood(out: &mut String, stock: &EmulatedStock, sequence: i64, draw: u64, at_ms: i64) {
    let cents = 1_000 + (stock.key() % 50_000) + draw % 41;
    out.push_str("{\"ev\":\"T\",\"sym\":\"");
    out.push_str(&stock.ticker);
    let _ = write!(
        out,
        "\",\"x\":{},\"i\":\"{sequence}\",\"z\":{},\"p\":{}.{:02},\"s\":{},\"c\":[14,41],\"t\":{at_ms},\"q\":{sequence}}}",
        10 + (draw >> 8 & 1),
        stock.tape(),
        cents / 100,
        cents % 100,
        1 + (draw >> 16) % 500,
    );
}

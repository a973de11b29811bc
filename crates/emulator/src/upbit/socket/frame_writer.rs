//! Writes each kind of frame: order of keys and spelling of numbers as measured.

use super::request::FrameFormat;
use crate::calendar::{self, HOUR};
use crate::json::{self, JsonObject};
use crate::number::{NumberStyle, WireNumber};
use crate::tape::{TapeBar, TapeTrade};
use crate::upbit::listing;
use crate::upbit::markets::EmulatedMarket;
use crate::upbit::order_book::SyntheticBook;
use crate::upbit::ticker::{TickerSummary, direction};
use crate::upbit::trades::ask_bid;
use crate::world::EmulatorWorld;

/// The type of a frame: a snapshot or an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamType {
    Snapshot,
    Realtime,
}

impl StreamType {
    const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "SNAPSHOT",
            Self::Realtime => "REALTIME",
        }
    }
}

/// A writer of the frames of one market.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameWriter<'a> {
    pub(crate) world: &'a EmulatorWorld,
    pub(crate) market: &'a EmulatedMarket,
    pub(crate) format: FrameFormat,
    pub(crate) stream: StreamType,
}

impl FrameWriter<'_> {
    fn start(&self, type_name: &str) -> JsonObject {
        JsonObject::with_keys(self.format.short)
            .text(("type", "ty"), type_name)
            .text(("code", "cd"), &self.market.code)
    }

    fn end(&self, frame: JsonObject) -> String {
        self.format.wrap(frame.text(("stream_type", "st"), self.stream.name()).end())
    }

    fn style(&self, measured: NumberStyle) -> NumberStyle {
        self.world.scenario.number_format.style(measured)
    }

    pub(crate) fn ticker(&self, summary: &TickerSummary) -> String {
        let (style, sums) = (self.style(NumberStyle::Point), self.style(NumberStyle::Fixed8));
        let price = |units: i64| WireNumber::e8(units.into());
        let (last, day, year, change) = (summary.last, summary.day, summary.year, summary.change());
        let ratio = |change: i64| WireNumber::ratio(change, summary.previous_close.max(1));
        let warning = if listing::has_warning(self.market) { "CAUTION" } else { "NONE" };
        let frame = self
            .start("ticker")
            .number(("opening_price", "op"), price(day.open), style)
            .number(("high_price", "hp"), price(day.high), style)
            .number(("low_price", "lp"), price(day.low), style)
            .number(("trade_price", "tp"), price(last.price_e8), style)
            .number(("prev_closing_price", "pcp"), price(summary.previous_close), sums)
            .number(("acc_trade_price", "atp"), WireNumber::e16(day.turnover), sums)
            .text(("change", "c"), summary.direction())
            .number(("change_price", "cp"), price(change.abs()), sums)
            .number(("signed_change_price", "scp"), price(change), sums)
            .number(("change_rate", "cr"), ratio(change.abs()), self.style(NumberStyle::Java))
            .number(("signed_change_rate", "scr"), ratio(change), self.style(NumberStyle::Java))
            .text(("ask_bid", "ab"), ask_bid(last.side))
            .number(("trade_volume", "tv"), price(last.size_e8), self.style(NumberStyle::Java))
            .number(("acc_trade_volume", "atv"), WireNumber::e8(day.volume), sums)
            .text(("trade_date", "tdt"), &calendar::date(last.time_ms).replace('-', ""))
            .text(("trade_time", "ttm"), &calendar::time(last.time_ms).replace(':', ""))
            .int(("trade_timestamp", "ttms"), last.time_ms)
            .number(("acc_ask_volume", "aav"), WireNumber::e8(day.volume - day.buy_volume), sums)
            .number(("acc_bid_volume", "abv"), WireNumber::e8(day.buy_volume), sums)
            .number(("highest_52_week_price", "h52wp"), price(year.high.price), sums)
            .text(("highest_52_week_date", "h52wdt"), &calendar::date(year.high.time_ms))
            .number(("lowest_52_week_price", "l52wp"), price(year.low.price), sums)
            .text(("lowest_52_week_date", "l52wdt"), &calendar::date(year.low.time_ms))
            .text(("market_state", "ms"), "ACTIVE")
            .raw(("is_trading_suspended", "its"), "false")
            .raw(("delisting_date", "dd"), "null")
            .text(("market_warning", "mw"), warning)
            .int(("timestamp", "tms"), summary.as_of_ms)
            .number(("acc_trade_price_24h", "atp24h"), WireNumber::e16(summary.turnover_24h), sums)
            .number(("acc_trade_volume_24h", "atv24h"), WireNumber::e8(summary.volume_24h), sums);
        self.end(frame)
    }

    pub(crate) fn trade(
        &self,
        trade: &TapeTrade,
        before: i64,
        book: &SyntheticBook,
        published_ms: i64,
    ) -> String {
        let (point, plain) = (self.style(NumberStyle::Point), self.style(NumberStyle::Plain));
        let change = trade.price_e8 - before;
        let price = |units: i64| WireNumber::e8(units.into());
        let size = self.style(if self.format.short { NumberStyle::Java } else { NumberStyle::Point });
        let (ask, bid) = book.units(1).next().unzip();
        let best = |level: Option<crate::upbit::order_book::SyntheticLevel>| {
            level.map_or((0, 0), |level| (level.price, level.size))
        };
        let ((ask_price, ask_size), (bid_price, bid_size)) = (best(ask), best(bid));
        let frame = self
            .start("trade")
            .int(("timestamp", "tms"), published_ms)
            .text(("trade_date", "td"), &calendar::date(trade.time_ms))
            .text(("trade_time", "ttm"), &calendar::time(trade.time_ms))
            .int(("trade_timestamp", "ttms"), trade.time_ms)
            .number(("trade_price", "tp"), price(trade.price_e8), point)
            .number(("trade_volume", "tv"), price(trade.size_e8), size)
            .text(("ask_bid", "ab"), ask_bid(trade.side))
            .number(("prev_closing_price", "pcp"), price(before), self.style(NumberStyle::Fixed8))
            .text(("change", "c"), direction(change))
            .number(("change_price", "cp"), price(change.abs()), self.style(NumberStyle::Fixed8))
            .int(("sequential_id", "sid"), trade.id)
            .number(("best_ask_price", "bap"), price(ask_price), plain)
            .number(("best_ask_size", "bas"), price(ask_size), plain)
            .number(("best_bid_price", "bbp"), price(bid_price), plain)
            .number(("best_bid_size", "bbs"), price(bid_size), plain);
        self.end(frame)
    }

    pub(crate) fn book(&self, book: &SyntheticBook, units: usize, level: i64) -> String {
        let (prices, sizes) = if self.format.short {
            (self.style(NumberStyle::Plain), self.style(NumberStyle::Java))
        } else {
            (self.style(NumberStyle::Java), self.style(NumberStyle::Fixed8))
        };
        let number = |units: i64| WireNumber::e8(units.into());
        let rows = book.units(units).map(|(ask, bid)| {
            JsonObject::with_keys(self.format.short)
                .number(("ask_price", "ap"), number(ask.price), prices)
                .number(("bid_price", "bp"), number(bid.price), prices)
                .number(("ask_size", "as"), number(ask.size), sizes)
                .number(("bid_size", "bs"), number(bid.size), sizes)
                .end()
        });
        let (asks, bids) = book.totals(units);
        let frame = self
            .start("orderbook")
            .int(("timestamp", "tms"), book.changed_ms)
            .number(("total_ask_size", "tas"), WireNumber::e8(asks), sizes)
            .number(("total_bid_size", "tbs"), WireNumber::e8(bids), sizes)
            .raw(("orderbook_units", "obu"), &json::array(rows))
            .text(("stream_type", "st"), self.stream.name());
        let frame = if self.world.scenario.region.is_korea() {
            frame.number(("level", "lv"), number(level), NumberStyle::Plain)
        } else {
            frame
        };
        self.format.wrap(frame.end())
    }

    pub(crate) fn candle(&self, type_name: &str, bar: &TapeBar) -> String {
        let style = self.style(NumberStyle::Fixed8);
        let price = |units: i64| WireNumber::e8(units.into());
        let mut frame =
            self.start(type_name).text(("candle_date_time_utc", "cdttmu"), &calendar::stamp(bar.open_ms));
        if self.world.scenario.region.is_korea() {
            frame = frame.text(("candle_date_time_kst", "cdttmk"), &calendar::stamp(bar.open_ms + 9 * HOUR));
        }
        let frame = frame
            .number(("opening_price", "op"), price(bar.open), style)
            .number(("high_price", "hp"), price(bar.high), style)
            .number(("low_price", "lp"), price(bar.low), style)
            .number(("trade_price", "tp"), price(bar.close), style)
            .number(("candle_acc_trade_volume", "catv"), WireNumber::e8(bar.volume), style)
            .number(("candle_acc_trade_price", "catp"), WireNumber::e16(bar.turnover), style)
            .int(("timestamp", "tms"), bar.last_ms);
        self.end(frame)
    }
}

//! The fastest reader of messages: all values side by side, because it knows where each one is.
//!
//! A [`CommaIndex`] has the place of every value, so no value has to be read before the next one is found. It reads the
//! fields that Upbit sends today, in their order, with plain numbers; anything else is left to [`scan`](super::scan).
//! It reads bytes, which nobody has to check first: a message that is not ASCII is left to others too.

mod trade;

use std::borrow::Cow;

use market_backbone_core::{OrderBook, Timestamp};
use market_backbone_venue_kit::{CommaIndex, plain_integer, plain_number};

pub(super) use self::trade::TradeHead;
use crate::wire::{AskBid, TickerRow, TradeRow, WireStreamType, level};

/// The topics that are read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompactTopic {
    Trade,
    Ticker,
    Book,
}

impl CompactTopic {
    /// Returns the topic of a message from how it begins; `None` if there is another, or none.
    fn peek(frame: &[u8]) -> Option<(Self, usize)> {
        let topics = [
            (Self::Trade, b"{\"ty\":\"trade\"".as_slice()),
            (Self::Ticker, b"{\"ty\":\"ticker\""),
            (Self::Book, b"{\"ty\":\"orderbook\""),
        ];
        let found = topics.into_iter().find(|(_, begin)| frame.starts_with(begin))?;
        Some((found.0, found.1.len()))
    }
}

/// A message whose fields are taken one after the other.
pub(super) struct CompactMessage<'a, 'i> {
    bytes: &'a [u8],
    /// The positions of the commas, and that of the last byte.
    commas: &'i [u32],
    /// The number of the comma before the next field.
    next: usize,
}

/// The place of a value.
type Place = (usize, usize);

impl<'a, 'i> CompactMessage<'a, 'i> {
    /// Begins with the topic, which stands first, and the code, which stands second.
    #[inline(always)]
    pub(super) fn begin(
        frame: &'a [u8],
        index: &'i mut CommaIndex,
    ) -> Option<(CompactTopic, &'a [u8], Self)> {
        let (topic, end) = CompactTopic::peek(frame)?;
        index.positions(frame);
        if !index.is_ascii() {
            return None;
        }
        let mut message = Self { bytes: frame, commas: index.found(), next: 0 };
        if message.position(0)? != end {
            return None;
        }
        let code = message.text(",\"cd\":\"")?;
        Some((topic, code, message))
    }

    fn position(&self, comma: usize) -> Option<usize> {
        self.commas.get(comma).map(|at| *at as usize)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Takes the next field if it is called `name` (with the comma before it and the colon after it), and returns the
    /// place of its value.
    #[inline(always)]
    fn take(&mut self, name: &str) -> Option<Place> {
        let start = self.position(self.next)?;
        let field = self.bytes.get(start..)?;
        if !field.starts_with(name.as_bytes()) {
            return None;
        }
        self.next += 1;
        Some((start + name.len(), self.position(self.next)?))
    }

    #[inline(always)]
    fn number(&mut self, name: &str) -> Option<f64> {
        let (start, end) = self.take(name)?;
        plain_number(self.bytes, start, end)
    }

    /// Reads a number or `null`.
    #[inline(always)]
    fn number_or_null(&mut self, name: &str) -> Option<Option<f64>> {
        let (start, end) = self.take(name)?;
        if self.byte(start)? == b'n' {
            return (self.bytes.get(start..end)? == b"null").then_some(None);
        }
        plain_number(self.bytes, start, end).map(Some)
    }

    #[inline(always)]
    fn integer(&mut self, name: &str) -> Option<i64> {
        let (start, end) = self.take(name)?;
        plain_integer(self.bytes, start, end)
    }

    /// Reads a text; `name` ends with its first quote.
    #[inline(always)]
    fn text(&mut self, name: &str) -> Option<&'a [u8]> {
        let (start, end) = self.take(name)?;
        let end = end.checked_sub(1)?;
        if self.byte(end)? == b'"' { self.bytes.get(start..end) } else { None }
    }

    /// Skips the field `name` if it comes next. Its value is a plain text, number or word.
    #[inline(always)]
    fn skip(&mut self, name: &str) -> Option<()> {
        match self.take(name) {
            Some(place) => self.check_plain(place),
            None => Some(()),
        }
    }

    /// Checks that a value that nobody reads is no list, no object and no part of a text.
    #[inline(always)]
    fn check_plain(&self, (start, end): Place) -> Option<()> {
        let (first, last) = (self.byte(start)?, self.byte(end.checked_sub(1)?)?);
        let plain = match first {
            b'"' => last == b'"' && start + 1 < end,
            b'0'..=b'9' | b'-' => last.is_ascii_digit(),
            _ => matches!(self.bytes.get(start..end)?, b"null" | b"true" | b"false"),
        };
        plain.then_some(())
    }

    /// Checks that nothing follows.
    fn end(&self) -> Option<()> {
        let is_last = self.next + 1 == self.commas.len();
        (is_last && self.bytes.ends_with(b"}")).then_some(())
    }

    /// Reads the rest of a trade of the market `code`.
    #[inline(always)]
    pub(super) fn trade(mut self, code: &'a str) -> Option<TradeRow<'a>> {
        let timestamp = self.integer(",\"tms\":")?;
        self.skip(",\"td\":")?;
        self.skip(",\"ttm\":")?;
        let trade_timestamp = self.integer(",\"ttms\":")?;
        let (price, _) = self.take(",\"tp\":")?;
        self.finish_trade(code, (timestamp, trade_timestamp), price)
    }

    /// Reads a trade from its price on, which begins at `price`; the next comma is the one after it.
    #[inline(always)]
    fn finish_trade(
        mut self,
        code: &'a str,
        (timestamp, trade_timestamp): (i64, i64),
        price: usize,
    ) -> Option<TradeRow<'a>> {
        let trade_price = plain_number(self.bytes, price, self.position(self.next)?)?;
        let trade_volume = self.number(",\"tv\":")?;
        let ask_bid = AskBid::parse(self.text(",\"ab\":\"")?);
        self.skip(",\"pcp\":")?;
        self.skip(",\"c\":")?;
        self.skip(",\"cp\":")?;
        let sequential_id = self.integer(",\"sid\":")?;
        self.skip(",\"bap\":")?;
        self.skip(",\"bas\":")?;
        self.skip(",\"bbp\":")?;
        self.skip(",\"bbs\":")?;
        let stream = WireStreamType::parse(self.text(",\"st\":\"")?);
        self.end()?;
        let code = Cow::Borrowed(code);
        Some(TradeRow {
            code,
            timestamp,
            trade_timestamp: Some(trade_timestamp),
            trade_price,
            trade_volume,
            ask_bid,
            sequential_id,
            stream,
        })
    }

    /// Reads the rest of a ticker of the market `code`.
    #[inline(always)]
    pub(super) fn ticker(mut self, code: &'a str) -> Option<TickerRow<'a>> {
        let opening_price = self.number(",\"op\":")?;
        let high_price = self.number(",\"hp\":")?;
        let low_price = self.number(",\"lp\":")?;
        let trade_price = self.number(",\"tp\":")?;
        let prev_closing_price = self.number_or_null(",\"pcp\":")?;
        let acc_trade_price = self.number_or_null(",\"atp\":")?;
        self.skip(",\"c\":")?;
        self.skip(",\"cp\":")?;
        self.skip(",\"scp\":")?;
        self.skip(",\"cr\":")?;
        self.skip(",\"scr\":")?;
        let ask_bid = AskBid::parse(self.text(",\"ab\":\"")?);
        let trade_volume = self.number_or_null(",\"tv\":")?;
        let acc_trade_volume = self.number_or_null(",\"atv\":")?;
        self.skip(",\"tdt\":")?;
        self.skip(",\"ttm\":")?;
        let trade_timestamp = self.integer(",\"ttms\":")?;
        self.skip(",\"aav\":")?;
        self.skip(",\"abv\":")?;
        self.skip(",\"h52wp\":")?;
        self.skip(",\"h52wdt\":")?;
        self.skip(",\"l52wp\":")?;
        self.skip(",\"l52wdt\":")?;
        self.skip(",\"ms\":")?;
        self.skip(",\"its\":")?;
        self.skip(",\"dd\":")?;
        self.skip(",\"mw\":")?;
        let timestamp = self.integer(",\"tms\":")?;
        let acc_trade_price_24h = self.number_or_null(",\"atp24h\":")?;
        let acc_trade_volume_24h = self.number_or_null(",\"atv24h\":")?;
        self.skip(",\"st\":")?;
        self.end()?;
        Some(TickerRow {
            code: Cow::Borrowed(code),
            trade_price,
            opening_price,
            high_price,
            low_price,
            trade_timestamp,
            timestamp,
            prev_closing_price,
            trade_volume,
            ask_bid,
            acc_trade_volume,
            acc_trade_price,
            acc_trade_volume_24h,
            acc_trade_price_24h,
        })
    }

    /// Fills an empty book with all fields of a message except its market.
    pub(super) fn fill(mut self, book: &mut OrderBook) -> Option<()> {
        book.time = Timestamp::from_millis(self.integer(",\"tms\":")?);
        book.total_ask_size = self.number_or_null(",\"tas\":")?;
        book.total_bid_size = self.number_or_null(",\"tbs\":")?;
        let mut ask = self.number(",\"obu\":[{\"ap\":")?;
        loop {
            let bid = self.number(",\"bp\":")?;
            let ask_size = self.number(",\"as\":")?;
            let (start, end) = self.take(",\"bs\":")?;
            let is_last = self.byte(end.checked_sub(1)?)? == b']';
            let closing = if is_last { b"}]".as_slice() } else { b"}" };
            let end = end.checked_sub(closing.len())?;
            if self.bytes.get(end..end + closing.len())? != closing {
                return None;
            }
            let bid_size = plain_number(self.bytes, start, end)?;
            if let Some(ask) = level(Some(ask), Some(ask_size)) {
                book.asks.push(ask);
            }
            if let Some(bid) = level(Some(bid), Some(bid_size)) {
                book.bids.push(bid);
            }
            if is_last {
                break;
            }
            ask = self.number(",{\"ap\":")?;
        }
        self.skip(",\"st\":")?;
        self.skip(",\"lv\":")?;
        self.end()
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{Symbol, SymbolTable};

    use super::*;
    use crate::UPBIT;

    const TRADE: &str = r#"{"ty":"trade","cd":"KRW-BTC","tms":1778570215107,"td":"2026-05-12","ttm":"07:16:55","ttms":1778570215021,"tp":91361000.0,"tv":0.46488371,"ab":"BID","pcp":90012000.00000000,"c":"RISE","cp":1349000.00000000,"sid":17785702150210001,"bap":91370000,"bas":0.15203441,"bbp":91361000,"bbs":0.07720000,"st":"REALTIME"}"#;
    const TICKER: &str = r#"{"ty":"ticker","cd":"KRW-BTC","op":90012000.0,"hp":91800000.0,"lp":89654000.0,"tp":91361000.0,"pcp":90012000.0,"atp":100515242207.58107,"c":"RISE","cp":1349000.0,"scp":1349000.0,"cr":0.0149869,"scr":0.0149869,"ab":"ASK","tv":0.00000012,"atv":1108.48123881,"tdt":"20260512","ttm":"071655","ttms":1778570215021,"aav":520.35261102,"abv":588.12862779,"h52wp":166348000.0,"h52wdt":"2025-10-09","l52wp":81740000.0,"l52wdt":"2026-02-06","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE","tms":1778570215064,"atp24h":228827082483.70729,"atv24h":null,"st":"REALTIME"}"#;
    const BOOK: &str = r#"{"ty":"orderbook","cd":"KRW-BTC","tms":1778570215100,"tas":25752275.55420627,"tbs":null,"obu":[{"ap":128.0,"bp":127.0,"as":280460.37885666,"bs":688682.44561413},{"ap":129.0,"bp":0,"as":1.5,"bs":0}],"st":"REALTIME","lv":0}"#;

    fn trade(text: &str) -> Option<TradeRow<'_>> {
        let mut index = CommaIndex::default();
        let (topic, code, message) = CompactMessage::begin(text.as_bytes(), &mut index)?;
        assert_eq!(topic, CompactTopic::Trade);
        let read = message.trade(std::str::from_utf8(code).unwrap());
        let head = TradeHead::read(text.as_bytes());
        let quick = head.and_then(|head| head.finish(std::str::from_utf8(head.code).unwrap(), &mut index));
        assert_eq!(quick, read);
        quick
    }

    fn ticker(text: &str) -> Option<TickerRow<'_>> {
        let mut index = CommaIndex::default();
        let (topic, code, message) = CompactMessage::begin(text.as_bytes(), &mut index)?;
        assert_eq!(topic, CompactTopic::Ticker);
        message.ticker(std::str::from_utf8(code).unwrap())
    }

    fn book(text: &str) -> Option<OrderBook> {
        let mut index = CommaIndex::default();
        let (topic, code, message) = CompactMessage::begin(text.as_bytes(), &mut index)?;
        assert_eq!(topic, CompactTopic::Book);
        let symbol = Symbol::new(UPBIT, std::str::from_utf8(code).unwrap()).ok()?;
        let book = SymbolTable::default().book(&symbol, |empty| message.fill(empty))?;
        Some(OrderBook::clone(&book))
    }

    #[test]
    fn messages_of_today_are_read_as_serde_reads_them() {
        assert_eq!(trade(TRADE), serde_json::from_str(TRADE).ok());
        assert_eq!(ticker(TICKER), serde_json::from_str(TICKER).ok());
        let mut read = book(BOOK).unwrap();
        assert_eq!((read.asks.len(), read.bids.len()), (2, 1));
        assert_eq!((read.total_ask_size, read.total_bid_size), (Some(25_752_275.554_206_27), None));
        let slow = serde_json::from_str::<crate::wire::BookRow<'_>>(BOOK).unwrap().orderbook_units;
        assert_eq!((std::mem::take(&mut read.asks), std::mem::take(&mut read.bids)), (slow.asks, slow.bids));
    }

    #[test]
    fn anything_unusual_is_left_to_the_next_reader() {
        let changes = [
            (r#""td":"2026-05-12""#, r#""td":"2026,05-12""#),
            (r#""td":"2026-05-12""#, r#""td":{"year":2026}"#),
            (r#""td":"2026-05-12""#, r#""new":1"#),
            (r#""c":"RISE""#, r#""c":""#),
            (r#""c":"RISE""#, r#""c":"RISÉ""#),
            (r#""ty":"trade""#, r#""ty":"trade2""#),
            (r#""ty":"trade""#, r#""ty":"trade" "#),
            (r#""tp":91361000.0"#, r#""tp":9.1361E7"#),
            (r#""tms":1778570215107"#, r#""tms": 1778570215107"#),
            (r#""st":"REALTIME""#, r#""st":"REALTIME","new":1"#),
            (r#""st":"REALTIME"}"#, r#""st":"REALTIME""#),
            (r#""cp":1349000.00000000"#, r#""cp":[1,2]"#),
        ];
        for (from, to) in changes {
            assert!(TRADE.contains(from), "{from}");
            assert_eq!(trade(&TRADE.replace(from, to)), None, "{to}");
        }
        for (from, to) in
            [("}],", "}, ],"), ("},{", "},,{"), ("\"bs\":0}", "\"bs\":0,\"new\":1}"), ("[{", "[")]
        {
            assert!(BOOK.contains(from), "{from}");
            assert_eq!(book(&BOOK.replace(from, to)), None, "{to}");
        }
        for text in ["", "{}", "{\"ty\":\"trade\"}", ",\"cd\":\"", ",\"cd\":\"\""] {
            assert_eq!((trade(text), ticker(text), book(text)), (None, None, None), "{text}");
        }
    }
}

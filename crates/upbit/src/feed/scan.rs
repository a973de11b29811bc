//! A fast reader of messages, many times as fast as serde, that gives up on anything unusual.
//!
//! Upbit writes compact objects of plain texts and numbers, always in the same order, with short names in the
//! SIMPLE format. Newer fields, and others that nobody reads, are skipped. Anything else (long names, another
//! order, blanks, escapes, values nested where none are known, a missing field) makes this reader give up, and
//! serde reads the message or reports what is wrong with it. So this decides how fast a message is read, not
//! whether. It checks fields that nobody reads less closely.

use std::borrow::Cow;

use market_backbone_core::{OrderBook, Timestamp};

use super::tokens::FrameTokens;
use crate::wire::{AskBid, CandleRow, TickerRow, TradeRow, WireStreamType, level};

/// Begins a message after its type, which stands first, and reads its code, which stands second.
fn begin_message(text: &str) -> Option<(&str, FrameTokens<'_>)> {
    let mut tokens = FrameTokens::new(text);
    tokens.skip_fields(["{\"ty\":"])?;
    tokens.skip_to_field(",\"cd\":")?;
    let code = tokens.text()?;
    (!code.is_empty()).then_some((code, tokens))
}

/// Checks the end of a message.
fn end_message(mut tokens: FrameTokens<'_>) -> Option<()> {
    tokens.finish_object()?;
    tokens.is_at_end().then_some(())
}

/// Returns the code of the market of a message.
pub(super) fn code(text: &str) -> Option<&str> {
    begin_message(text).map(|(code, _)| code)
}

/// Fills an empty book with all fields of a message except its market.
pub(super) fn fill(book: &mut OrderBook, text: &str) -> Option<()> {
    let (_, mut tokens) = begin_message(text)?;
    tokens.skip_to_field(",\"tms\":")?;
    book.time = Timestamp::from_millis(tokens.integer()?);
    tokens.skip_to_field(",\"tas\":")?;
    book.total_ask_size = tokens.number_or_null()?;
    tokens.skip_to_field(",\"tbs\":")?;
    book.total_bid_size = tokens.number_or_null()?;
    tokens.skip_to_field(",\"obu\":")?;
    tokens.expect_byte(b'[')?;
    loop {
        unit(book, &mut tokens)?;
        if tokens.expect_byte(b',').is_none() {
            break;
        }
    }
    tokens.expect_byte(b']')?;
    end_message(tokens)
}

fn unit(book: &mut OrderBook, tokens: &mut FrameTokens<'_>) -> Option<()> {
    if !tokens.consume("{\"ap\":") {
        return None;
    }
    let ask_price = tokens.number_or_null()?;
    tokens.skip_to_field(",\"bp\":")?;
    let bid_price = tokens.number_or_null()?;
    tokens.skip_to_field(",\"as\":")?;
    if let Some(ask) = level(ask_price, tokens.number_or_null()?) {
        book.asks.push(ask);
    }
    tokens.skip_to_field(",\"bs\":")?;
    if let Some(bid) = level(bid_price, tokens.number_or_null()?) {
        book.bids.push(bid);
    }
    tokens.finish_object()
}

impl<'a> TradeRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let (code, mut tokens) = begin_message(text)?;
        tokens.skip_to_field(",\"tms\":")?;
        let timestamp = tokens.integer()?;
        tokens.skip_fields([",\"td\":", ",\"ttm\":"])?;
        tokens.skip_to_field(",\"ttms\":")?;
        let trade_timestamp = Some(tokens.integer()?);
        tokens.skip_to_field(",\"tp\":")?;
        let trade_price = tokens.number()?;
        tokens.skip_to_field(",\"tv\":")?;
        let trade_volume = tokens.number()?;
        tokens.skip_to_field(",\"ab\":")?;
        let ask_bid = AskBid::parse(tokens.text()?.as_bytes());
        tokens.skip_fields([",\"pcp\":", ",\"c\":", ",\"cp\":"])?;
        tokens.skip_to_field(",\"sid\":")?;
        let sequential_id = tokens.integer()?;
        tokens.skip_fields([",\"bap\":", ",\"bas\":", ",\"bbp\":", ",\"bbs\":"])?;
        tokens.skip_to_field(",\"st\":")?;
        let stream = WireStreamType::parse(tokens.text()?.as_bytes());
        end_message(tokens)?;
        let code = Cow::Borrowed(code);
        Some(Self {
            code,
            timestamp,
            trade_timestamp,
            trade_price,
            trade_volume,
            ask_bid,
            sequential_id,
            stream,
        })
    }
}

impl<'a> TickerRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let (code, mut tokens) = begin_message(text)?;
        tokens.skip_to_field(",\"op\":")?;
        let opening_price = tokens.number()?;
        tokens.skip_to_field(",\"hp\":")?;
        let high_price = tokens.number()?;
        tokens.skip_to_field(",\"lp\":")?;
        let low_price = tokens.number()?;
        tokens.skip_to_field(",\"tp\":")?;
        let trade_price = tokens.number()?;
        tokens.skip_to_field(",\"pcp\":")?;
        let prev_closing_price = tokens.number_or_null()?;
        tokens.skip_to_field(",\"atp\":")?;
        let acc_trade_price = tokens.number_or_null()?;
        tokens.skip_fields([",\"c\":", ",\"cp\":", ",\"scp\":", ",\"cr\":", ",\"scr\":"])?;
        tokens.skip_to_field(",\"ab\":")?;
        let ask_bid = AskBid::parse(tokens.text()?.as_bytes());
        tokens.skip_to_field(",\"tv\":")?;
        let trade_volume = tokens.number_or_null()?;
        tokens.skip_to_field(",\"atv\":")?;
        let acc_trade_volume = tokens.number_or_null()?;
        tokens.skip_fields([",\"tdt\":", ",\"ttm\":"])?;
        tokens.skip_to_field(",\"ttms\":")?;
        let trade_timestamp = tokens.integer()?;
        tokens.skip_fields([
            ",\"aav\":",
            ",\"abv\":",
            ",\"h52wp\":",
            ",\"h52wdt\":",
            ",\"l52wp\":",
            ",\"l52wdt\":",
            ",\"ms\":",
            ",\"its\":",
            ",\"dd\":",
            ",\"mw\":",
        ])?;
        tokens.skip_to_field(",\"tms\":")?;
        let timestamp = tokens.integer()?;
        tokens.skip_to_field(",\"atp24h\":")?;
        let acc_trade_price_24h = tokens.number_or_null()?;
        tokens.skip_to_field(",\"atv24h\":")?;
        let acc_trade_volume_24h = tokens.number_or_null()?;
        tokens.skip_fields([",\"st\":"])?;
        end_message(tokens)?;
        Some(Self {
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
}

impl<'a> CandleRow<'a> {
    pub(super) fn scan(text: &'a str) -> Option<Self> {
        let (code, mut tokens) = begin_message(text)?;
        tokens.skip_to_field(",\"cdttmu\":")?;
        let candle_date_time_utc = Cow::Borrowed(tokens.text().filter(|text| !text.is_empty())?);
        tokens.skip_to_field(",\"op\":")?;
        let opening_price = tokens.number()?;
        tokens.skip_to_field(",\"hp\":")?;
        let high_price = tokens.number()?;
        tokens.skip_to_field(",\"lp\":")?;
        let low_price = tokens.number()?;
        tokens.skip_to_field(",\"tp\":")?;
        let trade_price = tokens.number()?;
        tokens.skip_to_field(",\"catv\":")?;
        let candle_acc_trade_volume = tokens.number()?;
        tokens.skip_to_field(",\"catp\":")?;
        let candle_acc_trade_price = tokens.number()?;
        end_message(tokens)?;
        Some(Self {
            code: Cow::Borrowed(code),
            candle_date_time_utc,
            opening_price,
            high_price,
            low_price,
            trade_price,
            candle_acc_trade_volume,
            candle_acc_trade_price,
            unit: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{Symbol, SymbolTable};

    use super::*;
    use crate::UPBIT;

    #[test]
    fn frames_as_upbit_writes_them_are_read_and_fields_yet_unknown_passed_over() {
        let trade = r#"{"ty":"trade","cd":"KRW-BTC","tms":3,"td":"2026-05-12","ttm":"07:16:55","new":"a,}b","ttms":2,"tp":9.5,"tv":0.25,"ab":"ASK","pcp":1.00000000,"c":"RISE","cp":1.0,"sid":17785702150210001,"bap":1,"st":"REALTIME","lv":0}"#;
        let read = TradeRow::scan(trade).unwrap();
        assert_eq!(read, serde_json::from_str(trade).unwrap());
        let ticker = r#"{"ty":"ticker","cd":"KRW-BTC","op":1.0,"hp":2.0,"lp":0.5,"tp":1.5,"pcp":1.0,"atp":228827082483.70729,"c":"RISE","cp":1.0,"scp":1.0,"cr":0.1,"scr":0.1,"ab":"BID","tv":0.1,"atv":2.5,"ts":null,"ttms":4,"aav":1.0,"dd":null,"its":false,"tms":5,"atp24h":7.25,"atv24h":8.5,"st":"SNAPSHOT"}"#;
        assert_eq!(TickerRow::scan(ticker).unwrap(), serde_json::from_str(ticker).unwrap());
        let candle = r#"{"ty":"candle.1m","cd":"KRW-BTC","cdttmu":"2026-05-12T11:00:00","cdttmk":"2026-05-12T20:00:00","op":1,"hp":2,"lp":0.5,"tp":1.5,"catv":3.5,"catp":4.5,"tms":6,"st":"REALTIME"}"#;
        assert_eq!(CandleRow::scan(candle).unwrap(), serde_json::from_str(candle).unwrap());
        let book = r#"{"ty":"orderbook","cd":"KRW-BTC","tms":7,"tas":2.5,"tbs":null,"obu":[{"ap":2.0,"bp":1.5,"as":4.0,"bs":3.0,"new":1},{"ap":2.5,"bp":0,"as":1.0,"bs":0}],"st":"REALTIME","lv":0}"#;
        let symbol = Symbol::new(UPBIT, code(book).unwrap()).unwrap();
        let book = SymbolTable::default().book(&symbol, |empty| fill(empty, book)).unwrap();
        let totals = (book.total_ask_size, book.total_bid_size, book.time);
        assert_eq!(totals, (Some(2.5), None, Timestamp::from_millis(7)));
        let prices =
            |side: &[market_backbone_core::Level]| side.iter().map(|level| level.price).collect::<Vec<_>>();
        assert_eq!((prices(&book.asks), prices(&book.bids)), (vec![2.0, 2.5], vec![1.5]));
    }

    #[test]
    fn another_order_is_left_to_serde() {
        let trade = r#"{"ty":"trade","cd":"KRW-BTC","ttms":2,"tms":3,"tp":9.5,"tv":0.25,"ab":"ASK","sid":1}"#;
        assert_eq!(TradeRow::scan(trade), None);
    }
}

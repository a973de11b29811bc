//! Frames of every type, in the long, the short and the list formats.

use market_backbone_core::{
    Candle, ControlMessage, FeedEvent, FrameOutcome, Level, Side, SourceError, Ticker, Timeframe, Timestamp,
    Trade, TradeId,
};

use crate::{NOON, at, only, read, symbol};

const TRADE: &str = r#"{"type":"trade","code":"KRW-BTC","timestamp":1778570215107,"trade_date":"2026-05-12","trade_time":"07:16:55","trade_timestamp":1778570215021,"trade_price":91361000.0,"trade_volume":0.00079276,"ask_bid":"ASK","prev_closing_price":90012000.00000000,"change":"RISE","change_price":1349000.00000000,"sequential_id":17785702150210000,"best_ask_price":91370000,"best_ask_size":0.15203441,"best_bid_price":91361000,"best_bid_size":0.0772,"stream_type":"SNAPSHOT"}"#;
const TRADE_SIMPLE: &str = r#"{"ty":"trade","cd":"KRW-BTC","tms":1778570215107,"td":"2026-05-12","ttm":"07:16:55","ttms":1778570215021,"tp":9.1361E7,"tv":7.9276E-4,"ab":"ASK","pcp":90012000.00000000,"c":"RISE","cp":1349000.00000000,"sid":17785702150210000,"bap":91370000,"bas":0.15203441,"bbp":91361000,"bbs":0.0772,"st":"REALTIME"}"#;
const TICKER: &str = r#"{"type":"ticker","code":"KRW-BTC","opening_price":90012000.0,"high_price":91800000.0,"low_price":89654000.0,"trade_price":91361000.0,"prev_closing_price":90000000.0,"acc_trade_price":100515242207.58107,"change":"RISE","change_price":1361000.0,"signed_change_price":1361000.0,"change_rate":0.0151,"signed_change_rate":0.0151,"ask_bid":"BID","trade_volume":0.0005,"acc_trade_volume":1108.48123881,"trade_date":"20260512","trade_time":"071655","trade_timestamp":1778570215021,"acc_ask_volume":520.35261102,"acc_bid_volume":588.12862779,"highest_52_week_price":166348000.0,"highest_52_week_date":"2025-10-09","lowest_52_week_price":81740000.0,"lowest_52_week_date":"2026-02-06","market_state":"ACTIVE","is_trading_suspended":false,"delisting_date":null,"market_warning":"NONE","timestamp":1778570215064,"acc_trade_price_24h":228827082483.70729,"acc_trade_volume_24h":2532.88231706,"stream_type":"REALTIME"}"#;
const TICKER_SIMPLE: &str = r#"{"ty":"ticker","cd":"KRW-BTC","op":90012000.0,"hp":91800000.0,"lp":8.9654E7,"tp":91361000.0,"pcp":90000000.0,"atp":100515242207.58107000,"c":"RISE","cp":1361000.0,"scp":1361000.0,"cr":0.0151,"scr":0.0151,"ab":"BID","tv":5.0E-4,"atv":1108.48123881,"tdt":"20260512","ttm":"071655","ttms":1778570215021,"aav":520.35261102,"abv":588.12862779,"h52wp":166348000.0,"h52wdt":"2025-10-09","l52wp":81740000.0,"l52wdt":"2026-02-06","ts":"ACTIVE","ms":"ACTIVE","msfi":"ACTIVE","its":false,"dd":{"year":2026,"month":12,"day":1},"mw":"NONE","tms":1778570215064,"atp24h":228827082483.70729,"atv24h":2532.88231706,"st":"REALTIME"}"#;
const BOOK: &str = r#"{"type":"orderbook","code":"BTC-ETH","timestamp":1778570215100,"total_ask_size":3.5,"total_bid_size":0.00077720,"orderbook_units":[{"ask_price":2.513E-2,"bid_price":0.02512,"ask_size":1.5,"bid_size":0.00077720},{"ask_price":0.02514,"bid_price":0,"ask_size":2,"bid_size":0}],"stream_type":"SNAPSHOT","level":0}"#;
const BOOK_SIMPLE: &str = r#"{"ty":"orderbook","cd":"BTC-ETH","tms":1778570215100,"tas":3.5,"tbs":7.772E-4,"obu":[{"ap":0.02513,"bp":0.02512,"as":1.5,"bs":7.772E-4},{"ap":0.02514,"bp":0,"as":2.0,"bs":0}],"st":"REALTIME","lv":0}"#;
const CANDLE: &str = r#"{"type":"candle.60m","code":"KRW-ETH","candle_date_time_utc":"2026-05-12T11:00:00","candle_date_time_kst":"2026-05-12T20:00:00","opening_price":4100000.00000000,"high_price":4120000.0,"low_price":4090000,"trade_price":4.11E6,"candle_acc_trade_volume":12.5,"candle_acc_trade_price":51375000.00000000,"timestamp":1778587199691,"stream_type":"REALTIME"}"#;
const CANDLE_SIMPLE: &str = r#"{"ty":"candle.60m","cd":"KRW-ETH","cdttmu":"2026-05-12T11:00:00","cdttmk":"2026-05-12T20:00:00","op":4100000.0,"hp":4120000.0,"lp":4090000.0,"tp":4110000.0,"catv":1.25E1,"catp":51375000.0,"tms":1778587199691,"st":"REALTIME"}"#;

#[test]
fn a_trade_reads_alike_in_both_spellings() {
    let trade = Trade {
        symbol: symbol("KRW-BTC"),
        id: TradeId::Number(17_785_702_150_210_000),
        price: 91_361_000.0,
        size: 0.00079276,
        side: Some(Side::Sell),
        time: Timestamp::from_millis(1_778_570_215_021),
        received: at(NOON),
    };
    let as_snapshot = TRADE_SIMPLE.replace("REALTIME", "SNAPSHOT");
    for frame in [TRADE, &as_snapshot] {
        assert_eq!(only(frame), FeedEvent::Snapshot(trade.clone()), "it was before one subscribed");
    }
    for frame in [&TRADE.replace("SNAPSHOT", "REALTIME"), TRADE_SIMPLE] {
        assert_eq!(only(frame), FeedEvent::Trade(trade.clone()));
    }
}

#[test]
fn a_trade_of_2021_reads_too() {
    let frame = r#"{"ty":"trade","cd":"BTC-ETH","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02","ttms":1618678262000,"tp":6E-8,"tv":46.48838371,"ab":"BID","pcp":9.9E-7,"c":"FALL","cp":1E-8,"sid":1618678262000003,"st":"REALTIME"}"#;
    let FeedEvent::Trade(trade) = only(frame) else { panic!("not a trade") };
    assert_eq!((trade.price, trade.side), (6e-8, Some(Side::Buy)));
    assert_eq!(trade.time, Timestamp::from_secs(1_618_678_262));
}

#[test]
fn a_ticker_reads_alike_in_both_spellings() {
    let ticker = Ticker {
        symbol: symbol("KRW-BTC"),
        price: 91_361_000.0,
        open: 90_012_000.0,
        high: 91_800_000.0,
        low: 89_654_000.0,
        previous_close: 90_000_000.0,
        size: 0.0005,
        side: Some(Side::Buy),
        day_volume: 1108.48123881,
        day_turnover: 100515242207.58107,
        volume_24h: 2532.88231706,
        turnover_24h: 228827082483.70729,
        trade_time: Timestamp::from_millis(1_778_570_215_021),
        time: Timestamp::from_millis(1_778_570_215_064),
        received: at(NOON),
    };
    for frame in [TICKER, TICKER_SIMPLE] {
        assert_eq!(only(frame), FeedEvent::Ticker(ticker.clone()));
    }
}

#[test]
fn a_book_reads_alike_in_both_spellings_without_its_padding() {
    for frame in [BOOK, BOOK_SIMPLE] {
        let FeedEvent::Book(book) = only(frame) else { panic!("not a book") };
        let asks = [(0.02513, 1.5), (0.02514, 2.0)].map(|(price, size)| Level { price, size });
        assert_eq!(book.asks, asks);
        assert_eq!(book.bids, [Level { price: 0.02512, size: 0.0007772 }]);
        assert_eq!((book.total_ask_size, book.total_bid_size), (Some(3.5), Some(0.0007772)));
        assert_eq!((&book.symbol, book.received), (&symbol("BTC-ETH"), at(NOON)));
    }
}

#[test]
fn a_candle_is_never_final_and_knows_its_timeframe() {
    let expected = Candle {
        open_time: at("2026-05-12T11:00:00Z"),
        open: 4_100_000.0,
        high: 4_120_000.0,
        low: 4_090_000.0,
        close: 4_110_000.0,
        volume: 12.5,
        turnover: 51_375_000.0,
        is_final: false,
    };
    for frame in [CANDLE, CANDLE_SIMPLE] {
        let FeedEvent::Candle { series, candle, received } = only(frame) else { panic!("not a candle") };
        assert_eq!((series.symbol, series.timeframe), (symbol("KRW-ETH"), Timeframe::H1));
        assert_eq!((candle, received), (expected, at(NOON)));
    }
    let four_hours = CANDLE_SIMPLE.replace("60m", "240m").replace("T11:", "T08:");
    assert!(
        matches!(only(&four_hours), FeedEvent::Candle { series, .. } if series.timeframe == Timeframe::H4)
    );
}

#[test]
fn lists_hold_one_message_or_many() {
    let (events, outcome) = read(&format!("[{TRADE}]")).unwrap();
    assert_eq!((events.len(), outcome.dropped), (1, 0));
    let (events, outcome) =
        read(&format!(" [ {TRADE_SIMPLE} , {BOOK},{CANDLE},{TICKER_SIMPLE}, {{\"status\":\"UP\"}} ]"))
            .unwrap();
    assert_eq!((events.len(), outcome.dropped, outcome.control), (4, 0, Some(ControlMessage::Heartbeat)));
}

#[test]
fn a_bad_element_never_takes_its_neighbours() {
    let bad = [
        TRADE.replace("91361000.0", "\"high\""),
        TRADE.replace("sequential_id", "id"),
        TRADE_SIMPLE.replace("9.1361E7", "0"),
        CANDLE.replace("T11:00:00\"", "T11:30:00\""),
        CANDLE.replace("4120000.0", "4000000.0"),
        BOOK.replace("2.513E-2", "[]"),
        TRADE.replace("KRW-BTC", "KRW-XRP"),
        TRADE.replace("trade\"", "myOrder\""),
        TICKER.replace("ticker", "candle.7m"),
        "{}".to_owned(),
        "null".to_owned(),
        "17".to_owned(),
    ];
    for bad in bad {
        let (events, outcome) = read(&format!("[{TRADE},{bad},{BOOK}]")).unwrap();
        assert_eq!((events.len(), outcome.dropped), (2, 1), "{bad}");
    }
}

#[test]
fn a_market_nobody_asked_for_is_counted() {
    let dropped = FrameOutcome { dropped: 1, control: None };
    for frame in [TRADE, TICKER_SIMPLE, BOOK, CANDLE] {
        let stray =
            frame.replace("KRW-BTC", "KRW-XRP").replace("BTC-ETH", "KRW-XRP").replace("KRW-ETH", "KRW-XRP");
        assert_eq!(read(&stray), Ok((Vec::new(), dropped.clone())));
    }
}

#[test]
fn the_type_may_stand_anywhere_and_texts_may_be_escaped() {
    let (_, body) = TRADE_SIMPLE.split_once(',').unwrap();
    let last = format!(r#"{{{},"ty":"trade"}}"#, body.strip_suffix('}').unwrap());
    let blanks = TRADE_SIMPLE.replace(':', " : ").replace("07 : 16 : 55", "07:16:55");
    let escaped = TRADE_SIMPLE.replace("KRW-BTC", r"KRW\u002dBTC");
    let escaped_type = TRADE_SIMPLE.replace("\"trade\"", r#""tr\u0061de""#);
    for frame in [last, blanks, escaped, escaped_type] {
        assert_eq!(only(&frame), only(TRADE_SIMPLE), "{frame}");
    }
}

#[test]
fn a_live_venue_says_so() {
    let alive = FrameOutcome { dropped: 0, control: Some(ControlMessage::Heartbeat) };
    assert_eq!(read(r#"{"status":"UP"}"#), Ok((Vec::new(), alive)));
}

#[test]
fn a_refused_request_is_refused_again_unless_there_were_too_many() {
    let check = |frame: &str, said: &str, terminal| {
        let (_, outcome) = read(frame).unwrap();
        let Some(ControlMessage::Refused { message, kind, terminal: is_terminal }) = outcome.control else {
            panic!("{outcome:?}")
        };
        assert_eq!((message.as_str(), is_terminal), (said, terminal));
        assert_eq!(SourceError::new(kind, message).is_transient(), !terminal, "{kind:?}");
    };
    check(
        r#"{"error":{"message":"Format 이 맞지 않습니다.","name":"WRONG_FORMAT"}}"#,
        "WRONG_FORMAT: Format 이 맞지 않습니다.",
        true,
    );
    for name in ["NO_TICKET", "NO_TYPE", "NO_CODES", "INVALID_PARAM"] {
        check(&format!(r#"{{"error":{{"name":"{name}","message":"x"}}}}"#), &format!("{name}: x"), true);
    }
    for name in ["TOO_MANY_REQUEST", "Too Many Requests"] {
        check(&format!(r#"{{"error":{{"name":"{name}","message":"x"}}}}"#), &format!("{name}: x"), false);
    }
    check(r#"{"error":{"name":429}}"#, "429:", false);
}

#[test]
fn a_frame_of_which_nothing_can_be_read_is_an_error() {
    let cut = &TRADE[..TRADE.len() - 9];
    for frame in ["", "PONG", "<html>", "[", "null", "17", cut, &TRADE.replace("91361000.0", "null")] {
        assert!(read(frame).is_err(), "{frame}");
    }
}

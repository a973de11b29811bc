//! Whatever the bytes, no decoder panics and no message becomes too long.

use market_backbone_core::{
    Call, CandlePageRequest, HttpCall, HttpReply, RateLimitGroup, Series, Symbol, SymbolTable, Timeframe,
    Timestamp, TradeCursor, TradePageRequest, Venue,
};
use market_backbone_massive::{MASSIVE, MassivePlan};
use proptest::prelude::*;

use crate::{massive, read, symbol};

const SEEDS: [&str; 7] = [
    r#"[{"ev":"T","sym":"MSFT","x":4,"i":"12345","z":3,"p":114.125,"s":100,"c":[0,12],"t":1536036818784,"q":3681328}]"#,
    r#"[{"ev":"AM","sym":"AAPL","v":4110,"vw":0.4488,"o":0.4488,"c":0.4486,"h":0.4489,"l":0.4486,"s":1610144640000}]"#,
    r#"[{"ev":"status","status":"success","message":"subscribed to: AM.AAPL"},{"ev":"Q","sym":"AAPL","bp":1,"bs":1,"ap":2,"as":1,"t":1}]"#,
    r#"{"ticker":"AAPL","queryCount":1,"results":[{"v":1,"vw":1,"o":1,"c":1,"h":1,"l":1,"t":1112331600000,"n":1}],"status":"OK","next_url":"https://api.massive.com/v2?cursor=%41"}"#,
    r#"{"results":[{"exchange":11,"id":"1","price":171.55,"sequence_number":1063,"sip_timestamp":1517562000016036581,"size":100,"decimal_size":"100.0"}]}"#,
    r#"{"tickers":[{"ticker":"AAPL","updated":1,"day":{"o":1,"h":1,"l":1,"c":1,"v":1},"lastTrade":{"p":1,"s":1,"t":1},"lastQuote":{"p":1,"P":2,"t":1}}]}"#,
    r#"{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}"#,
];

/// Returns a message of which a part is cut out and replaced by other bytes.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let put = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        r#"[\[\]{}",:\\0-9eE.+\-nul ]{0,6}"#.prop_map(String::into_bytes),
    ];
    (0..SEEDS.len(), any::<prop::sample::Index>(), 0usize..9, put).prop_map(|(seed, from, len, put)| {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        let from = from.index(bytes.len());
        let to = (from + len).min(bytes.len());
        bytes.splice(from..to, put);
        bytes
    })
}

fn decode_everywhere(bytes: &[u8], plan: MassivePlan, timeframe: Timeframe, before: Option<i64>, now: i64) {
    let (venue, now) = (massive(plan), Timestamp::from_nanos(now));
    let series = Series::new(symbol("AAPL"), timeframe);
    let candles = CandlePageRequest { series, before: before.map(Timestamp::from_nanos), count: 100 };
    let call = Call::Candles(candles.clone());
    let _ = venue.encode(&call, now);
    if let Ok(page) = venue.decode_candles(&candles, bytes, now) {
        assert!(page.candles.is_sorted_by(|a, b| a.open_time < b.open_time));
        assert!(page.candles.iter().all(|candle| candle.is_valid()));
    }
    let trades =
        TradePageRequest { symbol: symbol("AAPL"), cursor: TradeCursor::Latest, count: 1, newest: None };
    let _ = venue.decode_trades(&trades, bytes, now);
    let _ = venue.decode_tickers(bytes, now);
    let _ = venue.decode_books(bytes, now);
    let _ = venue.decode_markets(bytes);
    let symbols: SymbolTable = [symbol("AAPL"), Symbol::any(MASSIVE)].into_iter().collect();
    let _ = venue.decoder().decode(bytes, now, &symbols, &mut Vec::new());
    let sent = HttpCall::new(RateLimitGroup("massive"), "/", Vec::new());
    for status in [200, 403, 404, 429, 500] {
        let reply = HttpReply { status, headers: &[], body: bytes };
        if let Err(error) = venue.check(&call, &reply) {
            assert!(error.to_string().chars().count() < 400, "{error}");
        }
        let _ = venue.next_page(&sent, &reply, "https://api.massive.com");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), damaged()],
        plan in proptest::sample::select(vec![MassivePlan::Basic, MassivePlan::Starter, MassivePlan::Developer, MassivePlan::Advanced]),
        timeframe in proptest::sample::select(Timeframe::ALL.to_vec()),
        before in any::<Option<i64>>(),
        now in any::<i64>(),
    ) {
        decode_everywhere(&bytes, plan, timeframe, before, now);
    }

    #[test]
    fn both_readers_of_events_agree(bytes in damaged()) {
        if let Ok(frame) = std::str::from_utf8(&bytes) {
            let (fast, slow) = (read(frame), read(&frame.replacen('{', "{ ", 1)));
            // The fast reader does not check fields that nobody reads: where those are not JSON it continues.
            if slow.as_ref().is_ok_and(|(_, outcome)| outcome.dropped == 0) {
                prop_assert_eq!(fast, slow, "{}", frame);
            }
        }
    }
}

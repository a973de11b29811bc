//! Whatever the bytes, no decoder panics; whatever the number, up to 15 digits of it survive.

use market_backbone_core::{
    Call, CandlePageRequest, FeedEvent, HttpReply, Series, SymbolTable, Timeframe, Timestamp, TradeCursor,
    TradePageRequest, Venue,
};
use market_backbone_upbit::Upbit;
use proptest::prelude::*;

use crate::{NOON, at, read, symbol};

const SEEDS: [&str; 7] = [
    r#"{"ty":"trade","cd":"KRW-BTC","tms":1,"ttms":2,"tp":9.5,"tv":1.5,"ab":"BID","sid":17785702150210000}"#,
    r#"{"ty":"candle.1m","cd":"KRW-BTC","cdttmu":"2026-05-12T11:00:00","op":1,"hp":2,"lp":1,"tp":1,"catv":1,"catp":1}"#,
    r#"{"type":"orderbook","code":"KRW-BTC","timestamp":1,"orderbook_units":[{"ask_price":1,"bid_price":1,"ask_size":1,"bid_size":1}]}"#,
    r#"[{"market":"KRW-BTC","candle_date_time_utc":"2026-05-12T11:00:00","opening_price":1,"high_price":2,"low_price":1,"trade_price":1,"candle_acc_trade_price":1,"candle_acc_trade_volume":1,"unit":1}]"#,
    r#"[{"market":"KRW-BTC","trade_timestamp":1,"timestamp":1,"opening_price":1,"high_price":2,"low_price":1,"trade_price":1,"trade_volume":1,"sequential_id":1}]"#,
    r#"[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin","tick_size":"1000"}]"#,
    r#"{"error":{"name":"TOO_MANY_REQUEST","message":"요청이 많아 60초 동안 차단"}}"#,
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

fn candle_request(timeframe: Timeframe, before: Option<i64>) -> CandlePageRequest {
    let series = Series::new(symbol("KRW-BTC"), timeframe);
    CandlePageRequest { series, before: before.map(Timestamp::from_nanos), count: 200 }
}

fn decode_everywhere(bytes: &[u8], timeframe: Timeframe, before: Option<i64>, now: i64) {
    let (venue, now) = (Upbit::new(), Timestamp::from_nanos(now));
    let candles = candle_request(timeframe, before);
    let _ = venue.encode(&Call::Candles(candles.clone()), now);
    if let Ok(page) = venue.decode_candles(&candles, bytes, now) {
        assert!(page.candles.is_sorted_by(|a, b| a.open_time < b.open_time));
        assert!(page.candles.iter().all(|candle| candle.is_valid()));
    }
    let trades =
        TradePageRequest { symbol: symbol("KRW-BTC"), cursor: TradeCursor::Latest, count: 1, newest: None };
    let _ = venue.decode_trades(&trades, bytes, now);
    let _ = venue.decode_tickers(bytes, now);
    let _ = venue.decode_books(bytes, now);
    let _ = venue.decode_markets(bytes);
    let _ = venue.decode_price_increments(bytes);
    let symbols: SymbolTable = [symbol("KRW-BTC")].into_iter().collect();
    let _ = venue.decoder().decode(bytes, now, &symbols, &mut Vec::new());
    let header = [("remaining-req".to_owned(), String::from_utf8_lossy(bytes).into_owned())];
    for status in [200, 404, 418, 429, 500] {
        let reply = HttpReply { status, headers: &header, body: bytes };
        if let Err(error) = venue.check(&Call::Candles(candles.clone()), &reply) {
            assert!(error.to_string().chars().count() < 200);
        }
        let _ = venue.remaining(&reply);
    }
}

/// Returns the spellings of `digits` × 10^`exponent` that Upbit uses.
fn spellings(digits: u64, exponent: i32) -> Vec<String> {
    let mut spellings = vec![format!("{digits}E{exponent}"), format!("{digits}.000e{exponent:+03}")];
    let text = digits.to_string();
    if let Ok(zeros) = usize::try_from(exponent) {
        spellings.push(format!("{digits}{}", "0".repeat(zeros)));
        spellings.push(format!("{digits}{}.00000000", "0".repeat(zeros)));
    } else {
        let places = exponent.unsigned_abs() as usize;
        let padded = format!("{text:0>width$}", width = places + 1);
        let (whole, part) = padded.split_at(padded.len() - places);
        spellings.push(format!("{whole}.{part}"));
        spellings.push(format!("{whole}.{part}0000"));
    }
    spellings
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), damaged()],
        timeframe in proptest::sample::select(Timeframe::ALL.to_vec()),
        before in any::<Option<i64>>(),
        now in any::<i64>(),
    ) {
        decode_everywhere(&bytes, timeframe, before, now);
    }

    #[test]
    fn fifteen_digits_survive_in_every_spelling(digits in 1u64..1_000_000_000_000_000, exponent in -20i32..8) {
        let want = format!("{:.14e}", format!("{digits}E{exponent}").parse::<f64>().unwrap());
        // The number printed with 15 digits is the number that was written.
        let mantissa = want.split('e').next().unwrap().replace('.', "");
        let written = digits.to_string();
        prop_assert_eq!(mantissa.trim_end_matches('0'), written.trim_end_matches('0'));
        for price in spellings(digits, exponent) {
            let frame = SEEDS[0].replace("9.5", &price);
            let (events, _) = read(&frame).unwrap();
            let [FeedEvent::Trade(trade)] = &events[..] else { panic!("{frame}") };
            prop_assert_eq!(format!("{:.14e}", trade.price), want.clone());
            let row = SEEDS[4].replace(r#""trade_price":1,"#, &format!(r#""trade_price":{price},"#));
            let (tickers, _) = Upbit::new().decode_tickers(row.as_bytes(), at(NOON)).unwrap();
            prop_assert_eq!(tickers[0].price.to_bits(), trade.price.to_bits());
        }
    }
}

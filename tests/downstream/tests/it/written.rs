//! Values as serde writes them: with the field names of the command line, and read back as what they were.

use std::sync::Arc;

use market_backbone::{
    AbsenceClaim, BandIndicators, Candle, CandleSet, Channel, Coverage, Dispute, FeedEvent, Gap, GapCause,
    GapState, Level, LossReason, OrderBook, Origin, PriceBand, Priority, Provenance, Series, Side, Span,
    StreamKind, Symbol, Ticker, TimeRange, Timeframe, Timestamp, Trade, TradeId, VenueId,
};
use serde_json::{Value, json, to_value};

use crate::rig::{Rig, soon};

const TIME: Timestamp = Timestamp::from_nanos(1_778_570_215_005_000_001);
const LATER: Timestamp = Timestamp::from_nanos(1_778_570_215_105_000_002);

fn symbol() -> Symbol {
    Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap()
}

fn trade() -> Trade {
    let id = TradeId::Number(17_785_702_150_050_001);
    Trade {
        symbol: symbol(),
        id,
        price: 116_233_000.0,
        size: 0.000_123_45,
        side: Some(Side::Sell),
        time: TIME,
        received: LATER,
    }
}

fn candle() -> Candle {
    Candle {
        open_time: Timestamp::from_millis(1_778_570_160_000),
        open: 1.0,
        high: 3.0,
        low: 0.5,
        close: 0.1 + 0.2,
        volume: 7.0,
        turnover: 8.0,
        is_final: true,
    }
}

/// Checks that `value` is written as `want` and reads back as itself.
#[track_caller]
fn check<T>(value: &T, want: &Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(to_value(value).unwrap(), *want);
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *value);
}

#[test]
fn values_are_written_as_the_command_line_writes_them_and_read_back() {
    check(&TIME, &json!(1_778_570_215_005_000_001_i64));
    check(&symbol(), &json!({ "venue": "upbit", "symbol": "KRW-BTC" }));
    let series = Series::new(symbol(), Timeframe::Month);
    check(&series, &json!({ "venue": "upbit", "symbol": "KRW-BTC", "timeframe": "1M" }));
    let close = 0.1 + 0.2;
    let row = json!({ "timestamp": 1_778_570_160_000_i64, "open": 1.0, "high": 3.0, "low": 0.5, "close": close,
                      "volume": 7.0, "turnover": 8.0, "final": true });
    check(&candle(), &row);
    let (time, received) = (TIME.as_nanos(), LATER.as_nanos());
    let told = json!({ "venue": "upbit", "symbol": "KRW-BTC", "time": time, "received": received, "price": 116_233_000.0,
                       "size": 0.000_123_45, "side": "sell", "id": "17785702150050001" });
    check(&trade(), &told);
    let levels = |price: f64| vec![Level { price, size: 2.0 }];
    let (symbol, total_ask_size, total_bid_size) = (symbol(), Some(2.5), None);
    let (asks, bids) = (levels(11.0), levels(10.0));
    let book = OrderBook { symbol, asks, bids, total_ask_size, total_bid_size, time: TIME, received: LATER };
    let told = json!({ "venue": "upbit", "symbol": "KRW-BTC", "time": time, "received": received,
                       "asks": [[11.0, 2.0]], "bids": [[10.0, 2.0]], "total_ask_size": 2.5 });
    check(&book, &told);
    let indicators = BandIndicators::new([17, 0]);
    let band = PriceBand {
        symbol: book.symbol.clone(),
        low: 1.5,
        high: 2.5,
        indicators,
        time: TIME,
        received: LATER,
    };
    let told = json!({ "venue": "upbit", "symbol": "KRW-BTC", "time": time, "received": received, "low": 1.5,
                       "high": 2.5, "indicators": [17, 0] });
    check(&band, &told);
}

#[test]
fn coverage_reads_back_with_its_disputes_and_claims() {
    let range =
        |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap();
    let provenance = Provenance { origin: Origin::BeforeListing, observed_at: TIME };
    let mut coverage: Coverage = [Span { range: range(0, 60), provenance }].into_iter().collect();
    coverage.add_dispute(Dispute { range: range(30, 40), earlier: Some(provenance), later: None });
    coverage.add_claim(AbsenceClaim::of(range(60, 90), TIME));
    let observed = TIME.as_nanos();
    let who = json!({ "origin": "listed", "observed_at": observed });
    let told = json!({
        "spans": [{ "from": 0, "to": 60_000_000_000_i64, "origin": "listed", "observed_at": observed }],
        "disputes": [{ "from": 30_000_000_000_i64, "to": 40_000_000_000_i64, "earlier": who, "later": null }],
        "claims": [{ "from": 60_000_000_000_i64, "to": 90_000_000_000_i64, "observations": 1,
                     "first_asked_at": observed, "last_asked_at": observed }],
    });
    check(&coverage, &told);
}

#[test]
fn what_no_constructor_takes_is_not_read() {
    let refused = |text: &str| serde_json::from_str::<TimeRange>(text).unwrap_err().to_string();
    assert!(refused(r#"{"from": 2, "to": 1}"#).contains("runs backwards"));
    let symbol = serde_json::from_str::<Symbol>(r#"{"venue": "upbit", "symbol": "KRW BTC"}"#);
    assert!(symbol.unwrap_err().to_string().contains("cannot be a market"));
    assert!(serde_json::from_str::<VenueId>(r#""Up bit""#).is_err());
    assert!(serde_json::from_str::<Timeframe>(r#""7m""#).is_err());
}

#[test]
fn events_say_their_kind_first_of_all() {
    let event = to_value(FeedEvent::Trade(trade())).unwrap();
    assert_eq!((&event["kind"], &event["snapshot"]), (&json!("trade"), &json!(false)));
    assert_eq!(serde_json::from_value::<Trade>(event).unwrap(), trade(), "a trade reads back from its event");
    assert_eq!(to_value(FeedEvent::Snapshot(trade())).unwrap()["snapshot"], true);
    let series = Series::new(symbol(), Timeframe::M1);
    let event = to_value(FeedEvent::Candle { series, candle: candle(), received: LATER }).unwrap();
    assert_eq!((&event["kind"], &event["timeframe"]), (&json!("candle"), &json!("1m")));
    assert_eq!(event["received"], LATER.as_nanos());
    assert_eq!(serde_json::from_value::<Candle>(event).unwrap(), candle());
    let channels: Arc<[Channel]> = [Channel { symbol: symbol(), kind: StreamKind::Trade }].into();
    let (state, cause, loss) = (GapState::Lost, GapCause::Silent, Some(LossReason::Ended));
    let gap = to_value(FeedEvent::Gap(Gap { state, channels, from: TIME, to: None, cause, loss })).unwrap();
    let want = json!({ "kind": "gap", "state": "lost", "from": TIME.as_nanos(), "to": null, "cause": "silent",
                       "why": "the feed ended before it could be fetched",
                       "channels": [{ "venue": "upbit", "symbol": "KRW-BTC", "kind": "trade" }] });
    assert_eq!(gap, want);
    let series = Series::new(trade().symbol, Timeframe::M1);
    let (revision, is_quiet, received) = (1, false, LATER);
    let bar = to_value(FeedEvent::Bar { series, candle: candle(), revision, is_quiet, received }).unwrap();
    assert_eq!((&bar["kind"], &bar["revision"], &bar["quiet"]), (&json!("bar"), &json!(1), &json!(false)));
    assert_eq!(serde_json::from_value::<Candle>(bar).unwrap(), candle());
    let lagged = to_value(FeedEvent::Lagged { missed: 3 }).unwrap();
    assert_eq!(lagged, json!({ "kind": "lagged", "missed": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_a_ticker_of_the_venue_read_back_as_they_were() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let set = soon(client.candles("KRW-BTC", Timeframe::M1).last(20)).await.unwrap();
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<CandleSet>(&text).unwrap(), set);
    let ticker = soon(client.ticker("KRW-BTC")).await.unwrap();
    let value = to_value(&ticker).unwrap();
    assert_eq!(value["change_rate"], ticker.change_rate());
    assert_eq!(serde_json::from_value::<Ticker>(value).unwrap(), ticker);
    let plan = soon(client.candles("KRW-BTC", Timeframe::M1).last(1_000).plan()).await.unwrap();
    let value = to_value(&plan).unwrap();
    assert_eq!((&value["symbol"], &value["timeframe"]), (&json!("KRW-BTC"), &json!("1m")));
    assert_eq!((&value["known"], &value["unknown"]), (&json!(plan.known_slots), &json!(plan.unknown_slots)));
    let requests: u64 = plan.requests.iter().map(|(_, count)| count).sum();
    assert_eq!(
        value["requests"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(),
        requests
    );
    assert_eq!(value["eta_ms"], plan.eta.as_millis() as u64);
    let markets = client.markets().await.unwrap();
    let text = serde_json::to_string(&markets).unwrap();
    assert_eq!(serde_json::from_str::<Vec<market_backbone::Instrument>>(&text).unwrap(), markets);
    rig.close().await;
}

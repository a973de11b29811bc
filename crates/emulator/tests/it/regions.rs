//! Regions and seeds: exchanges that share nothing but the protocol.

use market_backbone_emulator::{
    EmulatedRegion, Emulator, EmulatorClock, MarketSet, RunningEmulator, Scenario, TickerSet, TickerSpec,
};
use market_backbone_emulator::{StockActivity, StocksScenario};
use serde_json::Value;

use crate::client::{Client, HOUR, MINUTE, NOW, e8, raw_get, scenario};
use crate::stocks::ELEVEN;

async fn region(region: EmulatedRegion) -> RunningEmulator {
    let markets = MarketSet::Standard;
    Emulator::start(Scenario { region, markets, ..scenario(&[]) }).await.unwrap()
}

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

const ABROAD: [(EmulatedRegion, &str); 3] = [
    (EmulatedRegion::Singapore, "SGD"),
    (EmulatedRegion::Indonesia, "IDR"),
    (EmulatedRegion::Thailand, "THB"),
];

#[tokio::test]
async fn rows_of_the_regions_lack_what_is_koreas() {
    for (place, quote) in ABROAD {
        let venue = region(place).await;
        let listing = raw_get(&venue, "/v1/market/all?is_details=true").await.rows();
        assert!(listing.iter().all(|row| keys(row) == ["english_name", "market", "market_warning"]));
        assert!(
            listing.iter().all(|row| ["NONE", "CAUTION"].contains(&row["market_warning"].as_str().unwrap()))
        );
        let market = format!("{quote}-BTC");
        let paths = [
            format!("/v1/candles/minutes/1?market={market}&count=2"),
            format!("/v1/candles/days?market={market}"),
            format!("/v1/trades/ticks?market={market}"),
            format!("/v1/ticker?markets={market}"),
            format!("/v1/orderbook?markets={market}"),
        ];
        for path in paths {
            let rows = raw_get(&venue, &path).await.rows();
            assert!(!rows.is_empty(), "{path}");
            assert!(rows.iter().all(|row| row["market"] == market.as_str()));
            let foreign = |key: &&str| key.ends_with("_kst") || *key == "level";
            assert!(!keys(&rows[0]).iter().any(foreign), "{path}: {}", rows[0]);
        }
        assert_eq!(raw_get(&venue, "/v1/ticker?markets=KRW-BTC").await.status, 404);
        venue.reset();
        let level = raw_get(&venue, &format!("/v1/orderbook?markets={market}&level=0")).await;
        assert_eq!((level.status, level.text().contains("Invalid parameter")), (400, true));
    }
}

#[tokio::test]
async fn sockets_of_the_regions_speak_english_and_know_no_level() {
    let venue = region(EmulatedRegion::Indonesia).await;
    for (asked, name, message) in [
        ("{}", "WRONG_FORMAT", "Requested using wrong format."),
        ("[{}]", "NO_TICKET", "Ticket field must be contained."),
        (
            r#"[{"ticket":"t"},{"type":"nope","codes":["IDR-BTC"]}]"#,
            "INVALID_PARAM",
            "type nope is not supported.",
        ),
        (r#"[{"ticket":"t"},{"type":"trade"}]"#, "NO_CODES", "codes field not exists."),
        (
            r#"[{"ticket":"t"},{"type":"orderbook","codes":["IDR-BTC"],"level":0}]"#,
            "WRONG_FORMAT",
            "Requested using wrong format.",
        ),
    ] {
        venue.reset();
        let mut client = Client::connect(&venue).await;
        client.say(asked).await;
        let error = &client.frame().await["error"];
        assert_eq!((error["name"].as_str(), error["message"].as_str()), (Some(name), Some(message)));
    }
    venue.reset();
    let mut client = Client::connect(&venue).await;
    client
        .say(r#"[{"ticket":"t"},{"type":"orderbook","codes":["IDR-BTC","KRW-BTC"]},{"type":"candle.1m","codes":["IDR-BTC"]}]"#)
        .await;
    let frames = client.frames_until_fence().await;
    assert_eq!(frames.len(), 2, "a Korean code is not known here");
    for frame in &frames {
        assert!(!keys(frame).iter().any(|key| key.ends_with("_kst") || *key == "level"), "{frame}");
    }
}

/// Returns the numbers of rows with equal values, of equal prices, and of all rows.
fn alike(a: &[Value], b: &[Value], keys: &[&str]) -> (usize, usize, usize) {
    let figures = |row: &Value| keys.iter().map(|key| e8(&row[*key])).collect::<Vec<_>>();
    let pairs = a.iter().zip(b).map(|(a, b)| (figures(a), figures(b)));
    pairs.fold((0, 0, 0), |(rows, prices, all), (a, b)| {
        let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
        (rows + usize::from(a == b), prices + same, all + a.len())
    })
}

const FIGURES: [&str; 5] =
    ["opening_price", "high_price", "low_price", "trade_price", "candle_acc_trade_volume"];

#[tokio::test]
async fn two_seeds_have_no_row_in_common_and_hardly_a_price() {
    let codes = ["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE", "KRW-USDT", "KRW-SHIB"];
    let start = async |seed| Emulator::start(Scenario { seed, ..scenario(&codes) }).await.unwrap();
    let (one, two) = (start(1).await, start(2).await);
    for code in codes {
        let path = format!("/v1/candles/minutes/1?market={code}&count=200");
        let (a, b) = (raw_get(&one, &path).await.rows(), raw_get(&two, &path).await.rows());
        assert_eq!(a.len(), 200);
        let (rows, figures, all) = alike(&a, &b, &FIGURES);
        assert_eq!((rows, figures), (0, 0), "{code}: of {all}");
    }
}

#[tokio::test]
async fn two_regions_have_no_row_in_common() {
    let (korea, singapore) = (region(EmulatedRegion::Korea).await, region(EmulatedRegion::Singapore).await);
    for code in ["USDT-BTC", "BTC-ETH"] {
        let path = format!("/v1/candles/minutes/60?market={code}&count=100");
        let (a, b) = (raw_get(&korea, &path).await.rows(), raw_get(&singapore, &path).await.rows());
        let (rows, figures, all) = alike(&a, &b, &FIGURES);
        assert_eq!((rows, figures), (0, 0), "{code}: of {all}");
        let ids = |venue: &RunningEmulator| -> Vec<i64> {
            venue.tape().trades(code, NOW - HOUR, NOW).iter().map(|trade| trade.id).collect()
        };
        assert_ne!(ids(&korea), ids(&singapore));
    }
}

#[tokio::test]
async fn two_seeds_have_no_bar_of_shares_in_common() {
    let specs: Vec<TickerSpec> =
        ["AAPL", "MSFT", "SPY"].map(|name| TickerSpec::new(name, StockActivity::Busy)).into();
    let start = async |seed| {
        let massive = StocksScenario { tickers: TickerSet::Own(specs.clone()), ..StocksScenario::default() };
        let scenario =
            Scenario { seed, massive, clock: EmulatorClock::manual(ELEVEN), ..Scenario::default() };
        Emulator::start(scenario).await.unwrap()
    };
    let (one, two) = (start(1).await, start(2).await);
    for ticker in ["AAPL", "MSFT", "SPY"] {
        let bars =
            |venue: &RunningEmulator| venue.stocks().minutes(ticker, ELEVEN - 60 * MINUTE, ELEVEN, i64::MAX);
        let (a, b) = (bars(&one), bars(&two));
        let same = a
            .iter()
            .zip(&b)
            .filter(|(a, b)| (a.open_e8, a.close_e8) == (b.open_e8, b.close_e8) || a.open_e8 == b.open_e8);
        assert_eq!(same.count(), 0, "{ticker}");
    }
}

//! The same faults of pages on US stocks.

use market_backbone_emulator::{
    BadRowKind, Emulator, EmulatorClock, Faults, PageFault, PageKind, RunningEmulator, Scenario,
    ScriptedFault,
};
use serde_json::Value;

use crate::client::MINUTE;
use crate::stocks::{ELEVEN, body, pages, stage};

const NOW: i64 = ELEVEN + 30_000;
const BARS: &str = "/v2/aggs/ticker/AAPL/range/1/minute/2026-08-06/2026-08-06";
const TRADES: &str = "/v3/trades/AAPL?limit=40";

async fn venue_at(now_ms: i64, faults: Faults) -> RunningEmulator {
    let massive = stage(|stage| stage.late_share = 0.0);
    let scenario = Scenario { faults, clock: EmulatorClock::manual(now_ms), massive, ..Scenario::default() };
    Emulator::start(scenario).await.unwrap()
}

async fn venue(faults: Faults) -> RunningEmulator {
    venue_at(NOW, faults).await
}

fn results(page: &Value) -> &[Value] {
    page["results"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn newest(page: &Value) -> i64 {
    results(page).iter().map(|row| row["t"].as_i64().unwrap()).max().unwrap()
}

#[tokio::test]
async fn an_empty_page_says_so_in_turns() {
    let venue = venue(Faults { empty_page: 1.0, ..Faults::default() }).await;
    for path in [BARS, TRADES] {
        for want in [Some(Value::Null), None, Some(Value::Array(Vec::new())), None] {
            let page = body(&venue, path).await;
            assert_eq!(page.get("results"), want.as_ref(), "{path}");
            assert!(page.get("next_url").is_none());
            assert_eq!(page.get("resultsCount").and_then(Value::as_u64), (path == BARS).then_some(0));
        }
    }
    assert_eq!(venue.report().played("empty_page"), 8);
}

#[tokio::test]
async fn the_pages_that_a_script_names_are_empty_and_no_other() {
    let venue = venue(Faults::default()).await;
    venue.set_script(ScriptedFault::parse_list("empty@candles:1,empty@candles:2,empty@candles:4").unwrap());
    let mut said = Vec::new();
    for _ in 0..4 {
        said.push(body(&venue, BARS).await);
    }
    let told: Vec<_> =
        said.iter().map(|page| (page["status"].as_str().unwrap(), results(page).len())).collect();
    let all = results(&said[2]).len();
    assert_eq!(told, [("OK", 0), ("DELAYED", 0), ("OK", all), ("OK", 0)]);
    assert!(all > 0 && venue.report().played("empty_page") == 3);
}

#[tokio::test]
async fn pages_are_stale_late_and_lagging() {
    let honest = body(&venue(Faults::default()).await, BARS).await;
    assert_eq!(newest(&honest), ELEVEN);
    let venue = venue(Faults { stale_page: 1.0, ..Faults::default() }).await;
    assert_eq!(newest(&body(&venue, BARS).await), ELEVEN - 10 * MINUTE);
    venue.set_faults(Faults { late_rows: 3, ..Faults::default() });
    let late = body(&venue, BARS).await;
    assert_eq!(newest(&late), ELEVEN - 4 * MINUTE);
    assert_eq!(late["resultsCount"].as_u64(), Some(results(&late).len() as u64));
    let past =
        format!("/v2/aggs/ticker/AAPL/range/1/minute/{}/{}", ELEVEN - 60 * MINUTE, ELEVEN - 30 * MINUTE);
    assert_eq!(newest(&body(&venue, &past).await), ELEVEN - 30 * MINUTE, "what is older is all there");
    let report = venue.report();
    assert_eq!(["stale_page", "late_rows"].map(|name| report.played(name)), [1, 1]);

    let early = venue_at(ELEVEN + 1_500, Faults { lagging_rows_ms: 3_000, ..Faults::default() }).await;
    let page = body(&early, BARS).await;
    assert_eq!(newest(&page), ELEVEN - MINUTE);
    let closed = early.stocks().minutes("AAPL", ELEVEN - MINUTE, ELEVEN, i64::MAX)[0];
    assert!(
        results(&page).last().unwrap()["n"].as_u64().unwrap() < closed.count,
        "the last prints are missing"
    );
}

#[tokio::test]
async fn pages_of_prints_lag_and_lack_their_middle() {
    let venue = venue(Faults { lagging_trades: 8_000, ..Faults::default() }).await;
    let stamp = |row: &Value| row["sip_timestamp"].as_i64().unwrap();
    let page = body(&venue, TRADES).await;
    let lagging = results(&page);
    assert!(stamp(&lagging[0]) <= (NOW - 8_000) * 1_000_000);
    venue.set_faults(Faults { holey_trades: 1.0, ..Faults::default() });
    let holey = body(&venue, TRADES).await;
    venue.set_faults(Faults::default());
    let whole = body(&venue, TRADES).await;
    let (holey, whole) = (results(&holey), results(&whole));
    assert_eq!((holey.len(), whole.len()), (26, 40));
    assert_eq!(holey, [&whole[..13], &whole[27..]].concat());
    assert!(stamp(&whole[0]) > stamp(&lagging[0]));
    let report = venue.report();
    assert_eq!(["lagging_trades", "holey_trades"].map(|name| report.played(name)), [1, 1]);
}

#[tokio::test]
async fn one_bar_is_there_twice_and_the_count_says_so() {
    let venue = venue(Faults::default()).await;
    let honest = body(&venue, BARS).await;
    for (fault, alike) in [(PageFault::Doubled, true), (PageFault::Differing, false)] {
        venue.corrupt_next_page(PageKind::Candles, fault);
        let page = body(&venue, BARS).await;
        let rows = results(&page);
        assert_eq!(rows.len(), results(&honest).len() + 1);
        assert_eq!(page["resultsCount"].as_u64(), Some(rows.len() as u64));
        let twin = (1..rows.len()).find(|at| rows[*at]["t"] == rows[at - 1]["t"]).unwrap();
        assert_eq!(rows[twin] == rows[twin - 1], alike);
    }
}

#[tokio::test]
async fn every_kind_of_bad_row_spoils_one_row_of_every_kind_of_page() {
    for (page, path, key, want) in [
        // Bars and prints do not say whose they are.
        (PageKind::Candles, BARS, "results", 6),
        (PageKind::Candles, "/v2/aggs/grouped/locale/us/market/stocks/2026-08-05", "results", 7),
        (PageKind::Trades, TRADES, "results", 6),
        (PageKind::Tickers, "/v2/snapshot/locale/us/markets/stocks/tickers", "tickers", 7),
        (PageKind::Markets, "/v3/reference/tickers", "results", 2),
    ] {
        let venue = venue(Faults::default()).await;
        let honest = body(&venue, path).await;
        for kind in BadRowKind::KINDS {
            venue.corrupt_next_page(page, PageFault::Bad(kind));
            let spoiled = body(&venue, path).await;
            let (a, b) = (honest[key].as_array().unwrap(), spoiled[key].as_array().unwrap());
            assert_eq!(a.len(), b.len());
            let differ = a.iter().zip(b).filter(|(a, b)| a != b).count();
            assert!(differ <= 1, "{path} {kind:?}: {differ}");
        }
        assert_eq!(venue.report().played("bad_row"), want, "{path}");
    }
}

#[tokio::test]
async fn without_a_fault_nothing_is_played() {
    let venue = venue(Faults::default()).await;
    let (rows, _) = pages(&venue, &format!("{BARS}?limit=100")).await;
    assert!(!rows.is_empty());
    assert!(venue.report().played.is_empty());
    assert_eq!(venue.report().faulted, 0);
}

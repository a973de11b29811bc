//! The venue's own samples and those of its official client, where they are available; none of them is stored
//! here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use market_backbone_core::{
    Calendar, Call, CandlePageRequest, FeedEvent, Series, Symbol, SymbolTable, TimeRange, Timeframe,
    TradeCursor, TradePageRequest, Venue,
};
use market_backbone_massive::{Glossary, MASSIVE, MassiveClient, MoverDirection};
use market_backbone_testkit::{CannedCalls, recorded};

use crate::{NOON, advanced, at, symbol};

/// Returns a file, and a client each of whose requests it answers.
fn file(path: &Path) -> (Vec<u8>, MassiveClient) {
    let body = fs::read(path).unwrap();
    let calls = CannedCalls::new(MASSIVE)
        .then([body.clone()])
        .checked_by(|call, reply| advanced().check(&Call::VenueSpecific(call.clone()), &reply.as_reply()));
    (body, MassiveClient::new(Arc::new(calls)))
}

/// Returns all files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Reads a sample as what its name says it is. Returns the number of things in it, or `None` for kinds that
/// nobody reads.
fn read(path: &Path) -> Option<usize> {
    let (body, client) = file(path);
    let name = path.to_str().unwrap().replace("__", "/");
    let name = name.split_once("/massive/").unwrap().1;
    let (apple, day) = (symbol("AAPL"), "2005-04-01".parse().unwrap());
    Some(if name.contains("/range/") {
        let series = Series::new(symbol("AAPL"), Timeframe::D1);
        let request = CandlePageRequest { series, before: None, count: 200 };
        // Only our own requests ask for the newest first.
        let mut newest_first: serde_json::Value = serde_json::from_slice(&body).unwrap();
        newest_first["results"].as_array_mut().unwrap().reverse();
        let body = newest_first.to_string();
        let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
        assert_eq!(page.rejected, []);
        page.candles.len()
    } else if name.contains("/grouped/") {
        block_on(client.grouped_daily(day, true)).unwrap().len()
    } else if name.contains("/prev") {
        usize::from(block_on(client.previous_close(&apple)).unwrap().is_some())
    } else if name.contains("open-close") {
        usize::from(block_on(client.open_close(&apple, day)).unwrap().is_some())
    } else if name.contains("v3/trades") {
        let request =
            TradePageRequest { symbol: apple, cursor: TradeCursor::Latest, count: 100, newest: None };
        let page = advanced().decode_trades(&request, &body, at(NOON)).unwrap();
        assert_eq!(page.dropped, 0);
        page.trades.len()
    } else if name.contains("last/trade") {
        block_on(client.last_trade(&apple)).map(|_| 1).unwrap()
    } else if name.contains("last/nbbo") {
        advanced().decode_books(&body, at(NOON)).unwrap().0.len()
    } else if name.contains("v2/snapshot") && (name.contains("stocksTicker") || name.ends_with("AAPL.json")) {
        block_on(client.snapshot(&apple)).map(|_| 1).unwrap()
    } else if name.contains("v2/snapshot") {
        let (tickers, dropped) = advanced().decode_tickers(&body, at(NOON)).unwrap();
        assert_eq!(
            (dropped, block_on(client.movers(MoverDirection::Gainers)).unwrap().len()),
            (0, tickers.len())
        );
        tickers.len()
    } else if name.contains("marketstatus/now") {
        block_on(client.market_status()).map(|_| 1).unwrap()
    } else if name.contains("marketstatus/upcoming") {
        block_on(client.holidays()).unwrap().len()
    } else if name.contains("v3/quotes") {
        let always = TimeRange::new(at("2000-01-01"), at(NOON)).unwrap();
        block_on(client.quotes(&apple, always)).unwrap().len()
    } else if name.contains("dividends") {
        block_on(client.dividends(None, None)).unwrap().len()
    } else if ["exchanges", "conditions", "types"].iter().any(|list| name.contains(&format!("/{list}"))) {
        block_on(client.glossary(Glossary::Exchanges)).unwrap().len()
    } else if name.contains("reference/tickers/") {
        block_on(client.listing(&apple, None)).map(|_| 1).unwrap()
    } else if name.contains("splits") {
        block_on(client.splits(None, None)).unwrap().len()
    } else if name.ends_with("reference/tickers.json") {
        let markets = advanced().decode_markets(&body).unwrap();
        assert_eq!(block_on(client.listings()).unwrap().len(), markets.len());
        markets.len()
    } else {
        return None;
    })
}

#[test]
fn every_official_sample_of_an_answer_reads() {
    let Some(folder) = recorded("massive") else { return };
    let (mut read_some, mut passed_over) = (0, Vec::new());
    for path in files(&folder).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")) {
        match read(&path) {
            Some(things) => {
                assert!(things > 0, "{} is empty", path.display());
                read_some += 1;
            }
            None => passed_over.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
        }
    }
    passed_over.sort();
    // Options, which are another market, twice; and the events, which the next test reads.
    assert_eq!((read_some, passed_over.len()), (39, 3), "{passed_over:?}");
}

#[test]
fn every_official_sample_of_an_event_reads() {
    let Some(folder) = recorded("massive") else { return };
    let text = fs::read_to_string(folder.join("spec_examples_stocks.json")).unwrap();
    let samples: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let symbols: SymbolTable = [Symbol::any(MASSIVE)].into_iter().collect();
    let mut events = Vec::new();
    for (name, event) in &samples {
        let before = events.len();
        let frame = format!("[{event}]");
        let outcome = advanced().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut events).unwrap();
        assert_eq!((outcome.dropped, outcome.control), (0, None), "{name}");
        let silent = ["NOI", "FMV", "LV"].iter().any(|kind| name.ends_with(kind));
        assert_eq!(events.len() - before, usize::from(!silent), "{name}");
    }
    let candles = events.iter().filter(|event| matches!(event, FeedEvent::Candle { .. })).count();
    assert_eq!((samples.len(), events.len(), candles), (9, 6, 3));
}

#[test]
fn both_days_around_a_change_of_the_clock_begin_at_midnight_in_new_york() {
    let Some(folder) = recorded("massive") else { return };
    let range =
        folder.join("official-client-mocks/v2/aggs/ticker/AAPL/range/1/day/2005-04-01/2005-04-04.json");
    let mut body: serde_json::Value = serde_json::from_slice(&fs::read(range).unwrap()).unwrap();
    body["results"].as_array_mut().unwrap().reverse();
    let series = Series::new(symbol("AAPL"), Timeframe::D1);
    let request = CandlePageRequest { series, before: Some(at("2005-04-05T04:00:00Z")), count: 200 };
    let page = advanced().decode_candles(&request, body.to_string().as_bytes(), at(NOON)).unwrap();
    let days: Vec<_> = page.candles.iter().map(|day| Calendar::day_of(day.open_time).to_string()).collect();
    assert_eq!(days, ["2005-04-01", "2005-04-04"]);
    let opens: Vec<_> = page.candles.iter().map(|day| day.open_time).collect();
    // 05:00 in winter, 04:00 in summer.
    assert_eq!(opens, [at("2005-04-01T05:00:00Z"), at("2005-04-04T04:00:00Z")]);
    let weekend = TimeRange::new(opens[0], opens[1]).unwrap();
    assert_eq!(advanced().capabilities().grid.slots(Timeframe::D1, weekend), 3);
    assert!(page.proof.covered.is_some_and(|covered| covered.contains(at("2005-04-03T05:00:00Z"))));
    assert!(page.candles.iter().all(|day| day.is_final));
}

#[test]
fn nanoseconds_are_kept_to_the_last_digit() {
    let Some(folder) = recorded("massive") else { return };
    for (path, field) in [
        ("official-client-mocks/v3/trades/AAPL&limit=2.json", "sip_timestamp"),
        ("docs_samples/v3__trades__stockTicker.json", "sip_timestamp"),
    ] {
        let (body, _) = file(&folder.join(path));
        let want: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let mut want: Vec<i64> =
            want["results"].as_array().unwrap().iter().map(|row| row[field].as_i64().unwrap()).collect();
        want.sort_unstable();
        let request = TradePageRequest {
            symbol: symbol("AAPL"),
            cursor: TradeCursor::Latest,
            count: 100,
            newest: None,
        };
        let page = advanced().decode_trades(&request, &body, at(NOON)).unwrap();
        let got: Vec<_> = page.trades.iter().map(|trade| trade.time.as_nanos()).collect();
        assert_eq!(got, want, "{path}");
    }
    let (_, client) =
        file(&folder.join("official-client-mocks/v2/snapshot/locale/us/markets/stocks/tickers/AAPL.json"));
    let snapshot = block_on(client.snapshot(&symbol("AAPL"))).unwrap();
    assert_eq!(snapshot.last_quote.unwrap().time.as_nanos(), 1_651_251_948_407_646_487);
    assert_eq!(snapshot.last_trade.unwrap().trade.time.as_nanos(), 1_651_251_948_294_080_343);
}

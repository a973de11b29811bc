//! Recorded frames and answers, where they are available; none of them is stored here.

use std::fs;
use std::path::Path;

use market_backbone_core::{
    CandlePage, CandlePageRequest, FeedEvent, Level, OrderBook, Series, SymbolTable, TimeRange, Timeframe,
    Timestamp, Venue,
};
use market_backbone_testkit::recorded;
use market_backbone_upbit::Upbit;

use crate::{at, symbol};

fn page(folder: &Path, file: &str, timeframe: Timeframe) -> CandlePage {
    let body = fs::read(folder.join(file)).unwrap();
    let series = Series::new(symbol("KRW-BTC"), timeframe);
    let request = CandlePageRequest { series, before: None, count: 200 };
    Upbit::new().decode_candles(&request, &body, at("2026-11-20T00:00:00Z")).unwrap()
}

/// Returns whether the total fits: the venue adds up decimals exactly, and 15 additions of floats are off by
/// less.
fn is_sum(total: Option<f64>, levels: &[Level]) -> bool {
    let sum: f64 = levels.iter().map(|level| level.size).sum();
    total.is_some_and(|total| (total - sum).abs() <= 1e-14 * 15.0 * total)
}

fn code_in(frame: &str) -> &str {
    frame.split(r#""cd":""#).nth(1).unwrap().split('"').next().unwrap()
}

fn assert_whole(book: &OrderBook) {
    assert_eq!((book.asks.len(), book.bids.len()), (15, 15));
    assert!(book.is_valid());
    assert!(is_sum(book.total_ask_size, &book.asks) && is_sum(book.total_bid_size, &book.bids));
}

#[test]
fn every_recorded_frame_reads_and_every_book_sums_up() {
    let Some(folder) = recorded("upbit") else { return };
    let text = fs::read_to_string(folder.join("ws_trade_orderbook_2021-04-17.ndjson")).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let frames = || lines.iter().map(|line| line["frame"].as_str().unwrap());
    let symbols: SymbolTable = frames().map(|frame| symbol(code_in(frame))).collect();
    let (mut trades, mut books, mut events) = (0, 0, Vec::new());
    for frame in frames() {
        events.clear();
        let outcome =
            Upbit::new().decoder().decode(frame.as_bytes(), Timestamp::EPOCH, &symbols, &mut events).unwrap();
        assert_eq!(outcome.dropped, 0, "{frame}");
        match &events[..] {
            [FeedEvent::Trade(trade)] => {
                assert!(trade.side.is_some());
                trades += 1;
            }
            [FeedEvent::Book(book)] => {
                assert_whole(book);
                books += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((trades, books), (304, 145));
}

#[test]
fn every_recorded_page_reads_whole() {
    let Some(folder) = recorded("upbit") else { return };
    let mut rows = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let timeframe = match name.as_str() {
            name if !name.ends_with(".json") => continue,
            name if name.starts_with("candles_1m") || name.starts_with("upbit_1m") => Timeframe::M1,
            name if name.starts_with("upbit_3m") => Timeframe::M3,
            _ => continue,
        };
        let page = page(&folder, &name, timeframe);
        assert_eq!(page.rejected, [], "{name}");
        let oldest = page.candles.first().unwrap().open_time;
        assert_eq!(page.proof.covered.map(TimeRange::from), Some(oldest), "{name}");
        assert!(page.candles.iter().all(|candle| candle.is_final), "{name}");
        rows += page.candles.len();
    }
    assert_eq!(rows, 200 + 50 + 240 + 300);
}

#[test]
fn two_overlapping_pages_make_one_series_without_a_hole() {
    let Some(folder) = recorded("upbit") else { return };
    let mut candles = page(&folder, "candles_1m_KRW-BTC_2021-01-30_page200.json", Timeframe::M1).candles;
    let both = candles.len();
    let other = page(&folder, "candles_1m_KRW-BTC_2021-01-30_page50.json", Timeframe::M1).candles;
    let total = both + other.len();
    candles.extend(other);
    candles.sort_by_key(|candle| candle.open_time);
    candles.dedup_by(|a, b| a.open_time == b.open_time && a == b);
    assert!(candles.len() < total, "the pages overlap");
    for pair in candles.windows(2) {
        assert_eq!(pair[1].open_time.since(pair[0].open_time).as_secs(), 60, "{:?}", pair[0].open_time);
    }
}

#[test]
fn every_recorded_market_reads() {
    let Some(folder) = recorded("upbit") else { return };
    let body = fs::read(folder.join("market_all_2021-04-17.json")).unwrap();
    let markets = Upbit::new().decode_markets(&body).unwrap();
    let of = |quote: &str| markets.iter().filter(|market| market.quote == quote).count();
    assert_eq!((markets.len(), of("KRW"), of("BTC"), of("USDT")), (294, 117, 161, 16));
    assert!(markets.iter().all(|market| market.local_name.is_some()));
}

//! Upbit's protocol from outside: bytes in, values out. Every message is written by hand after real ones.

#![expect(clippy::unwrap_used, reason = "what a test cannot have is a failed test")]

mod books;
mod candles;
mod client;
mod frames;
mod markets;
mod properties;
mod recorded;
mod refusals;
mod regions;
mod requests;
mod scanning;
mod subscribing;
mod tickers;
mod trades;

use market_backbone_core::{
    CandlePageRequest, FeedEvent, FrameError, FrameOutcome, Series, Symbol, SymbolTable, Timeframe,
    Timestamp, Venue,
};
use market_backbone_upbit::{UPBIT, Upbit};

/// The time at which the tests' requests are sent and frames received.
const NOON: &str = "2026-05-12T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn symbol(code: &str) -> Symbol {
    Symbol::new(UPBIT, code).unwrap()
}

fn page_of(timeframe: Timeframe, before: Option<&str>) -> CandlePageRequest {
    CandlePageRequest {
        series: Series::new(symbol("KRW-BTC"), timeframe),
        before: before.map(at),
        count: 200,
    }
}

/// Returns the events and the outcome of one frame, for a reader of KRW-BTC, KRW-ETH and BTC-ETH.
fn read(frame: &str) -> Result<(Vec<FeedEvent>, FrameOutcome), FrameError> {
    let symbols: SymbolTable = ["KRW-BTC", "KRW-ETH", "BTC-ETH"].into_iter().map(symbol).collect();
    let mut events = Vec::new();
    let outcome = Upbit::new().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut events)?;
    Ok((events, outcome))
}

/// Returns the only event of a frame.
#[track_caller]
fn only(frame: &str) -> FeedEvent {
    let (mut events, outcome) = read(frame).unwrap();
    assert_eq!((events.len(), outcome), (1, FrameOutcome::default()), "{frame}");
    events.remove(0)
}

//! Massive's protocol from outside: bytes in, values out. Every message is written by hand after real ones.

#![expect(clippy::unwrap_used, reason = "what a test cannot have is a failed test")]

mod books;
mod candles;
mod client;
mod frames;
mod markets;
mod properties;
mod recorded;
mod refusals;
mod requests;
mod scanning;
mod subscribing;
mod tickers;
mod trades;

use market_backbone_core::{
    CandlePageRequest, FeedEvent, FrameError, FrameOutcome, Secret, Series, Symbol, SymbolTable, Timeframe,
    Timestamp, Venue,
};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};

/// The time at which the tests' requests are sent and frames received: a Tuesday, 08:00 in New York.
const NOON: &str = "2026-05-12T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn symbol(code: &str) -> Symbol {
    Symbol::new(MASSIVE, code).unwrap()
}

fn massive(plan: MassivePlan) -> Massive {
    Massive::new(Secret::new("test-key"), plan)
}

fn advanced() -> Massive {
    massive(MassivePlan::Advanced)
}

fn page_of(timeframe: Timeframe, before: Option<&str>, count: u32) -> CandlePageRequest {
    CandlePageRequest { series: Series::new(symbol("AAPL"), timeframe), before: before.map(at), count }
}

/// Returns the events and the outcome of one frame, for a reader of AAPL, MSFT and BRK.B.
fn read(frame: &str) -> Result<(Vec<FeedEvent>, FrameOutcome), FrameError> {
    let symbols: SymbolTable = ["AAPL", "MSFT", "BRK.B"].into_iter().map(symbol).collect();
    let mut events = Vec::new();
    let outcome = advanced().decoder().decode(frame.as_bytes(), at(NOON), &symbols, &mut events)?;
    Ok((events, outcome))
}

/// Returns the only event of a frame.
#[track_caller]
fn only(frame: &str) -> FeedEvent {
    let (mut events, outcome) = read(frame).unwrap();
    assert_eq!((events.len(), outcome), (1, FrameOutcome::default()), "{frame}");
    events.remove(0)
}

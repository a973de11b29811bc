//! More trades than any market has: the next of all tickers in turn, as many as the clock says are due.

use super::events::{self, Frames};
use super::wants::Wants;
use crate::chance;
use crate::massive::channel::Channel;
use crate::massive::exchange::Exchange;
use crate::massive::newyork::NS_PER_MS;
use crate::massive::stage::Flood;

/// A leap of the clock is told from its last so many ns only: there are limits to memory.
const LONGEST_LEAP_NS: i64 = 10_000_000_000;

/// Trades that a flood has had by `at_ns`.
fn due(exchange: &Exchange, flood: Flood, at_ns: i64) -> i64 {
    let since_ns = i128::from((at_ns - exchange.started_ms * NS_PER_MS).max(0));
    i64::try_from(since_ns * i128::from(flood.per_second) / 1_000_000_000).unwrap_or(i64::MAX)
}

/// Adds the trades of `from_ns..to_ns`, all stamped with its end.
pub(crate) fn play(
    exchange: &Exchange,
    flood: Flood,
    wants: &Wants,
    (from_ns, to_ns): (i64, i64),
    frames: &mut Frames,
) {
    let from_ns = from_ns.max(to_ns - LONGEST_LEAP_NS);
    let tickers = flood.tickers.clamp(1, exchange.universe.iter().len()) as i64;
    for n in due(exchange, flood, from_ns)..due(exchange, flood, to_ns) {
        let index = (n % tickers) as u32;
        if wants.has(Channel::Trade, index) {
            let (stock, sequence) = (exchange.universe.get(index), n / tickers + 1);
            let draw = chance::draw(stock.key(), sequence.cast_unsigned());
            frames.add(|out| events::flood(out, stock, sequence, draw, to_ns / NS_PER_MS));
        }
    }
}

//! A flood of trades: all tickers in turn, as many as are due by the clock.

use super::events::{self, EventFrames};
use super::subscriptions::ChannelSubscriptions;
use crate::hash_random;
use crate::massive::channel::StockChannel;
use crate::massive::exchange::StockExchange;
use crate::massive::new_york::NS_PER_MS;
use crate::massive::scenario::TradeFlood;

/// The longest time of which trades are sent after a jump of the clock, in ns, to bound memory.
const MAX_CATCH_UP_NS: i64 = 10_000_000_000;

/// Returns the number of trades of a flood by `at_ns`.
fn due(exchange: &StockExchange, flood: TradeFlood, at_ns: i64) -> i64 {
    let since_ns = i128::from((at_ns - exchange.started_ms * NS_PER_MS).max(0));
    i64::try_from(since_ns * i128::from(flood.per_second) / 1_000_000_000).unwrap_or(i64::MAX)
}

/// Adds the trades of `from_ns..to_ns`, all stamped with its end.
pub(crate) fn emit(
    exchange: &StockExchange,
    flood: TradeFlood,
    wants: &ChannelSubscriptions,
    (from_ns, to_ns): (i64, i64),
    frames: &mut EventFrames,
) {
    let from_ns = from_ns.max(to_ns - MAX_CATCH_UP_NS);
    let tickers = flood.tickers.clamp(1, exchange.universe.iter().len()) as i64;
    for n in due(exchange, flood, from_ns)..due(exchange, flood, to_ns) {
        let index = (n % tickers) as u32;
        if wants.has(StockChannel::Trade, index) {
            let (stock, sequence) = (exchange.universe.get(index), n / tickers + 1);
            let draw = hash_random::draw(stock.key(), sequence.cast_unsigned());
            frames.add(|out| events::flood(out, stock, sequence, draw, to_ns / NS_PER_MS));
        }
    }
}

//! Checks over another route whether a silent channel is quiet or dead.

use std::fmt::Debug;

use async_trait::async_trait;
use market_backbone_core::{Channel, SourceError, StreamKind, Symbol, Timestamp};
use std::time::Duration;

use super::cache::RealtimeCache;

/// The largest expected offset between our clock and the venue's, where one has to stand in for the other.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The largest delay between a trade and the candle of its minute.
const MAX_CANDLE_DELAY: Duration = Duration::from_secs(70);

/// A way to ask a venue, other than over its socket, when markets last traded.
#[async_trait]
pub trait Probe: Send + Sync + Debug + 'static {
    /// Returns when each of `symbols` last traded, as the venue says.
    ///
    /// Symbols that the venue does not know are left out. The request must give way to every other request.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    async fn last_traded(&self, symbols: &[Symbol]) -> Result<Vec<(Symbol, Timestamp)>, SourceError>;
}

const _: fn(&dyn Probe) = |_| ();

/// Returns whether the venue has something of `channel` that did not arrive, if its market last traded at
/// `traded`; `None` if that cannot be told.
pub(super) fn is_behind(
    cache: &RealtimeCache,
    channel: &Channel,
    traded: Timestamp,
    now: Timestamp,
) -> Option<bool> {
    let symbol = &channel.symbol;
    Some(match channel.kind {
        // Some venues' sockets have less exact times than their pages.
        StreamKind::Trade => cache.trade(symbol)?.time.as_millis() < traded.as_millis(),
        StreamKind::Ticker => {
            let ticker = cache.ticker(symbol)?;
            ticker.trade_time.max(ticker.time) < traded
        }
        // A trade takes something out of the book, or ends something that was in it.
        StreamKind::Book => cache.book(symbol)?.time.plus(MAX_CLOCK_SKEW) < traded,
        // A band stays the same while prices do, however much is traded. Only without a trade is none due.
        StreamKind::Band => return (traded <= cache.band(symbol)?.received).then_some(false),
        // Some venues send a candle only when it is over.
        StreamKind::Candle(_) => {
            last_received(cache, channel)?.plus(MAX_CLOCK_SKEW) < traded
                && traded.plus(MAX_CANDLE_DELAY) < now
        }
        _ => return None,
    })
}

/// Returns when the latest value of `channel` was received; `None` if there is none.
pub(super) fn last_received(cache: &RealtimeCache, channel: &Channel) -> Option<Timestamp> {
    if channel.symbol.is_any() {
        return last_received(cache, cache.recent_wildcard_channels(channel.kind, 1).first()?);
    }
    cache.event(channel)?.received()
}

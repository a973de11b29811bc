//! Asking elsewhere whether a silent channel is quiet or dead.

use std::fmt::Debug;

use async_trait::async_trait;
use market_backbone_core::{Channel, SourceError, StreamKind, Symbol, Timestamp};
use std::time::Duration;

use super::cache::RealtimeCache;

/// How far our clock and the venue's may be apart, where one has to stand in for the other.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// How long after a trade at the latest a candle of its minute is told of.
const MAX_CANDLE_DELAY: Duration = Duration::from_secs(70);

/// Somebody who can ask a venue, other than over its socket, when markets last traded.
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

/// Whether the venue has something of `channel` that did not arrive, its market having last traded at `traded`;
/// `None` if that cannot be told.
pub(super) fn is_behind(
    cache: &RealtimeCache,
    channel: &Channel,
    traded: Timestamp,
    now: Timestamp,
) -> Option<bool> {
    let symbol = &channel.symbol;
    Some(match channel.kind {
        // There are venues whose sockets tell the time less exactly than their pages.
        StreamKind::Trade => cache.trade(symbol)?.time.as_millis() < traded.as_millis(),
        StreamKind::Ticker => {
            let ticker = cache.ticker(symbol)?;
            ticker.trade_time.max(ticker.time) < traded
        }
        // A trade takes something out of the book, or is the end of something that was in it.
        StreamKind::Book => cache.book(symbol)?.time.plus(MAX_CLOCK_SKEW) < traded,
        // A band stays where it is while prices do, however much is traded; only where nothing is, none is due.
        StreamKind::Band => return (traded <= cache.band(symbol)?.received).then_some(false),
        // There are venues that tell of a candle only when it is over.
        StreamKind::Candle(_) => {
            last_received(cache, channel)?.plus(MAX_CLOCK_SKEW) < traded
                && traded.plus(MAX_CANDLE_DELAY) < now
        }
    })
}

/// When the latest value of `channel` was received; `None` if there is none.
pub(super) fn last_received(cache: &RealtimeCache, channel: &Channel) -> Option<Timestamp> {
    use market_backbone_core::FeedEvent;
    if channel.symbol.is_any() {
        return last_received(cache, cache.recent_wildcard_channels(channel.kind, 1).first()?);
    }
    match cache.event(channel)? {
        FeedEvent::Trade(trade) | FeedEvent::Snapshot(trade) => Some(trade.received),
        FeedEvent::Ticker(ticker) => Some(ticker.received),
        FeedEvent::Book(book) => Some(book.received),
        FeedEvent::Band(band) => Some(band.received),
        FeedEvent::Candle { received, .. } => Some(received),
        _ => None,
    }
}

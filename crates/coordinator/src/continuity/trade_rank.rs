//! Where a trade stands among those of its market.

use market_backbone_core::{Timestamp, Trade, TradeId};

/// Where a trade stands among those of its market: numbers rise with time, and say more than it; of texts the order
/// means something only within a moment, and a socket may know its time in milliseconds only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TradeRank(i64, TradeId);

impl TradeRank {
    pub(super) fn of(trade: &Trade) -> Self {
        Self::new(&trade.id, trade.time)
    }

    pub(super) fn new(id: &TradeId, time: Timestamp) -> Self {
        let first = match id {
            TradeId::Number(number) => *number,
            TradeId::Text(_) => time.as_millis(),
        };
        Self(first, id.clone())
    }

    pub(super) const fn id(&self) -> &TradeId {
        &self.1
    }
}

/// A trade that is known to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownTrade {
    pub(super) rank: TradeRank,
    pub(super) time: Timestamp,
}

impl KnownTrade {
    pub(super) fn of(trade: &Trade) -> Self {
        Self { rank: TradeRank::of(trade), time: trade.time }
    }
}

/// The name that follows `id`: a page of trades before it begins with that very one.
pub(super) fn successor_id(id: &TradeId) -> TradeId {
    match id {
        TradeId::Number(number) => TradeId::Number(number.saturating_add(1)),
        TradeId::Text(text) => TradeId::Text(format!("{text}~").into()),
    }
}

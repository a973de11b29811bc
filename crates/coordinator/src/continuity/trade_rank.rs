//! The order of trades within their market.

use market_backbone_core::{Timestamp, Trade, TradeId};

/// The rank of a trade within its market. Numeric ids rise with time and are more precise than it. The order of
/// text ids matters only within one moment, and a socket may send that time in milliseconds only.
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

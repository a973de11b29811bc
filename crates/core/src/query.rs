//! Queries and subscriptions, validated when they are made.

mod prior_claims;

pub use self::prior_claims::PriorClaims;

use crate::{Channel, Priority, Series, StreamKind, Symbol, TimeError, TimeRange, Timestamp};

/// The most candles one query may ask for.
pub const MAX_COUNT: usize = 10_000_000;

/// The selection of candles of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The newest `count` that exist and open before `before` (now, if `None`), looking no further back than
    /// `floor`.
    Last {
        /// The number of existing candles; slots without a trade do not count.
        count: usize,
        /// The exclusive upper end of the open times.
        before: Option<Timestamp>,
        /// The inclusive lower end of the open times.
        floor: Timestamp,
    },
    /// All candles whose slot opens in the range.
    Range(TimeRange),
}

/// The choice whether the forming candle belongs to the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forming {
    /// The forming candle comes last, is not final, and counts.
    #[default]
    Include,
    /// The answer holds only candles whose slot has ended.
    Exclude,
}

/// A position in the order in which a source's pages arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSequence(pub u64);

/// A query for candles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandleQuery {
    /// The series of the candles.
    pub series: Series,
    /// The selection of candles. Invariant: a count is 1 to [`MAX_COUNT`].
    selection: Selection,
    /// The choice whether the forming candle belongs to the answer.
    pub forming: Forming,
    /// The priority of the query.
    pub priority: Priority,
    /// The moment the answer describes, or `None` for now.
    pub as_of: Option<Timestamp>,
    /// Unconfirmed results of earlier answers. They change how often the venue is asked, and nothing else.
    pub prior_claims: PriorClaims,
    /// The [position](crate::CandleSource::page_sequence) in the source's page order from which pages may serve
    /// the query, or `None` for the moment at which the source is asked. A caller that looks at a store before it
    /// asks the source sets it, because pages that a concurrent query has fetched meanwhile may not be in the
    /// store yet.
    pub pages_since: Option<PageSequence>,
}

impl CandleQuery {
    /// Asks for the newest `count` candles.
    ///
    /// # Errors
    ///
    /// [`QueryError::Count`] if `count` is zero or beyond [`MAX_COUNT`].
    pub fn last(series: Series, count: usize) -> Result<Self, QueryError> {
        if count == 0 || count > MAX_COUNT {
            return Err(QueryError::Count(count));
        }
        Ok(Self::of(series, Selection::Last { count, before: None, floor: Timestamp::MIN }))
    }

    /// Asks for the candles that open from `from` up to but without `to`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Time`] if `to` is not after `from`.
    pub fn range(series: Series, from: Timestamp, to: Timestamp) -> Result<Self, QueryError> {
        Ok(Self::within(series, TimeRange::new(from, to)?))
    }

    /// Asks for the candles that open within `range`.
    #[must_use]
    pub fn within(series: Series, range: TimeRange) -> Self {
        Self::of(series, Selection::Range(range))
    }

    fn of(series: Series, selection: Selection) -> Self {
        let (forming, priority) = (Forming::default(), Priority::default());
        Self {
            series,
            selection,
            forming,
            priority,
            as_of: None,
            prior_claims: PriorClaims::default(),
            pages_since: None,
        }
    }

    /// Looks back from `before` instead of from now. It has no effect on a range.
    #[must_use]
    pub fn before(mut self, moment: Timestamp) -> Self {
        if let Selection::Last { before, .. } = &mut self.selection {
            *before = Some(moment);
        }
        self
    }

    /// Looks back no further than `moment`. It has no effect on a range.
    #[must_use]
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        if let Selection::Last { floor, .. } = &mut self.selection {
            *floor = moment;
        }
        self
    }

    /// Leaves out the forming candle.
    #[must_use]
    pub fn closed(self) -> Self {
        self.forming(Forming::Exclude)
    }

    /// Sets whether the forming candle belongs to the answer.
    #[must_use]
    pub fn forming(mut self, forming: Forming) -> Self {
        self.forming = forming;
        self
    }

    /// Sets the priority of the query.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Asks for the candles of slots that had ended by `moment`, as the store kept them at that time: later
    /// corrections are not included. A slot that the store first saw after `moment` reads as it was first stored.
    /// A source without a store answers as of now.
    #[must_use]
    pub fn as_of(mut self, moment: Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Passes on the unconfirmed results of earlier answers.
    #[must_use]
    pub fn prior_claims(mut self, prior_claims: PriorClaims) -> Self {
        self.prior_claims = prior_claims;
        self
    }

    /// Sets the position from which pages may serve the query.
    #[must_use]
    pub fn pages_since(mut self, pages_since: Option<PageSequence>) -> Self {
        self.pages_since = pages_since;
        self
    }

    /// Returns the selection of candles.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection
    }
}

/// The delivery policy for a reader that falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// Every event in order. When `capacity` of them wait, the oldest is dropped and the reader receives the
    /// number of dropped events ([`FeedEvent::Lagged`](crate::FeedEvent::Lagged)).
    ///
    /// A stream takes the next few events over at once, up to an eighth of `capacity` and 64. They count as waiting, but
    /// are delivered even if younger ones are dropped.
    Buffered {
        /// The number of events that may wait.
        capacity: usize,
    },
    /// The latest event of each channel. A replaced event does not count as missed. Trades are conflated
    /// too.
    Conflated,
}

impl Delivery {
    /// Returns the number of events that may wait, which is at least 1; `None` if only the latest one of each channel
    /// waits.
    #[must_use]
    pub const fn capacity(self) -> Option<usize> {
        match self {
            Self::Buffered { capacity: 0 } => Some(1),
            Self::Buffered { capacity } => Some(capacity),
            Self::Conflated => None,
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self::Buffered { capacity: 4_096 }
    }
}

/// A subscription to live data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    // Invariant: not empty, sorted, no channel twice.
    channels: Vec<Channel>,
    /// The policy for when the reader falls behind.
    pub delivery: Delivery,
    /// The priority of the subscription.
    pub priority: Priority,
    /// `true` to deliver slots without a trade as bars, marked as quiet.
    pub includes_quiet_bars: bool,
}

impl Subscription {
    /// Subscribes to all `kinds` of all `symbols`.
    ///
    /// # Errors
    ///
    /// [`QueryError::EmptySubscription`] if there is no symbol or no kind.
    pub fn new(
        symbols: impl IntoIterator<Item = Symbol>,
        kinds: impl IntoIterator<Item = StreamKind>,
    ) -> Result<Self, QueryError> {
        let kinds: Vec<_> = kinds.into_iter().collect();
        let each = |symbol: Symbol| {
            kinds.iter().map(move |kind| Channel { symbol: symbol.clone(), kind: *kind }).collect::<Vec<_>>()
        };
        let mut channels: Vec<_> = symbols.into_iter().flat_map(each).collect();
        channels.sort();
        channels.dedup();
        if channels.is_empty() {
            return Err(QueryError::EmptySubscription);
        }
        Ok(Self {
            channels,
            delivery: Delivery::default(),
            priority: Priority::default(),
            includes_quiet_bars: false,
        })
    }

    /// Returns the same subscription with each channel replaced by the one that the venue must stream for it.
    #[must_use]
    pub fn as_streamed(&self) -> Self {
        let streamed = |channel: &Channel| Channel { kind: channel.kind.streamed_as(), ..channel.clone() };
        let mut channels: Vec<_> = self.channels.iter().map(streamed).collect();
        channels.sort();
        channels.dedup();
        Self { channels, ..self.clone() }
    }

    /// Returns the channels of the subscription, sorted.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }
}

/// The reason why a query is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The count is zero or beyond [`MAX_COUNT`].
    #[error("cannot fetch {0} candles; ask for 1 to {MAX_COUNT}")]
    Count(usize),
    /// The range is empty or runs backwards.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// The range of a stream of candles has no beginning. A stream of the newest candles needs none.
    #[error(
        "a stream of a range needs a beginning; name one, such as 2017-01-01, or ask for the newest candles by their number"
    )]
    OpenStart,
    /// The subscription names no market or no kind of data.
    #[error("nothing to subscribe to; name at least one market and one kind of data")]
    EmptySubscription,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timeframe, VenueId};

    fn symbol(code: &str) -> Symbol {
        Symbol::new(VenueId::new("upbit"), code).unwrap()
    }

    #[test]
    fn nonsense_cannot_be_asked() {
        let series = Series::new(symbol("KRW-BTC"), Timeframe::M1);
        assert_eq!(CandleQuery::last(series.clone(), 0), Err(QueryError::Count(0)));
        assert!(CandleQuery::last(series.clone(), MAX_COUNT + 1).is_err());
        let (early, late) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        assert!(CandleQuery::range(series.clone(), late, early).is_err());
        assert!(CandleQuery::range(series, early, late).is_ok());
        assert_eq!(Subscription::new([], [StreamKind::Trade]), Err(QueryError::EmptySubscription));
    }

    #[test]
    fn a_channel_is_subscribed_to_once() {
        let twice = [symbol("KRW-ETH"), symbol("KRW-BTC"), symbol("KRW-ETH")];
        let subscription = Subscription::new(twice, [StreamKind::Trade]).unwrap();
        let codes: Vec<_> = subscription.channels().iter().map(|channel| channel.symbol.code()).collect();
        assert_eq!(codes, ["KRW-BTC", "KRW-ETH"]);
    }
}

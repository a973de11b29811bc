//! What a program asks for, checked when it is written down.

mod prior_claims;

pub use self::prior_claims::PriorClaims;

use crate::{Channel, Priority, Series, StreamKind, Symbol, TimeError, TimeRange, Timestamp};

/// The most candles one query may name: more is a mistake, not a wish.
pub const MAX_COUNT: usize = 10_000_000;

/// Which candles of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The newest `count` that exist and open before `before` (now, if `None`), looking no further back than `floor`.
    Last {
        /// How many existing candles; slots without a trade do not count.
        count: usize,
        /// Exclusive; on open times.
        before: Option<Timestamp>,
        /// Inclusive; on open times.
        floor: Timestamp,
    },
    /// All whose slot opens in the range.
    Range(TimeRange),
}

/// Whether the candle in progress belongs to the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forming {
    /// It comes last, not final, and counts.
    #[default]
    Include,
    /// Only candles whose slot has ended.
    Exclude,
}

/// A point in the order in which a source's pages land.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageSequence(pub u64);

/// A question for candles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandleQuery {
    /// Of which series.
    pub series: Series,
    /// Which of them. Invariant: a count is 1 to [`MAX_COUNT`].
    selection: Selection,
    /// What about the candle in progress.
    pub forming: Forming,
    /// How urgently.
    pub priority: Priority,
    /// Of what moment the answer shall be; `None` for now.
    pub as_of: Option<Timestamp>,
    /// What answers have said of it already, short of a proof. It changes how often the venue is asked, and nothing else.
    pub prior_claims: PriorClaims,
    /// When it was put, as a [landmark](crate::CandleSource::page_sequence) of the source that is asked: pages that have landed
    /// since may serve it. `None` if it is put as it is asked. Who looks at a store before asking says it, for what a
    /// question that was put at the same time has fetched meanwhile may not be in the store yet.
    pub pages_since: Option<PageSequence>,
}

impl CandleQuery {
    /// The newest `count` candles.
    ///
    /// # Errors
    ///
    /// [`QueryError::RowCount`] if `count` is zero or beyond [`MAX_COUNT`].
    pub fn last(series: Series, count: usize) -> Result<Self, QueryError> {
        if count == 0 || count > MAX_COUNT {
            return Err(QueryError::Count(count));
        }
        Ok(Self::of(series, Selection::Last { count, before: None, floor: Timestamp::MIN }))
    }

    /// The candles that open from `from` up to but without `to`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Time`] if `to` is not after `from`.
    pub fn range(series: Series, from: Timestamp, to: Timestamp) -> Result<Self, QueryError> {
        Ok(Self::within(series, TimeRange::new(from, to)?))
    }

    /// The candles that open within `range`.
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

    /// Looks back from `before` instead of from now. Of no effect on a range.
    #[must_use]
    pub fn before(mut self, moment: Timestamp) -> Self {
        if let Selection::Last { before, .. } = &mut self.selection {
            *before = Some(moment);
        }
        self
    }

    /// Looks back no further than `moment`. Of no effect on a range.
    #[must_use]
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        if let Selection::Last { floor, .. } = &mut self.selection {
            *floor = moment;
        }
        self
    }

    /// Leaves out the candle in progress.
    #[must_use]
    pub fn closed(self) -> Self {
        self.forming(Forming::Exclude)
    }

    /// Says what about the candle in progress.
    #[must_use]
    pub fn forming(mut self, forming: Forming) -> Self {
        self.forming = forming;
        self
    }

    /// Says how urgently.
    #[must_use]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Wants the candles of slots that had ended by `moment`, as a store has kept them from then: what was corrected
    /// later reads as it did before. What no store had seen by then reads as it was first seen after. A source that keeps
    /// nothing answers as of now.
    #[must_use]
    pub fn as_of(mut self, moment: Timestamp) -> Self {
        self.as_of = Some(moment);
        self
    }

    /// Hands down what answers have said of it already.
    #[must_use]
    pub fn prior_claims(mut self, prior_claims: PriorClaims) -> Self {
        self.prior_claims = prior_claims;
        self
    }

    /// Says when it was put.
    #[must_use]
    pub fn pages_since(mut self, pages_since: Option<PageSequence>) -> Self {
        self.pages_since = pages_since;
        self
    }

    /// Which candles.
    #[must_use]
    pub fn selection(&self) -> Selection {
        self.selection
    }
}

/// What a reader gets when it falls behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Every event in order; when `depth` of them wait, the oldest is dropped and the reader told how many
    /// ([`FeedEvent::Lagged`](crate::FeedEvent::Lagged)).
    Buffered {
        /// How many events may wait.
        capacity: usize,
    },
    /// The latest of each channel; what it replaces is not missed. Trades are conflated too.
    Conflated,
}

impl Default for Delivery {
    fn default() -> Self {
        Self::Buffered { capacity: 4_096 }
    }
}

/// A wish for live data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    // Invariant: not empty, sorted, no channel twice.
    channels: Vec<Channel>,
    /// What happens when the reader falls behind.
    pub delivery: Delivery,
    /// How urgently.
    pub priority: Priority,
    /// Whether slots without a trade are told as bars, marked as quiet.
    pub includes_quiet_bars: bool,
}

impl Subscription {
    /// All `kinds` of all `symbols`.
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

    /// The same, with each channel replaced by what the venue must stream for it.
    #[must_use]
    pub fn as_streamed(&self) -> Self {
        let streamed = |channel: &Channel| Channel { kind: channel.kind.streamed_as(), ..channel.clone() };
        let mut channels: Vec<_> = self.channels.iter().map(streamed).collect();
        channels.sort();
        channels.dedup();
        Self { channels, ..self.clone() }
    }

    /// What is wished for.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }
}

/// Why a question makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A count of zero, or absurdly large.
    #[error("cannot fetch {0} candles; ask for 1 to {MAX_COUNT}")]
    Count(usize),
    /// The range is empty or runs backwards.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// No market or no kind of data was named.
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
    fn a_channel_is_wished_for_once() {
        let twice = [symbol("KRW-ETH"), symbol("KRW-BTC"), symbol("KRW-ETH")];
        let wish = Subscription::new(twice, [StreamKind::Trade]).unwrap();
        let codes: Vec<_> = wish.channels().iter().map(|channel| channel.symbol.code()).collect();
        assert_eq!(codes, ["KRW-BTC", "KRW-ETH"]);
    }
}

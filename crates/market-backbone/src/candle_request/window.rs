//! The window of a request for candles, which selects them. Its type decides which methods exist, so that a
//! count and a range cannot contradict each other.

use market_backbone_core::{CandleQuery, QueryError, Series, TimeError, TimeRange, Timestamp};

/// The number of candles that a request without a window asks for.
const DEFAULT_COUNT: usize = 200;

/// A window of candles: the default one, the newest ones, or a range. It is sealed.
pub trait CandleWindow: sealed::Window {}

impl<W: sealed::Window> CandleWindow for W {}

/// The default window: the newest 200 candles.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DefaultWindow;

/// The window of [`last`](super::CandleRequest::last): the newest existing candles, perhaps before a moment.
#[derive(Clone, Debug)]
pub struct LastWindow {
    pub(super) count: usize,
    pub(super) before: Option<Result<Timestamp, TimeError>>,
}

/// The window of [`range`](super::CandleRequest::range): all candles that open within a time range.
#[derive(Clone, Debug)]
pub struct RangeWindow(pub(super) Result<TimeRange, TimeError>);

/// A window that is chosen at run time; see [`any_window`](super::CandleRequest::any_window).
#[derive(Clone, Debug)]
pub struct AnyWindow(Choice);

#[derive(Clone, Debug)]
enum Choice {
    Last(LastWindow),
    Range(RangeWindow),
}

pub(crate) mod sealed {
    use super::{AnyWindow, CandleQuery, QueryError, Series, TimeError, TimeRange};

    /// The part of a window that the request needs.
    pub trait Window: Clone + std::fmt::Debug + Send + Sync + 'static {
        /// Returns the query for the candles of `series` in this window.
        fn query(&self, series: Series) -> Result<CandleQuery, QueryError>;

        /// Returns the time range beyond which the window does not reach.
        fn bounds(&self) -> Result<TimeRange, TimeError>;

        /// Returns the same window without its type.
        fn into_any(self) -> AnyWindow;
    }
}

use sealed::Window;

impl Window for DefaultWindow {
    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        CandleQuery::last(series, DEFAULT_COUNT)
    }

    fn bounds(&self) -> Result<TimeRange, TimeError> {
        Ok(TimeRange::ALL)
    }

    fn into_any(self) -> AnyWindow {
        LastWindow { count: DEFAULT_COUNT, before: None }.into_any()
    }
}

impl Window for LastWindow {
    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        let query = CandleQuery::last(series, self.count)?;
        let Some(before) = self.before.clone().transpose()? else { return Ok(query) };
        self.bounds()?;
        Ok(query.before(before))
    }

    fn bounds(&self) -> Result<TimeRange, TimeError> {
        TimeRange::new(Timestamp::MIN, self.before.clone().transpose()?.unwrap_or(Timestamp::MAX))
    }

    fn into_any(self) -> AnyWindow {
        AnyWindow(Choice::Last(self))
    }
}

impl Window for RangeWindow {
    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        Ok(CandleQuery::within(series, self.bounds()?))
    }

    fn bounds(&self) -> Result<TimeRange, TimeError> {
        self.0.clone()
    }

    fn into_any(self) -> AnyWindow {
        AnyWindow(Choice::Range(self))
    }
}

impl Window for AnyWindow {
    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        match &self.0 {
            Choice::Last(window) => window.query(series),
            Choice::Range(window) => window.query(series),
        }
    }

    fn bounds(&self) -> Result<TimeRange, TimeError> {
        match &self.0 {
            Choice::Last(window) => window.bounds(),
            Choice::Range(window) => window.bounds(),
        }
    }

    fn into_any(self) -> AnyWindow {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, Timeframe, VenueId};

    fn series() -> Series {
        Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1)
    }

    #[test]
    fn a_window_that_makes_no_sense_is_an_error_of_the_query() {
        let last = |count, before| LastWindow { count, before }.query(series());
        assert_eq!(last(0, None), Err(QueryError::Count(0)));
        assert!(last(1, Some(Ok(Timestamp::EPOCH))).is_ok());
        assert!(matches!(
            last(1, Some(Ok(Timestamp::MIN))),
            Err(QueryError::Time(TimeError::Backwards { .. }))
        ));
        let soon = || TimeError::Unreadable("soon".to_owned());
        assert_eq!(last(1, Some(Err(soon()))), Err(QueryError::Time(soon())));
        assert_eq!(RangeWindow(Err(soon())).into_any().query(series()), Err(QueryError::Time(soon())));
    }

    #[test]
    fn a_window_chosen_at_run_time_asks_the_same() {
        let range = RangeWindow(TimeRange::of_bounds("2026-11-01".."2026-11-02"));
        assert_eq!(range.clone().into_any().query(series()), range.query(series()));
        let last = LastWindow { count: 5, before: Some(Ok(Timestamp::EPOCH)) };
        assert_eq!(last.clone().into_any().query(series()), last.query(series()));
        assert_eq!(DefaultWindow.into_any().query(series()), DefaultWindow.query(series()));
    }
}

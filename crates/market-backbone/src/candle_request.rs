//! A request for candles, built step by step and sent by `.await`.

pub(crate) mod fetch;
pub(crate) mod window;

use std::fmt;
use std::future::IntoFuture;
use std::ops::RangeBounds;
use std::time::Duration;

use futures::future::BoxFuture;
use market_backbone_core::{
    CandleQuery, CandleSet, Coverage, Forming, Series, SymbolError, TimeError, TimeRange, Timestamp,
};
use market_backbone_routing::RequestOptions;

use self::fetch::{FetchSettings, ProgressCallback, ProgressReporter};
use self::window::{AnyWindow, CandleWindow, DefaultWindow, LastWindow, RangeWindow};
use crate::candle_stream::StreamWindow;
use crate::{Backbone, CandleStream, Error, Plan, Progress};

/// A request for candles, which `.await` sends.
///
/// [`last`](Self::last) requests the newest candles, [`range`](Self::range) those of a time range; without
/// either it requests the newest 200. The two have different types, so that a count of a range cannot be
/// written.
///
/// ```no_run
/// # use market_backbone::{Client, Error, Timeframe};
/// # async fn run(client: Client) -> Result<(), Error> {
/// let newest = client.candles("KRW-BTC", Timeframe::M1).last(400).closed().await?;
/// let january = client.candles("KRW-BTC", Timeframe::H1).range("2026-01-01".."2026-02-01").await?;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail
/// # use market_backbone::{Client, Timeframe};
/// # fn run(client: Client) {
/// client.candles("KRW-BTC", Timeframe::H1).range("2026-01-01".."2026-02-01").last(400);
/// # }
/// ```
#[must_use = "nothing is asked until it is awaited"]
pub struct CandleRequest<W = AnyWindow> {
    series: Result<Series, SymbolError>,
    window: W,
    settings: FetchSettings,
    progress: Option<ProgressCallback>,
}

impl CandleRequest<DefaultWindow> {
    pub(crate) fn new(
        backbone: Backbone,
        series: Result<Series, SymbolError>,
        options: RequestOptions,
    ) -> Self {
        let settings =
            FetchSettings { backbone, options, forming: Forming::Include, as_of: None, adjusted: false };
        Self { series, window: DefaultWindow, settings, progress: None }
    }

    /// Requests the newest `count` existing candles. It may exceed the venue's page limit.
    pub fn last(self, count: usize) -> CandleRequest<LastWindow> {
        self.with_window(LastWindow { count, before: None })
    }

    /// Requests the candles that open within the bounds: `from..to`, `from..`, `..to` or `from..=to`.
    ///
    /// A bound is a [`Timestamp`], a `SystemTime`, a `jiff::Timestamp` or `jiff::Zoned`, or a text (RFC 3339,
    /// or a date for midnight UTC). An unreadable bound, and a range that is empty or runs backwards, is an
    /// [`Error::Query`] when the request is awaited. Without an end the range reaches to now, by the venue's
    /// clock.
    pub fn range<T>(self, bounds: impl RangeBounds<T>) -> CandleRequest<RangeWindow>
    where
        T: TryInto<Timestamp, Error: Into<TimeError>> + Clone,
    {
        self.with_window(RangeWindow(TimeRange::of_bounds(bounds)))
    }
}

impl CandleRequest<LastWindow> {
    /// Requests the newest candles that open before `moment`, which is given like a bound of
    /// [`range`](CandleRequest::range).
    pub fn before(mut self, moment: impl TryInto<Timestamp, Error: Into<TimeError>>) -> Self {
        self.window.before = Some(moment.try_into().map_err(Into::into));
        self
    }

    /// Requests the newest candles in chunks of `chunk_candles` each, oldest first, for more than fit in memory.
    ///
    /// Where they begin is known only when all of them have been fetched. So the first chunk comes after that, and the
    /// chunks are read from the store: a stream of [a range](CandleRequest::range) begins at once. At most two chunks are
    /// held at a time. Candles that have opened meanwhile are in the last chunk.
    pub fn stream(self, chunk_candles: usize) -> CandleStream {
        let window = StreamWindow::Last(self.window);
        CandleStream::new(self.series, window, self.settings, self.progress, chunk_candles)
    }
}

impl CandleRequest<RangeWindow> {
    /// Requests the range in chunks of `chunk_slots` slots each, oldest first, for ranges that do not fit in
    /// memory.
    ///
    /// At most two chunks are held at a time, the one being returned and the next one, however slow the reader
    /// is. [`CandleStream`] says how to resume after a stream has ended.
    pub fn stream(self, chunk_slots: usize) -> CandleStream {
        let window = StreamWindow::Range(self.window);
        CandleStream::new(self.series, window, self.settings, self.progress, chunk_slots)
    }
}

impl<W: CandleWindow> CandleRequest<W> {
    /// Leaves out what may still change: the forming candle, and those of slots that have ended and are not
    /// final yet, by the venue's clock. Where the venue corrects its live data, recorded bars are included
    /// before they are final.
    pub fn closed(mut self) -> Self {
        self.settings.forming = Forming::Exclude;
        self
    }

    /// Requests the candles of slots that had ended by `moment`, as the store held them then: what a live
    /// program knew.
    ///
    /// A later correction is not applied, and a slot that was proven empty then is empty. Two answers as of two
    /// moments differ exactly by the slots that ended between them and by the corrections stored between them.
    ///
    /// Only the store of this machine knows the past. Slots it does not know are fetched from the venue as
    /// usual, and read as they were first stored, even if that was after `moment`. The same holds for what was
    /// fetched after it, what was forgotten since, and corrections made before this store first saw a slot.
    /// Corrections of candles of another timeframe, or copied from a shared database or an archive, were not
    /// seen here. Later disputes are not reported.
    pub fn as_of(mut self, moment: impl TryInto<Timestamp, Error: Into<TimeError>>) -> Self {
        self.settings.as_of = Some(moment.try_into().map_err(Into::into));
        self
    }

    /// Adjusts prices and volumes from before a split to the shares after it. Stored data stays as it was
    /// traded; the splits of a share are fetched once a day. With [`as_of`](Self::as_of) only splits count that
    /// had taken effect by then. Coins are not split: theirs stay as they are. Dividends are not taken out of
    /// prices.
    ///
    /// A week, month or year that a split falls into is computed from its days, each in new shares. This costs
    /// one request for each such candle whose days are not known yet. If they are not completely available, the
    /// candle is left out, its slot is [unknown](crate::Slot::Unknown), and a warning is logged.
    pub fn adjusted(mut self) -> Self {
        self.settings.adjusted = true;
        self
    }

    /// Requires the answer within `limit`, as [`Client::timeout`](crate::Client::timeout). It applies to each
    /// chunk of a stream.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.settings.options = self.settings.options.timeout(Some(limit));
        self
    }

    /// Reports the progress: before the first request, each time a part arrives, and at the end.
    pub fn on_progress(mut self, report: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(report));
        self
    }

    /// Removes the type of the window, for a program that chooses a count or a range at run time.
    pub fn any_window(self) -> CandleRequest<AnyWindow> {
        let window = window::sealed::Window::into_any(self.window.clone());
        self.with_window(window)
    }

    /// Estimates the cost of the answer without a request: pages, requests by rate limit group, and the time it
    /// will take.
    ///
    /// # Errors
    ///
    /// If the request is invalid, or the store cannot be read. An unknown market is not noticed.
    pub async fn plan(self) -> Result<Plan, Error> {
        self.settings.backbone.plan(&self.query()?).await
    }

    /// Returns what is known of the series within the window, without a request. The window of a count is all time
    /// before its end.
    ///
    /// It is what an answer would be made of: candles in the stores, and candles that can be computed from stored
    /// shorter ones. The spans of the latter have the origin [`Derived`](crate::Origin::Derived). A request for any
    /// known range costs nothing (with a shared database, a derived range between stored ones may be fetched with them).
    ///
    /// # Errors
    ///
    /// If the request is invalid, the timeframe is not to be had, or the store cannot be read.
    pub async fn coverage(self) -> Result<Coverage, Error> {
        let query = self.query()?;
        let stack = self.settings.backbone.stack();
        let known = stack.candles.known(&query, stack.shared_tier.as_deref()).await?;
        let asked = self.window.bounds()?;
        let grid = self.settings.backbone.grid();
        let end = query.as_of.map_or(Timestamp::MAX, |moment| grid.floor(query.series.timeframe, moment));
        Ok(match TimeRange::new(asked.from(), asked.to().min(end)) {
            Ok(range) => known.within(range),
            Err(_) => Coverage::empty(),
        })
    }

    pub(crate) fn query(&self) -> Result<CandleQuery, Error> {
        let query = self.window.query(self.series.clone()?)?;
        Ok(self.settings.applied_to(query)?)
    }

    /// Returns the same request for another market, without its callback.
    pub(crate) fn about(&self, series: Result<Series, SymbolError>) -> Self {
        let (window, settings) = (self.window.clone(), self.settings.clone());
        Self { series, window, settings, progress: None }
    }

    async fn send(self) -> Result<CandleSet, Error> {
        let query = self.query()?;
        let progress = match self.progress {
            Some(callback) => Some(ProgressReporter::begin(callback, &self.settings.backbone, &query).await?),
            None => None,
        };
        let set = self.settings.fetch(query, progress.as_ref()).await?;
        if let Some(progress) = &progress {
            progress.finish();
        }
        Ok(set)
    }
}

impl<W> CandleRequest<W> {
    fn with_window<V>(self, window: V) -> CandleRequest<V> {
        CandleRequest { series: self.series, window, settings: self.settings, progress: self.progress }
    }
}

impl<W: CandleWindow> IntoFuture for CandleRequest<W> {
    type Output = Result<CandleSet, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<W: fmt::Debug> fmt::Debug for CandleRequest<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleRequest")
            .field("series", &self.series)
            .field("window", &self.window)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

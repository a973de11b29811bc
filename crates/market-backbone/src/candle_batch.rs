//! The same request for candles of many markets, sent in parallel.

use std::fmt;
use std::ops::RangeBounds;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use market_backbone_core::{CandleSet, Series, TimeError, Timeframe, Timestamp};

use crate::candle_request::window::{AnyWindow, CandleWindow, DefaultWindow, LastWindow, RangeWindow};
use crate::{CandleRequest, Client, Error, MarketList};

/// The number of markets in flight: enough to use the venue's rate limit, few enough to hold their answers in
/// memory.
const MARKETS_IN_FLIGHT: usize = 8;

/// A request for candles of many markets, created by [`Client::candles_of`].
///
/// It is built like a [`CandleRequest`], and [`stream`](Self::stream) sends it.
#[must_use = "nothing is asked until its stream is polled"]
#[derive(Debug)]
pub struct CandleBatch<W = AnyWindow> {
    client: Client,
    markets: Vec<String>,
    timeframes: Vec<Timeframe>,
    /// The request without a market.
    template: CandleRequest<W>,
}

/// The timeframes of a [`CandleBatch`]: one, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeframeList(Vec<Timeframe>);

impl From<Timeframe> for TimeframeList {
    fn from(timeframe: Timeframe) -> Self {
        Self(vec![timeframe])
    }
}

impl<const N: usize> From<[Timeframe; N]> for TimeframeList {
    fn from(timeframes: [Timeframe; N]) -> Self {
        Self(timeframes.into())
    }
}

impl From<&[Timeframe]> for TimeframeList {
    fn from(timeframes: &[Timeframe]) -> Self {
        Self(timeframes.into())
    }
}

impl From<Vec<Timeframe>> for TimeframeList {
    fn from(timeframes: Vec<Timeframe>) -> Self {
        Self(timeframes)
    }
}

/// The answer to one of the requests of a [`CandleBatch`].
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchAnswer {
    /// The name of the market, as it was given.
    pub market: String,
    /// The timeframe that was requested.
    pub timeframe: Timeframe,
    /// The candles, or why there are none.
    pub candles: Result<CandleSet, Error>,
}

impl Client {
    /// Requests candles of many markets at once, of one timeframe or of several; the number or range is set as for
    /// [`candles`](Self::candles).
    ///
    /// ```no_run
    /// # use market_backbone::{Client, Error, Timeframe};
    /// # async fn run(client: Client) -> Result<(), Error> {
    /// let mut answers = client.candles_of(["KRW-BTC", "KRW-ETH"], Timeframe::M1).last(400).closed().stream();
    /// while let Some((market, answer)) = answers.next().await {
    ///     println!("{market}: {} candles", answer?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A screener that has all of it in memory gets all of it in one call:
    ///
    /// ```no_run
    /// # use market_backbone::{Client, Error, Timeframe};
    /// # async fn run(client: Client, markets: Vec<String>) -> Result<(), Error> {
    /// let frames = [Timeframe::M1, Timeframe::M5, Timeframe::H1];
    /// for answer in client.candles_of(markets, frames).last(200).closed().all().await {
    ///     let candles = answer.candles?;
    ///     let mean = candles.closes().iter().sum::<f64>() / candles.len() as f64;
    ///     println!("{} {}: {mean}", answer.market, answer.timeframe);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn candles_of<How>(
        &self,
        markets: impl MarketList<How>,
        timeframes: impl Into<TimeframeList>,
    ) -> CandleBatch<DefaultWindow> {
        let (markets, TimeframeList(timeframes)) = (markets.into_names(), timeframes.into());
        // Each request gets its own series; this one only holds the settings.
        let template = self.candles("", Timeframe::M1);
        CandleBatch { client: self.clone(), markets, timeframes, template }
    }
}

impl CandleBatch<DefaultWindow> {
    /// Requests the newest `count` of each market, as [`CandleRequest::last`].
    pub fn last(self, count: usize) -> CandleBatch<LastWindow> {
        self.map(|request| request.last(count))
    }

    /// Requests the candles of each market that open within the bounds, as [`CandleRequest::range`].
    pub fn range<T>(self, bounds: impl RangeBounds<T>) -> CandleBatch<RangeWindow>
    where
        T: TryInto<Timestamp, Error: Into<TimeError>> + Clone,
    {
        self.map(|request| request.range(bounds))
    }
}

impl CandleBatch<LastWindow> {
    /// Requests the newest that open before `moment`, as [`CandleRequest::before`].
    pub fn before(self, moment: impl TryInto<Timestamp, Error: Into<TimeError>>) -> Self {
        self.map(|request| request.before(moment))
    }
}

impl<W: CandleWindow> CandleBatch<W> {
    /// Leaves out what may still change, as [`CandleRequest::closed`].
    pub fn closed(self) -> Self {
        self.map(CandleRequest::closed)
    }

    /// Requests the candles as they were known at `moment`, as [`CandleRequest::as_of`].
    pub fn as_of(self, moment: impl TryInto<Timestamp, Error: Into<TimeError>>) -> Self {
        self.map(|request| request.as_of(moment))
    }

    /// Adjusts prices from before a split to the shares after it, as [`CandleRequest::adjusted`].
    pub fn adjusted(self) -> Self {
        self.map(CandleRequest::adjusted)
    }

    /// Requires each answer within `limit` of its request, as [`CandleRequest::timeout`].
    pub fn timeout(self, limit: Duration) -> Self {
        self.map(|request| request.timeout(limit))
    }

    /// Sends the requests, a few markets at a time and within the venue's limit, and returns each answer as it
    /// arrives.
    ///
    /// Each market comes once for each timeframe, with its name as it was given, in the order in which answers
    /// arrive. A market that fails does not end the others. At most eight answers are held at a time, however slow the reader
    /// is.
    pub fn stream(self) -> CandleAnswers {
        let answers = self.answers().map(|(_, answer)| (answer.market, answer.candles));
        CandleAnswers(answers.boxed())
    }

    /// Sends the requests as [`stream`](Self::stream) does, and returns all answers at once: market by market in the
    /// given order, and for each the timeframes in theirs.
    ///
    /// What is in memory costs no task and no copy: the candles of an answer are shared with the cache where one of
    /// its blocks holds them. All answers are in memory when this returns.
    pub async fn all(self) -> Vec<BatchAnswer> {
        let mut answers: Vec<_> = self.answers().collect().await;
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Returns each answer, with its place in the order of the requests, as it arrives.
    fn answers(self) -> impl Stream<Item = (usize, BatchAnswer)> + Send + 'static {
        let Self { client, markets, timeframes, template } = self;
        let series = markets.into_iter().flat_map(move |market| {
            let pair = move |timeframe| (market.clone(), timeframe);
            timeframes.clone().into_iter().map(pair)
        });
        let requests = stream::iter(series.enumerate()).map(move |(place, (market, timeframe))| {
            let symbol = client.backbone().symbol(&market);
            let request = template.about(symbol.map(|symbol| Series::new(symbol, timeframe)));
            async move { (place, BatchAnswer { market, timeframe, candles: request.await }) }
        });
        requests.buffer_unordered(MARKETS_IN_FLIGHT)
    }

    fn map<V>(self, change: impl FnOnce(CandleRequest<W>) -> CandleRequest<V>) -> CandleBatch<V> {
        let Self { client, markets, timeframes, template } = self;
        CandleBatch { client, markets, timeframes, template: change(template) }
    }
}

/// The answers to a [`CandleBatch`], each with its market's name, as they arrive.
#[must_use = "nothing is asked until it is polled"]
pub struct CandleAnswers(BoxStream<'static, (String, Result<CandleSet, Error>)>);

impl CandleAnswers {
    /// Returns the next answer, or `None` when every market has come. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(String, Result<CandleSet, Error>)> {
        StreamExt::next(&mut self.0).await
    }
}

impl Stream for CandleAnswers {
    type Item = (String, Result<CandleSet, Error>);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl fmt::Debug for CandleAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleAnswers").finish_non_exhaustive()
    }
}

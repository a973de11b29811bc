//! The candles of a range, or the newest ones, in chunks: any number of them, in bounded memory.

mod newest;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use market_backbone_core::{
    CandleQuery, CandleSet, Grid, QueryError, Selection, Series, SymbolError, TimeError, TimeRange,
    Timeframe, Timestamp,
};

use crate::Error;
use crate::candle_request::fetch::{FetchSettings, ProgressCallback, ProgressReporter};
use crate::candle_request::window::{LastWindow, RangeWindow, sealed::Window};

/// The number of chunks that are fetched or wait for the reader: the next one is fetched while the reader
/// processes this one, and no more are held.
const CHUNKS_IN_FLIGHT: usize = 2;

/// The candles of a range, or the newest ones, in chunks, oldest first; created by
/// [`CandleRequest::stream`](crate::CandleRequest::stream).
///
/// Each item is an answer of its own, with its coverage, and each slot of the range is in exactly one of them.
/// A chunk without a candle is returned as well, because it holds the coverage of its slots. Work is done only
/// while the stream is polled. Dropping it abandons the requests in flight; parts that have arrived are kept by
/// the store.
///
/// The stream ends after an error. [`position`](Self::position) says where to resume, after an error as after a
/// crash:
///
/// ```no_run
/// # use market_backbone::{Client, Error, Timeframe, Timestamp};
/// # async fn run(client: Client, kept: Timestamp) -> Result<(), Error> {
/// let mut chunks = client.candles("KRW-BTC", Timeframe::M1).range(kept..).closed().stream(10_000);
/// while let Some(chunk) = chunks.next().await {
///     println!("{} candles; go on from {}", chunk?.len(), chunks.position());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is asked until it is polled"]
pub struct CandleStream {
    chunks: BoxStream<'static, Result<Chunk, Error>>,
    position: Timestamp,
    has_failed: bool,
}

/// A chunk, and the first slot after which it is not final.
struct Chunk {
    set: CandleSet,
    resume_at: Timestamp,
}

/// The window of a stream.
#[derive(Clone, Debug)]
pub(crate) enum StreamWindow {
    Range(RangeWindow),
    Last(LastWindow),
}

impl StreamWindow {
    fn bounds(&self) -> Result<TimeRange, TimeError> {
        match self {
            Self::Range(window) => window.bounds(),
            Self::Last(window) => window.bounds(),
        }
    }

    fn query(&self, series: Series) -> Result<CandleQuery, QueryError> {
        match self {
            Self::Range(window) => window.query(series),
            Self::Last(window) => window.query(series),
        }
    }
}

impl CandleStream {
    pub(crate) fn new(
        series: Result<Series, SymbolError>,
        window: StreamWindow,
        settings: FetchSettings,
        progress: Option<ProgressCallback>,
        chunk_slots: usize,
    ) -> Self {
        let position = window.bounds().map_or(Timestamp::MIN, TimeRange::from);
        let opened = async move { open(series, &window, settings, progress, chunk_slots).await };
        let chunks = stream::once(opened).flat_map(|opened| match opened {
            Ok(chunks) => chunks,
            Err(error) => stream::iter([Err(error)]).boxed(),
        });
        Self { chunks: chunks.boxed(), position, has_failed: false }
    }

    /// Returns the next chunk, or `None` at the end of the range or after an error.
    ///
    /// Dropping the future loses nothing: the next call continues with the same chunk.
    pub async fn next(&mut self) -> Option<Result<CandleSet, Error>> {
        StreamExt::next(self).await
    }

    /// Returns the moment from which a later request resumes: everything before it has been returned and will
    /// not change.
    ///
    /// A program that stores it together with its own results requests `position..` the next time, and sees
    /// every slot once. It lies before the end of the last chunk where candles were not final yet.
    #[must_use]
    pub const fn position(&self) -> Timestamp {
        self.position
    }
}

impl Stream for CandleStream {
    type Item = Result<CandleSet, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        self.chunks.poll_next_unpin(cx).map(|item| {
            Some(match item? {
                Ok(chunk) => {
                    self.position = chunk.resume_at;
                    Ok(chunk.set)
                }
                Err(error) => {
                    self.has_failed = true;
                    Err(error)
                }
            })
        })
    }
}

impl fmt::Debug for CandleStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandleStream").field("position", &self.position).finish_non_exhaustive()
    }
}

async fn open(
    series: Result<Series, SymbolError>,
    window: &StreamWindow,
    settings: FetchSettings,
    progress: Option<ProgressCallback>,
    chunk_slots: usize,
) -> Result<BoxStream<'static, Result<Chunk, Error>>, Error> {
    let series = series?;
    let whole = settings.applied_to(window.query(series.clone())?)?;
    let range = window.bounds()?;
    if matches!(window, StreamWindow::Range(_)) && range.from() == Timestamp::MIN {
        return Err(QueryError::OpenStart.into());
    }
    // The bounds are those of a count.
    CandleQuery::last(series.clone(), chunk_slots)?;
    let progress = match progress {
        Some(callback) => Some(ProgressReporter::begin(callback, &settings.backbone, &whole).await?),
        None => None,
    };
    Ok(match (window, whole.selection()) {
        (StreamWindow::Last(_), Selection::Last { count, before, .. }) => {
            let ask = (count, before);
            let ranges =
                newest::chunk_ranges(&series, ask, chunk_slots, &settings, progress.as_ref()).await?;
            if let Some(progress) = &progress {
                progress.finish(); // from here on they come from the store
            }
            chunks(series, ranges.into_iter(), settings, None)
        }
        _ => {
            let mut ranges = ChunkRanges {
                grid: settings.backbone.grid(),
                timeframe: series.timeframe,
                slots: i64::try_from(chunk_slots).unwrap_or(i64::MAX),
                rest: Some(range),
            };
            let now = settings.backbone.clone();
            let ranges = std::iter::from_fn(move || ranges.next(now.now()));
            chunks(series, ranges, settings, progress)
        }
    })
}

/// Fetches the chunks of `ranges`, which are in order and meet.
fn chunks(
    series: Series,
    ranges: impl Iterator<Item = TimeRange> + Send + 'static,
    settings: FetchSettings,
    progress: Option<ProgressReporter>,
) -> BoxStream<'static, Result<Chunk, Error>> {
    let (settings, progress) = (Arc::new(settings), progress.map(Arc::new));
    let finished = progress.clone();
    let fetches = stream::iter(ranges).map(move |range| {
        let (series, settings, progress) = (series.clone(), Arc::clone(&settings), progress.clone());
        async move {
            let query = settings.applied_to(CandleQuery::within(series, range))?;
            let set = settings.fetch(query, progress.as_deref()).await?;
            let resume_at = resume_position(&settings, &set, range);
            Ok(Chunk { set, resume_at })
        }
    });
    let end = stream::poll_fn(move |_| {
        if let Some(progress) = &finished {
            progress.finish();
        }
        Poll::Ready(None)
    });
    fetches.buffered(CHUNKS_IN_FLIGHT).chain(end).boxed()
}

/// Returns the slot at which a later request resumes: the first one that is not final, or the end of `range`.
fn resume_position(settings: &FetchSettings, set: &CandleSet, range: TimeRange) -> Timestamp {
    let (grid, timeframe) = (settings.backbone.grid(), set.series.timeframe);
    let is_past = range.to() <= grid.floor(timeframe, settings.backbone.now());
    let is_settled = set.coverage.is_known(grid.step(timeframe, range.to(), -1));
    if is_past && is_settled && set.iter().all(|candle| candle.is_final) {
        return range.to();
    }
    let newest = set.iter().rev().find(|candle| candle.is_final);
    let newest = newest.map_or(range.from(), |candle| grid.close(timeframe, candle.open_time));
    let known = set.coverage.ranges().last().map_or(range.from(), |known| known.to());
    newest.max(known).min(range.to())
}

/// The chunks of a range on the grid, up to now and no further.
struct ChunkRanges {
    grid: Grid,
    timeframe: Timeframe,
    slots: i64,
    rest: Option<TimeRange>,
}

impl ChunkRanges {
    fn next(&mut self, now: Timestamp) -> Option<TimeRange> {
        let rest = self.rest.take()?;
        let cut = self.grid.step(self.timeframe, rest.from(), self.slots);
        // A chunk that reaches the present includes the rest, because only the layers below know the venue's
        // time.
        if cut >= rest.to() || cut > self.grid.floor(self.timeframe, now) {
            return Some(rest);
        }
        self.rest = TimeRange::new(cut, rest.to()).ok();
        TimeRange::new(rest.from(), cut).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_meet_on_the_grid_and_the_last_one_reaches_the_end() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let range = TimeRange::of_bounds("2026-11-01T00:00:30Z"..).unwrap();
        let mut ranges =
            ChunkRanges { grid: Grid::Utc, timeframe: Timeframe::M1, slots: 10, rest: Some(range) };
        let now = at("2026-11-01T00:25:10Z");
        let cuts: Vec<_> =
            std::iter::from_fn(|| ranges.next(now)).map(|piece| (piece.from(), piece.to())).collect();
        let (first, second) = (at("2026-11-01T00:10:00Z"), at("2026-11-01T00:20:00Z"));
        assert_eq!(cuts, [(range.from(), first), (first, second), (second, Timestamp::MAX)]);
    }
}

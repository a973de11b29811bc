//! A source of candles whose rows a test supplies, in pieces, with holes and failures, and with a log of what it was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use market_backbone_core::{
    Candle, CandlePart, CandleQuery, CandleSource, CandleStore, Coverage, FetchStats, PageSequence,
    PartStream, Selection, SourceError, SourceErrorKind, TimeRange,
};

use crate::{everything, proof_of};

type Rows = dyn Fn(&CandleQuery, TimeRange) -> Vec<Candle> + Send + Sync;
type Proof = dyn Fn(TimeRange) -> Coverage + Send + Sync;
type Failures = dyn FnMut(usize) -> Option<SourceErrorKind> + Send;
type Observer = dyn Fn(&CandleQuery) + Send + Sync;

/// A candle source that answers from the rows of a test. Clones share the log.
///
/// Each answer proves the range it goes over, from its oldest row on if the count of the query was reached.
#[derive(Clone)]
pub struct ScriptedCandles {
    rows: Option<Arc<Rows>>,
    proof: Arc<Proof>,
    reach: TimeRange,
    without: Option<TimeRange>,
    piece: usize,
    failures: Arc<Mutex<Failures>>,
    observer: Arc<Observer>,
    watched: Option<Arc<dyn CandleStore>>,
    log: Arc<Mutex<SourceLog>>,
}

#[derive(Debug, Default)]
struct SourceLog {
    asked: Vec<CandleQuery>,
    asked_again: Vec<CandleQuery>,
    requests: usize,
    break_off_after: Option<usize>,
    landed: Option<PageSequence>,
}

impl ScriptedCandles {
    /// Creates a source that has the rows `rows` returns for a query and the range of it, oldest first.
    #[must_use]
    pub fn new(rows: impl Fn(&CandleQuery, TimeRange) -> Vec<Candle> + Send + Sync + 'static) -> Self {
        Self { rows: Some(Arc::new(rows)), ..Self::silent() }
    }

    /// Creates a source that answers each query with nothing at all.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            rows: None,
            proof: Arc::new(proof_of),
            reach: everything(),
            without: None,
            piece: usize::MAX,
            failures: Arc::new(Mutex::new(|_| None)),
            observer: Arc::new(|_| ()),
            watched: None,
            log: Arc::default(),
        }
    }

    /// Sets the times between which the newest rows are looked for.
    #[must_use]
    pub const fn reaching(mut self, reach: TimeRange) -> Self {
        self.reach = reach;
        self
    }

    /// Sets what an answer proves, given the range it goes over.
    #[must_use]
    pub fn proving(mut self, proof: impl Fn(TimeRange) -> Coverage + Send + Sync + 'static) -> Self {
        self.proof = Arc::new(proof);
        self
    }

    /// Leaves `hole` out: no answer has rows of it or proves anything of it.
    #[must_use]
    pub const fn without(mut self, hole: TimeRange) -> Self {
        self.without = Some(hole);
        self
    }

    /// Answers in pieces of `rows` rows, newest first.
    #[must_use]
    pub const fn in_pieces_of(mut self, rows: usize) -> Self {
        self.piece = rows;
        self
    }

    /// Fails the requests for whose number, counted from 0, `failures` names an error.
    #[must_use]
    pub fn failing(
        mut self,
        failures: impl FnMut(usize) -> Option<SourceErrorKind> + Send + 'static,
    ) -> Self {
        self.failures = Arc::new(Mutex::new(failures));
        self
    }

    /// Calls `observer` for each request before it is answered.
    #[must_use]
    pub fn observed_by(mut self, observer: impl Fn(&CandleQuery) + Send + Sync + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Notes which requests are for something that `store` knows already.
    #[must_use]
    pub fn watching(mut self, store: Arc<dyn CandleStore>) -> Self {
        self.watched = Some(store);
        self
    }

    /// Breaks the next answer off after so many pieces.
    pub fn break_off_after(&self, pieces: usize) {
        self.log.lock().unwrap().break_off_after = Some(pieces);
    }

    /// Sets the sequence of the page that landed last.
    pub fn land(&self, sequence: u64) {
        self.log.lock().unwrap().landed = Some(PageSequence(sequence));
    }

    /// Returns the queries since the last call, and forgets them.
    #[must_use]
    pub fn take_asked(&self) -> Vec<CandleQuery> {
        std::mem::take(&mut self.log.lock().unwrap().asked)
    }

    /// Returns the queries for something that the watched store knew.
    #[must_use]
    pub fn asked_again(&self) -> Vec<CandleQuery> {
        self.log.lock().unwrap().asked_again.clone()
    }

    /// Returns the number of requests so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.log.lock().unwrap().requests
    }

    /// Returns the range in which an answer to `query` looks for rows, or `None` if there is none.
    #[must_use]
    pub fn range_of(&self, query: &CandleQuery) -> Option<TimeRange> {
        match query.selection() {
            Selection::Range(range) => Some(range),
            Selection::Last { before, floor, .. } => {
                let to = before.map_or(self.reach.to(), |before| before.min(self.reach.to()));
                TimeRange::new(floor.max(self.reach.from()), to).ok()
            }
        }
    }

    async fn note(&self, query: &CandleQuery) -> usize {
        (self.observer)(query);
        let is_known = match (&self.watched, self.range_of(query)) {
            (Some(store), Some(range)) => {
                !store.coverage(&query.series).await.unwrap().within(range).spans().is_empty()
            }
            _ => false,
        };
        let mut log = self.log.lock().unwrap();
        log.asked.push(query.clone());
        if is_known {
            log.asked_again.push(query.clone());
        }
        log.requests += 1;
        log.requests - 1
    }

    fn answer(&self, query: &CandleQuery, number: usize) -> Vec<Result<CandlePart, SourceError>> {
        if let Some(kind) = (self.failures.lock().unwrap())(number) {
            return vec![Err(SourceError::new(kind, "as the script says"))];
        }
        let (Some(rows), Some(range)) = (&self.rows, self.range_of(query)) else { return Vec::new() };
        let mut rows = rows(query, range);
        let count = match query.selection() {
            Selection::Last { count, .. } => count,
            Selection::Range(_) => usize::MAX,
        };
        rows.drain(..rows.len().saturating_sub(count));
        let mut pieces: Vec<&[Candle]> = rows.rchunks(self.piece).collect();
        let is_complete = rows.len() == count;
        if !is_complete && pieces.last().is_none_or(|oldest| oldest.len() == self.piece) {
            pieces.push(&[]);
        }
        let (mut parts, mut upper, last) = (Vec::new(), range.to(), pieces.len() - 1);
        for (place, piece) in pieces.into_iter().enumerate() {
            let oldest = piece.first().filter(|_| place < last || is_complete);
            let lower = oldest.map_or(range.from(), |row| row.open_time);
            parts.push(Ok(self.part(piece, TimeRange::new(lower, upper).ok())));
            upper = lower;
        }
        if let Some(pieces) = self.log.lock().unwrap().break_off_after.take() {
            parts.truncate(pieces);
            parts.push(Err(SourceError::new(SourceErrorKind::Unreachable, "broken off")));
        }
        parts
    }

    fn part(&self, rows: &[Candle], shown: Option<TimeRange>) -> CandlePart {
        let mut coverage = shown.map(|range| (self.proof)(range)).unwrap_or_default();
        if let Some(hole) = self.without {
            coverage.remove(hole);
        }
        let is_given = |row: &&Candle| self.without.is_none_or(|hole| !hole.contains(row.open_time));
        let rows: Vec<_> = rows.iter().filter(is_given).copied().collect();
        let stats = FetchStats { venue_rows: rows.len() as u64, requests: 1, ..FetchStats::default() };
        CandlePart { candles: rows.into_iter().collect(), coverage, stats, ..CandlePart::default() }
    }
}

impl CandleSource for ScriptedCandles {
    fn stream(&self, query: CandleQuery) -> PartStream {
        let source = self.clone();
        let begun = async move {
            let number = source.note(&query).await;
            stream::iter(source.answer(&query, number))
        };
        stream::once(begun).flatten().boxed()
    }

    fn page_sequence(&self) -> Option<PageSequence> {
        self.log.lock().unwrap().landed
    }
}

impl fmt::Debug for ScriptedCandles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedCandles").field("log", &self.log).finish_non_exhaustive()
    }
}

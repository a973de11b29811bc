//! The two things every answer is made of: stretches read from the store, and stretches fetched and kept.

use std::sync::Arc;

use futures::{StreamExt, stream};
use market_backbone_core::{
    CandlePart, CandleQuery, Coverage, Forming, Origin, Served, SourceError, TimeRange, Timeframe, Timestamp,
    Unkept,
};

use super::emitter::Emitter;
use super::{StoredSource, doubt, hearsay};
use crate::as_of;

/// Rows in one piece that is read from the store.
const ROWS_PER_PART: usize = 10_000;
/// Holes of one range that are asked for at the same time; what that does to the venue is upstream's to limit.
const HOLES_AT_ONCE: usize = 4;
/// Pieces that are written while further ones are on their way. The store puts commits that wait for it into
/// one transaction; when so many wait, upstream is not polled.
const COMMITS_AT_ONCE: usize = 8;

/// An answer under way.
pub(super) struct Answer {
    pub(super) source: StoredSource,
    pub(super) query: CandleQuery,
    out: Emitter,
    /// When the slot in progress began, and when it will end; as of when the question was put, or of when it asks.
    pub(super) tip: Timestamp,
    pub(super) next: Timestamp,
}

impl Answer {
    pub(super) fn new(source: StoredSource, query: CandleQuery, out: Emitter) -> Self {
        let query = as_of::settled(query);
        let now = as_of::moment(&query, source.clock.as_ref());
        let tip = source.grid.floor(query.series.timeframe, now);
        let next = source.grid.close(query.series.timeframe, tip);
        Self { source, query, out, tip, next }
    }

    /// Where the answer ends at the latest: slots that open later do not exist, or are not wanted.
    pub(super) fn end(&self) -> Timestamp {
        match self.query.forming {
            Forming::Include => self.next,
            Forming::Exclude => self.tip,
        }
    }

    /// How many slots open from `from` up to but without `to`.
    pub(super) fn slots(&self, from: Timestamp, to: Timestamp) -> u64 {
        let range = TimeRange::new(from, to);
        range.map_or(0, |range| self.source.grid.slots(self.timeframe(), range))
    }

    fn timeframe(&self) -> Timeframe {
        self.query.series.timeframe
    }

    pub(super) async fn known(&self) -> Result<Coverage, SourceError> {
        let known = self.source.store.coverage(&self.query.series).await?;
        let known = as_of::undisputed(known, &self.query);
        let rechecks = self.source.rechecks && self.query.as_of.is_none();
        Ok(if rechecks { doubt::without_due(known, self.source.clock.now()) } else { known })
    }

    /// The stretches about which nothing is to be asked now to know of `asked`, oldest first: what is known, and what rests.
    pub(super) fn not_to_ask(&self, known: &Coverage) -> Vec<TimeRange> {
        doubt::not_to_ask(known, self.source.clock.now())
    }

    /// Emits the newest `limit` stored rows of `stretch`, all of which is known; says how many there were.
    pub(super) async fn emit_stored(
        &mut self,
        known: &Coverage,
        stretch: TimeRange,
        limit: usize,
    ) -> Result<usize, SourceError> {
        let mut found = 0;
        let mut rest = Some(stretch);
        while let Some(range) = rest
            && found < limit
        {
            let ask = (limit - found).min(ROWS_PER_PART);
            let query = &self.query;
            let read = as_of::read(self.source.store.as_ref(), query, &query.series, range, ask).await?;
            let rows = read.candles.len();
            // As many as asked: then nothing is said about what is older than the oldest of them.
            let cut = read.candles.first().filter(|_| rows == ask).map(|oldest| oldest.open_time);
            let told = TimeRange::new(cut.unwrap_or(range.from()), range.to()).unwrap_or(range);
            rest = cut.and_then(|cut| TimeRange::new(range.from(), cut).ok());
            let served = self.served(rows as u64, read.from_memory);
            let part = CandlePart {
                candles: read.candles,
                coverage: known.within(told),
                served,
                ..CandlePart::default()
            };
            let part = self.still_known(part).await?;
            found += part.candles.len();
            self.out.emit(part).await?;
        }
        Ok(found)
    }

    /// Takes out what somebody has forgotten while it was read: its rows may have been gone already, and a
    /// stretch without them would be called empty, here and by every store before this one.
    async fn still_known(&self, mut part: CandlePart) -> Result<CandlePart, SourceError> {
        let known = self.known().await?;
        for range in part.coverage.ranges() {
            for gone in known.missing(range) {
                part.coverage.remove(gone);
                part.candles.retain(|candle| !gone.contains(candle.open_time));
            }
        }
        Ok(part)
    }

    /// What is shared is counted as such, wherever the other machine keeps it.
    fn served(&self, rows: u64, from_memory: u64) -> Served {
        if self.source.is_shared {
            return Served { shared_rows: rows, ..Served::default() };
        }
        let disk_rows = rows.saturating_sub(from_memory);
        Served { memory_rows: from_memory, disk_rows, ..Served::default() }
    }

    /// The questions, with what answers have said before of what each is about.
    async fn handing_down(
        &self,
        questions: Vec<CandleQuery>,
        known: &Coverage,
    ) -> Result<Vec<CandleQuery>, SourceError> {
        let (store, query) = (self.source.store.as_ref(), &self.query);
        let mut told = Vec::with_capacity(questions.len());
        for question in questions {
            let hearsay = hearsay::of(store, known, &question, &query.hearsay).await?;
            told.push(question.hearsay(hearsay));
        }
        Ok(told)
    }

    /// Puts questions to upstream, keeps each piece of the answers in the store, and then emits it;
    /// `seen` is shown each piece.
    pub(super) async fn fetch(
        &mut self,
        questions: Vec<CandleQuery>,
        mut seen: impl FnMut(&CandlePart) + Send,
    ) -> Result<(), SourceError> {
        let upstream = Arc::clone(&self.source.upstream);
        let (source, query) = (&self.source, &self.query);
        let known = source.store.coverage(&query.series).await?;
        let reaches = reaches_back_to(&known);
        let questions = self.handing_down(questions, &known).await?;
        // What was put with this one may have fetched it since the store was looked at.
        let put = query.put;
        let asked = stream::iter(questions).map(move |question| upstream.stream(question.put(put)));
        let kept = asked
            .flatten_unordered(HOLES_AT_ONCE)
            .map(|part| async move { keep(source, query, part?).await })
            .buffered(COMMITS_AT_ONCE);
        let mut kept = std::pin::pin!(kept);
        let mut oldest: Option<Timestamp> = None;
        while let Some(part) = kept.next().await {
            let part = part?;
            seen(&part);
            let came = part.candles.first().map(|candle| candle.open_time);
            oldest = oldest.into_iter().chain(came).min();
            self.out.emit(part).await?;
        }
        match oldest.filter(|oldest| reaches.is_none_or(|known| *oldest < known)) {
            Some(oldest) => source.withdraw_listing(&query.series, oldest).await,
            None => Ok(()),
        }
    }
}

/// How far back candles were known, the time before the listing left out.
fn reaches_back_to(known: &Coverage) -> Option<Timestamp> {
    let asked = known.spans().iter().find(|span| span.provenance.origin != Origin::Listed);
    asked.map(|span| span.range.from())
}

/// Stores what is final in a piece, and what it proves of slots that have ended.
async fn keep(
    source: &StoredSource,
    query: &CandleQuery,
    mut part: CandlePart,
) -> Result<CandlePart, SourceError> {
    let series = &query.series;
    source.doubt_the_listing(series, &mut part).await?;
    let tip = source.grid.floor(series.timeframe, source.clock.now());
    let ended = TimeRange::new(Timestamp::MIN, tip).map(|ended| part.coverage.within(ended));
    let kept = source.store.commit(series, &part.candles, &ended.unwrap_or_default()).await;
    part.unkept = Unkept::joined(part.unkept.take(), source.unkept(series, &part.candles, kept)?);
    tell_disputes(source, query, &mut part).await?;
    Ok(part)
}

/// Puts into a piece what the store has come to doubt of its stretch, and the rows that stand there: the
/// answer shall not differ from the one that the store would give alone.
async fn tell_disputes(
    source: &StoredSource,
    query: &CandleQuery,
    part: &mut CandlePart,
) -> Result<(), SourceError> {
    if part.coverage.spans().is_empty() {
        return Ok(());
    }
    let (store, series) = (source.store.as_ref(), &query.series);
    let known = as_of::undisputed(store.coverage(series).await?, query);
    let proven = part.coverage.ranges();
    let disputed: Vec<_> = proven.iter().flat_map(|range| known.within(*range).disputes().to_vec()).collect();
    for dispute in disputed {
        part.coverage.dispute(dispute);
        let standing = as_of::read(store, query, series, dispute.range, usize::MAX).await?.candles;
        part.candles.retain(|candle| !dispute.range.contains(candle.open_time));
        part.candles.extend(standing);
    }
    part.candles.sort_by_key(|candle| candle.open_time);
    Ok(())
}

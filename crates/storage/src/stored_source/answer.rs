//! The two parts of every answer: ranges read from the store, and ranges fetched and stored.

use std::sync::Arc;

use futures::{StreamExt, stream};
use market_backbone_core::{
    CandlePart, CandleQuery, Coverage, FetchStats, Forming, Origin, RangeSet, SourceError, StoreErrorKind,
    TimeRange, Timeframe, Timestamp, WriteFailure,
};

use super::emitter::Emitter;
use super::{StoredSource, prior_claims, recheck};
use crate::{as_of, invalid_rows};

/// The number of rows that are read at once where it does not matter how the store has them.
const ROWS_AT_ONCE: usize = 10_000;
/// The number of holes of one range that are fetched concurrently; upstream limits the load on the venue.
const HOLES_AT_ONCE: usize = 4;
/// The number of pieces that are written while further ones are in flight.
///
/// The store puts waiting commits into one transaction; when so many wait, upstream is not polled.
const COMMITS_AT_ONCE: usize = 8;

/// An answer in progress.
pub(super) struct StoredAnswer {
    pub(super) source: StoredSource,
    pub(super) query: CandleQuery,
    out: Emitter,
    /// The start and the end of the forming slot, as of the query's time, or of the moment it asks about.
    pub(super) forming_open: Timestamp,
    pub(super) forming_close: Timestamp,
    /// The ranges that the store knows but could not read.
    invalidated: Vec<TimeRange>,
}

impl StoredAnswer {
    pub(super) fn new(source: StoredSource, query: CandleQuery, out: Emitter) -> Self {
        let query = as_of::exclude_forming(query);
        let now = as_of::effective_time(&query, source.clock.as_ref());
        let forming_open = source.grid.floor(query.series.timeframe, now);
        let next = source.grid.close(query.series.timeframe, forming_open);
        Self { source, query, out, forming_open, forming_close: next, invalidated: Vec::new() }
    }

    /// Returns the end of the answer: slots that open later do not exist, or are not wanted.
    pub(super) fn end(&self) -> Timestamp {
        match self.query.forming {
            Forming::Include => self.forming_close,
            Forming::Exclude => self.forming_open,
        }
    }

    /// Returns how many slots open in `range`.
    pub(super) fn slots(&self, range: TimeRange) -> u64 {
        self.source.grid.slots(self.timeframe(), range)
    }

    fn timeframe(&self) -> Timeframe {
        self.query.series.timeframe
    }

    pub(super) async fn known(&self) -> Result<Coverage, SourceError> {
        let known = self.source.store.coverage(&self.query.series).await?;
        let mut known = as_of::without_later_disputes(known, &self.query);
        self.invalidated.iter().for_each(|range| known.remove(*range));
        let rechecks = self.source.rechecks && self.query.as_of.is_none();
        Ok(if rechecks { recheck::without_due(known, self.source.clock.now()) } else { known })
    }

    /// Returns the ranges of `asked` that need no request now, oldest first: known ones, and claims that must
    /// not be checked yet.
    pub(super) fn skip_ranges(&self, known: &Coverage) -> RangeSet {
        recheck::skip_ranges(known, self.source.clock.now())
    }

    /// Emits the newest `limit` stored rows of `stretch`, all of which is known.
    ///
    /// What is no longer known after it was read (it was damaged on disk, it is invalid, or somebody has
    /// forgotten it) is not emitted. If the number of rows is limited, nothing older than that is emitted
    /// either, because the number of rows in it is unknown.
    pub(super) async fn emit_stored(
        &mut self,
        known: &Coverage,
        stretch: TimeRange,
        limit: usize,
    ) -> Result<EmitOutcome, SourceError> {
        let mut outcome = EmitOutcome { found: 0, gone: Vec::new(), reached: stretch.from() };
        let mut rest = Some(stretch);
        while let Some(range) = rest
            && outcome.found < limit
        {
            let (query, store) = (&self.query, self.source.store.as_ref());
            let wanted = limit - outcome.found;
            let ask = match query.as_of {
                None if wanted > ROWS_AT_ONCE => wanted.min(store.rows_at_once(&query.series, range).await),
                _ => wanted.min(ROWS_AT_ONCE),
            };
            let mut read = match as_of::read(store, query, &query.series, range, ask).await {
                Err(_) if self.source.is_shared => {
                    // Lost in the middle of the range. The store has logged that; what it did not return is
                    // fetched.
                    let withdrawn = known.within(range).ranges();
                    self.invalidated.extend_from_slice(&withdrawn);
                    // The rest is a range of its own now; known ranges without rows have been emitted
                    // already.
                    outcome.reached = if withdrawn.is_empty() { stretch.from() } else { range.to() };
                    outcome.gone.extend(withdrawn);
                    break;
                }
                read => read?,
            };
            let rows = read.candles.len();
            // As many rows as requested: then the answer says nothing about what is older than the oldest of
            // them.
            let cut = read.candles.first().filter(|_| rows == ask).map(|oldest| oldest.open_time);
            let read_of = TimeRange::new(cut.unwrap_or(range.from()), range.to()).unwrap_or(range);
            rest = cut.and_then(|cut| TimeRange::new(range.from(), cut).ok());
            let served = self.served(rows as u64, read.from_memory);
            let bad =
                invalid_rows::remove_invalid(store, self.source.grid, &query.series, &mut read.candles).await;
            let (slots, rejected): (Vec<_>, Vec<_>) = bad.into_iter().unzip();
            self.invalidated.extend(slots);
            let part = CandlePart {
                candles: read.candles,
                coverage: known.within(read_of),
                stats: served,
                rejected,
                write_failure: None,
            };
            let (mut part, gone) = self.still_known(part).await?;
            let newest_gone = gone.last().map(|range| range.to()).filter(|_| limit < usize::MAX);
            if let Some(end) = newest_gone {
                let newer = TimeRange::new(end, Timestamp::MAX).map(|newer| part.coverage.within(newer));
                part.coverage = newer.unwrap_or_default();
                part.candles.retain(|candle| candle.open_time >= end);
            }
            outcome.found += part.candles.len();
            outcome.gone.extend(gone);
            self.out.emit(part).await?;
            if let Some(end) = newest_gone {
                outcome.reached = end;
                break;
            }
        }
        Ok(outcome)
    }

    /// Removes what was forgotten while it was read.
    ///
    /// Its rows may have been gone already, and a range without them would be called empty, here and by every
    /// store before this one.
    async fn still_known(&self, mut part: CandlePart) -> Result<(CandlePart, Vec<TimeRange>), SourceError> {
        let known = self.known().await?;
        let mut all_gone = Vec::new();
        for range in part.coverage.ranges() {
            for gone in known.missing(range) {
                part.coverage.remove(gone);
                part.candles.retain(|candle| !gone.contains(candle.open_time));
                all_gone.push(gone);
            }
        }
        Ok((part, all_gone))
    }

    /// Counts rows by where they came from; rows of a shared store count as shared, wherever that keeps them.
    fn served(&self, rows: u64, from_memory: u64) -> FetchStats {
        if self.source.is_shared {
            return FetchStats { shared_rows: rows, ..FetchStats::default() };
        }
        let disk_rows = rows.saturating_sub(from_memory);
        FetchStats { memory_rows: from_memory, disk_rows, ..FetchStats::default() }
    }

    /// Adds to the queries what replies have claimed before about their ranges.
    async fn with_prior_claims(
        &self,
        questions: Vec<CandleQuery>,
        known: &Coverage,
    ) -> Result<Vec<CandleQuery>, SourceError> {
        let (source, query) = (&self.source, &self.query);
        let mut with_claims = Vec::with_capacity(questions.len());
        for question in questions {
            let prior_claims = prior_claims::of(source, known, &question, &query.prior_claims).await?;
            with_claims.push(question.prior_claims(prior_claims));
        }
        Ok(with_claims)
    }

    /// Sends queries to upstream, stores each piece of the replies, and then emits it; `seen` is called with
    /// each piece.
    pub(super) async fn fetch(
        &mut self,
        questions: Vec<CandleQuery>,
        mut seen: impl FnMut(&CandlePart) + Send,
    ) -> Result<(), SourceError> {
        let upstream = Arc::clone(&self.source.upstream);
        let (source, query) = (&self.source, &self.query);
        let known = source.store.coverage(&query.series).await?;
        let reaches = earliest_known(&known);
        let questions = self.with_prior_claims(questions, &known).await?;
        // Another query of the same kind may have fetched it since the store was read.
        let put = query.pages_since;
        let asked = stream::iter(questions).map(move |question| upstream.stream(question.pages_since(put)));
        let kept = asked
            .flatten_unordered(HOLES_AT_ONCE)
            .map(|part| async move { persist(source, query, part?).await })
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

/// The result of emitting a range.
#[derive(Debug)]
pub(super) struct EmitOutcome {
    /// The number of rows.
    pub(super) found: usize,
    /// The ranges that were thought to be known and are not.
    pub(super) gone: Vec<TimeRange>,
    /// The time back to which it was emitted.
    pub(super) reached: Timestamp,
}

/// Returns how far back candles are known, without the time before the listing.
fn earliest_known(known: &Coverage) -> Option<Timestamp> {
    let asked = known.spans().iter().find(|span| span.provenance.origin != Origin::BeforeListing);
    asked.map(|span| span.range.from())
}

/// Stores the final candles of a piece, and its coverage of slots that have ended.
async fn persist(
    source: &StoredSource,
    query: &CandleQuery,
    mut part: CandlePart,
) -> Result<CandlePart, SourceError> {
    let series = &query.series;
    source.drop_contradicted_listing(series, &mut part).await?;
    let forming_open = source.grid.floor(series.timeframe, source.clock.now());
    let ended = TimeRange::new(Timestamp::MIN, forming_open).map(|ended| part.coverage.within(ended));
    let rows = part.candles.to_vec();
    let kept = source.store.commit(series, &rows, &ended.unwrap_or_default()).await;
    let is_damaged = kept.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Corrupt);
    part.write_failure =
        WriteFailure::merge(part.write_failure.take(), source.write_failure(series, &rows, kept)?);
    if is_damaged {
        return Ok(part); // a file that cannot be repaired now has no disputes to report
    }
    report_disputes(source, query, &mut part).await?;
    Ok(part)
}

/// Adds the disputes in the piece's range, and the stored rows, to a piece: the answer must not differ from
/// the one that the store alone would give.
async fn report_disputes(
    source: &StoredSource,
    query: &CandleQuery,
    part: &mut CandlePart,
) -> Result<(), SourceError> {
    if part.coverage.spans().is_empty() {
        return Ok(());
    }
    let (store, series) = (source.store.as_ref(), &query.series);
    let known = as_of::without_later_disputes(store.coverage(series).await?, query);
    let proven = part.coverage.ranges();
    let disputed: Vec<_> = proven.iter().flat_map(|range| known.within(*range).disputes().to_vec()).collect();
    for dispute in disputed {
        let standing = match as_of::read(store, query, series, dispute.range, usize::MAX).await {
            Err(_) if source.is_shared => continue, // unavailable since it was written to
            read => read?.candles,
        };
        part.coverage.add_dispute(dispute);
        part.candles.retain(|candle| !dispute.range.contains(candle.open_time));
        part.candles.extend(standing);
    }
    part.candles.sort();
    Ok(())
}

//! A long answer piece by piece: what is stored already is written while it is read, so that it needs no more memory
//! than a short one.
//!
//! What has to be fetched first is fetched before anything is written, whole, as it always was: pieces would cost more
//! requests, and a failure of the venue should leave nothing half written. It is held until the stored part, which is
//! older, has been written.

use market_backbone::{
    Backbone, CandleRequest, CandleSet, CandleStream, Error, Progress, TimeRange, Timeframe, Timestamp,
};

use super::SeriesRequest;
use super::window::WantedCandles;

/// The fewest slots, or candles of a count, of which an answer comes in pieces.
const LONG: usize = 100_000;
/// The slots, or candles of a count, of a piece: 3 MB.
const PIECE: usize = 50_000;

/// An answer in one or more pieces, oldest first.
pub(super) struct AnswerPieces {
    stored: Option<CandleStream>,
    rest: Option<CandleSet>,
}

impl AnswerPieces {
    /// Returns the next piece, or `None` after the last one, or after an error.
    pub(super) async fn next(&mut self) -> Option<Result<CandleSet, Error>> {
        if let Some(stored) = &mut self.stored
            && let Some(piece) = stored.next().await
        {
            if piece.is_err() {
                self.rest = None;
            }
            return Some(piece);
        }
        self.rest.take().map(Ok)
    }

    const fn whole(set: CandleSet) -> Self {
        Self { stored: None, rest: Some(set) }
    }
}

/// A series and the window of it that is wanted.
struct LongRequest<'a> {
    window: &'a WantedCandles,
    series: (&'a str, Timeframe),
    backbone: &'a Backbone,
}

/// Asks for the candles of a series; the part that is stored comes in pieces if `may_split` and it is long.
pub(super) async fn fetch<P: FnMut(Progress) + Send + 'static>(
    window: &WantedCandles,
    (series, is_adjusted, may_split): (&SeriesRequest, bool, bool),
    backbone: &Backbone,
    progress: impl Fn() -> P,
) -> Result<AnswerPieces, Error> {
    let series = (series.market.as_str(), series.timeframe);
    let long = LongRequest { window, series, backbone };
    let pieces = match window.selection().filter(|_| may_split && !is_adjusted) {
        Some((Some(from), None)) => long.range(from, &progress).await?,
        Some((None, Some(count))) if count >= LONG => long.newest(count, &progress).await?,
        _ => None,
    };
    match pieces {
        Some(pieces) => Ok(pieces),
        None => window.fetch(series, is_adjusted, backbone, progress).await.map(AnswerPieces::whole),
    }
}

impl LongRequest<'_> {
    /// Returns the pieces of all that opens from `from` on, if much of its beginning is stored.
    async fn range<P: FnMut(Progress) + Send + 'static>(
        &self,
        from: Timestamp,
        progress: impl Fn() -> P,
    ) -> Result<Option<AnswerPieces>, Error> {
        let known = self.request(self.window).coverage().await?.ranges();
        let Some(known) = known.into_iter().find(|known| known.contains(from)) else { return Ok(None) };
        let until = self.window.until().map_or(known.to(), |to| to.min(known.to()));
        if !TimeRange::new(from, until).is_ok_and(|stored| self.is_long(stored)) {
            return Ok(None);
        }
        let rest = match self.window.after(until) {
            Some(rest) => Some(self.request(&rest).on_progress(progress()).await?),
            None => None,
        };
        let stored = self.window.plain(self.series, self.backbone).range(from..until).stream(PIECE);
        Ok(Some(AnswerPieces { stored: Some(stored), rest }))
    }

    /// Returns the pieces of the newest `count`, if there is a long stretch of which everything is stored.
    async fn newest<P: FnMut(Progress) + Send + 'static>(
        &self,
        count: usize,
        progress: impl Fn() -> P,
    ) -> Result<Option<AnswerPieces>, Error> {
        let known = self.request(self.window).coverage().await?.ranges();
        if !known.last().is_some_and(|known| self.is_long(*known)) {
            return Ok(None);
        }
        let mut rest = self.request(&self.window.newest(PIECE)).on_progress(progress()).await?;
        let oldest = rest.first().map(|oldest| oldest.open_time).filter(|_| rest.len() == PIECE);
        let Some(oldest) = oldest else { return Ok(Some(AnswerPieces::whole(rest))) };
        if let Ok(after) = TimeRange::new(oldest, Timestamp::MAX) {
            rest.clip(after); // what is older is in the other pieces
        }
        let older = self.window.plain(self.series, self.backbone).last(count - PIECE).before(oldest);
        Ok(Some(AnswerPieces { stored: Some(older.stream(PIECE)), rest: Some(rest) }))
    }

    fn request(&self, window: &WantedCandles) -> CandleRequest {
        window.request(self.series.0, self.series.1, self.backbone)
    }

    fn is_long(&self, stored: TimeRange) -> bool {
        self.backbone.grid().slots(self.series.1, stored) >= LONG as u64
    }
}

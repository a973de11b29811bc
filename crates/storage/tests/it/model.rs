//! A model venue with the coordinator before it: it answers any query from a made-up tape, returns the
//! coverage that a coordinator could prove, counts its requests, and notices requests for known data.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt, stream};
use market_backbone_core::{
    Candle, CandlePart, CandleQuery, CandleSource, CandleStore, Clock, FetchStats, Forming, ManualClock,
    PartStream, Selection, SourceError, SourceErrorKind, TimeRange, Timestamp,
};

use crate::material::{candle, minute, minute_of, proof_of};

/// The trading of the market and the behaviour of the venue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// In how many of a hundred minutes there is a trade.
    pub density: u64,
    /// The first minute with a trade.
    pub listed: i64,
    /// The venue no longer gives what is older than this.
    pub kept_since: Option<i64>,
    /// How long after its end a candle is settled.
    pub settles_after: Duration,
    /// Rows in each piece of an answer.
    pub page: usize,
}

pub(crate) const DENSE: Habits =
    Habits { density: 100, listed: i64::MIN, kept_since: None, settles_after: Duration::ZERO, page: 200 };

#[derive(Debug, Default)]
struct Log {
    asked: Vec<CandleQuery>,
    asked_again: Vec<CandleQuery>,
    fail_after: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Model {
    pub habits: Habits,
    clock: Arc<ManualClock>,
    store: Arc<dyn CandleStore>,
    log: Arc<Mutex<Log>>,
}

impl Model {
    pub(crate) fn new(habits: Habits, clock: Arc<ManualClock>, store: Arc<dyn CandleStore>) -> Self {
        Self { habits, clock, store, log: Arc::default() }
    }

    /// The questions since the last time.
    pub(crate) fn asked(&self) -> Vec<CandleQuery> {
        std::mem::take(&mut self.log.lock().unwrap().asked)
    }

    /// Questions that touched what the store knew.
    pub(crate) fn asked_again(&self) -> Vec<CandleQuery> {
        self.log.lock().unwrap().asked_again.clone()
    }

    /// The next answer breaks off after so many pieces.
    pub(crate) fn fail_after(&self, pieces: usize) {
        self.log.lock().unwrap().fail_after = Some(pieces);
    }

    pub(crate) fn tip(&self) -> i64 {
        minute_of(self.clock.now())
    }

    /// The first minute that is not settled yet.
    pub(crate) fn settled(&self) -> i64 {
        minute_of(self.clock.now().minus(self.habits.settles_after))
    }

    /// What an observer with all trades would say of a minute now.
    pub(crate) fn truth(&self, number: i64) -> Option<Candle> {
        let dice = number.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let traded = number >= self.habits.listed && number <= self.tip() && dice % 100 < self.habits.density;
        let is_final = number < self.settled();
        let volume = if is_final { candle(number).volume } else { 0.5 };
        traded.then(|| Candle { is_final, volume, ..candle(number) })
    }

    fn answer(&self, query: &CandleQuery) -> Vec<CandlePart> {
        let end = match query.forming {
            Forming::Include => self.tip() + 1,
            Forming::Exclude => self.tip(),
        };
        let (from, to, count) = match query.selection() {
            Selection::Range(range) => (range.from(), range.to(), usize::MAX),
            Selection::Last { count, before, floor } => (floor, before.unwrap_or(Timestamp::MAX), count),
        };
        // Nothing is older than these, be it that nothing happened or that nothing is left.
        let oldest = self.habits.listed.max(self.habits.kept_since.unwrap_or(i64::MIN));
        let first = slot_from(from).max(oldest).max(end - 20_000);
        let mut numbers =
            (first..slot_from(to).min(end)).rev().filter(|number| self.truth(*number).is_some());
        let (mut parts, mut upper, mut left) = (Vec::new(), to, count);
        loop {
            let page: Vec<_> = numbers.by_ref().take(self.habits.page.min(left)).collect();
            left -= page.len();
            let is_last = left == 0 || page.len() < self.habits.page;
            let lower = match page.last() {
                Some(_) if is_last && left > 0 => self.proven_back_to(from),
                Some(oldest) => minute(*oldest),
                None => self.proven_back_to(from),
            };
            parts.push(self.part(&page, lower, upper));
            if is_last {
                return parts;
            }
            upper = lower;
        }
    }

    /// The end of the tape: proven to be the beginning, unless the venue has just thrown the rest away.
    fn proven_back_to(&self, floor: Timestamp) -> Timestamp {
        self.habits.kept_since.map_or(floor, |since| floor.max(minute(since)))
    }

    fn part(&self, newest_first: &[i64], lower: Timestamp, upper: Timestamp) -> CandlePart {
        let candles: Vec<_> = newest_first.iter().rev().filter_map(|number| self.truth(*number)).collect();
        let proven = TimeRange::new(lower, upper.min(minute(self.settled())));
        let served = FetchStats { venue_rows: candles.len() as u64, requests: 1, ..FetchStats::default() };
        let coverage = proven.map(proof_of).unwrap_or_default();
        CandlePart { candles: candles.into(), coverage, stats: served, ..CandlePart::default() }
    }

    /// Notes the question, and whether it touches what is known.
    async fn note(&self, query: &CandleQuery) {
        let asked = match query.selection() {
            Selection::Range(range) => range,
            Selection::Last { before, floor, .. } => {
                TimeRange::new(floor, before.unwrap_or(minute(self.tip() + 1))).unwrap()
            }
        };
        let known = self.store.coverage(&query.series).await.unwrap().within(asked);
        let mut log = self.log.lock().unwrap();
        log.asked.push(query.clone());
        if !known.spans().is_empty() {
            log.asked_again.push(query.clone());
        }
    }
}

impl CandleSource for Model {
    fn stream(&self, query: CandleQuery) -> PartStream {
        let model = self.clone();
        let begun = async move {
            model.note(&query).await;
            let mut parts: Vec<_> = model.answer(&query).into_iter().map(Ok).collect();
            if let Some(pieces) = model.log.lock().unwrap().fail_after.take() {
                parts.truncate(pieces);
                parts.push(Err(SourceError::new(SourceErrorKind::Unreachable, "the line is dead")));
            }
            stream::iter(parts)
        };
        stream::once(begun).flatten().boxed()
    }
}

/// The first minute that opens at or after `moment`.
fn slot_from(moment: Timestamp) -> i64 {
    minute_of(moment.plus(Duration::from_nanos(59_999_999_999)))
}

//! A model venue with the coordinator before it: it answers any query from a made-up tape, and returns the coverage that a
//! coordinator could prove.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    Candle, CandleQuery, CandleSource, CandleStore, Clock, Coverage, Forming, ManualClock, PartStream,
    Selection, TimeRange, Timestamp,
};
use market_backbone_testkit::{ScriptedCandles, candle, has_trade, minute, minute_of, proof_of};

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

/// The trades of the market by the venue's clock.
#[derive(Clone)]
pub(crate) struct Tape {
    pub habits: Habits,
    clock: Arc<ManualClock>,
}

#[derive(Clone)]
pub(crate) struct Model {
    tape: Tape,
    pub source: ScriptedCandles,
}

impl Model {
    /// A venue that notices requests for what `store` knows.
    pub(crate) fn new(habits: Habits, clock: Arc<ManualClock>, store: Arc<dyn CandleStore>) -> Self {
        let tape = Tape { habits, clock };
        let (rows, proof) = (tape.clone(), tape.clone());
        let source = ScriptedCandles::new(move |query, range| rows.rows(query, range))
            .proving(move |range| proof.proof(range))
            .in_pieces_of(habits.page)
            .watching(store);
        Self { tape, source }
    }

    /// The questions since the last time.
    pub(crate) fn asked(&self) -> Vec<CandleQuery> {
        self.source.take_asked()
    }

    /// Questions that touched what the store knew.
    pub(crate) fn asked_again(&self) -> Vec<CandleQuery> {
        self.source.asked_again()
    }

    /// The next answer breaks off after so many pieces.
    pub(crate) fn fail_after(&self, pieces: usize) {
        self.source.break_off_after(pieces);
    }
}

impl Deref for Model {
    type Target = Tape;

    fn deref(&self) -> &Tape {
        &self.tape
    }
}

impl CandleSource for Model {
    fn stream(&self, query: CandleQuery) -> PartStream {
        self.source.stream(query)
    }
}

impl Tape {
    pub(crate) fn tip(&self) -> i64 {
        minute_of(self.clock.now())
    }

    /// The first minute that is not settled yet.
    pub(crate) fn settled(&self) -> i64 {
        minute_of(self.clock.now().minus(self.habits.settles_after))
    }

    /// What an observer with all trades would say of a minute now.
    pub(crate) fn truth(&self, number: i64) -> Option<Candle> {
        let is_past = number >= self.habits.listed && number <= self.tip();
        let is_final = number < self.settled();
        let volume = if is_final { candle(number).volume } else { 0.5 };
        let traded = is_past && has_trade(number, self.habits.density);
        traded.then(|| Candle { is_final, volume, ..candle(number) })
    }

    /// What `query` asks for of the minutes from `from` up to `to`.
    pub(crate) fn expected(&self, query: &CandleQuery, from: i64, to: i64) -> Vec<Candle> {
        let all = (from..to).filter_map(|number| self.truth(number));
        match query.selection() {
            Selection::Range(range) => all.filter(|candle| range.contains(candle.open_time)).collect(),
            Selection::Last { count, before, floor } => {
                let asked = |time| time >= floor && before.is_none_or(|before| time < before);
                let mut rows: Vec<_> = all.filter(|candle| asked(candle.open_time)).collect();
                rows.drain(..rows.len().saturating_sub(count));
                rows
            }
        }
    }

    fn rows(&self, query: &CandleQuery, range: TimeRange) -> Vec<Candle> {
        let end = self.tip() + i64::from(query.forming == Forming::Include);
        let count = match query.selection() {
            Selection::Range(_) => usize::MAX,
            Selection::Last { count, .. } => count,
        };
        // Nothing is older than these, be it that nothing happened or that nothing is left.
        let oldest = self.habits.listed.max(self.habits.kept_since.unwrap_or(i64::MIN));
        let first = slot_from(range.from()).max(oldest).max(end - 20_000);
        let numbers = (first..slot_from(range.to()).min(end)).rev();
        let mut rows: Vec<_> = numbers.filter_map(|number| self.truth(number)).take(count).collect();
        rows.reverse();
        rows
    }

    /// What has settled; not before the oldest row where the venue has just thrown the rest away.
    fn proof(&self, shown: TimeRange) -> Coverage {
        let from = self.habits.kept_since.map_or(shown.from(), |since| shown.from().max(minute(since)));
        let proven = TimeRange::new(from, shown.to().min(minute(self.settled())));
        proven.map(proof_of).unwrap_or_default()
    }
}

/// The first minute that opens at or after `moment`.
fn slot_from(moment: Timestamp) -> i64 {
    minute_of(moment.plus(Duration::from_nanos(59_999_999_999)))
}

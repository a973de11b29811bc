//! Builds a page of candles from the rows of an answer: which rows are valid, which are left out, and what
//! the rest proves.
//!
//! This code is here and not in each venue's crate because the reasoning is the same wherever a slot without
//! a trade has no row: only slots between two rows of one answer are proven to be empty. The venue's adapter
//! says what an answer means that ends early.

use std::time::Duration;

use super::{CandlePage, CandlePageRequest, PageProof, RejectedRow};
use crate::{Candle, Grid, TimeRange, Timeframe, Timestamp};

/// A row that is impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The market the row names, if it is not the requested one.
    pub market: Option<String>,
    /// The open time of the row, where it can be read.
    pub time: Option<Timestamp>,
    /// The description of what is wrong with the row.
    pub reason: String,
}

/// The rules for when a venue's candles are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalityRules {
    /// The calendar that cuts the candles.
    pub grid: Grid,
    /// The time after its end at which a candle is final if the page shows a newer one: the venue has visibly
    /// moved on.
    pub superseded_delay: Duration,
    /// The time after its end at which a candle is final if the page could not show a newer one.
    pub clock_delay: Duration,
    /// The time after its end at which a candle is final if the page shows no newer one although it could: the
    /// venue may lag, or nobody has traded since.
    pub newest_delay: Duration,
}

/// The rows of an answer, newest first as venues send them.
#[derive(Debug)]
pub struct CandlePageBuilder<'a> {
    request: &'a CandlePageRequest,
    grid: Grid,
    candles: Vec<Candle>,
    rejected: Vec<RejectedRow>,
    uncertain: Vec<TimeRange>,
    /// Slots with valid rows that contradict each other.
    conflicting: Vec<TimeRange>,
    /// The upper end of a range with rows that were left out, until the next row gives its lower end.
    rejected_below: Option<Timestamp>,
    /// The number of rows that were left out at the end, in a row.
    trailing_rejected: usize,
    unreadable: usize,
    count: usize,
}

impl<'a> CandlePageBuilder<'a> {
    /// Creates a builder without rows for the answer to `request`.
    #[must_use]
    pub fn new(request: &'a CandlePageRequest, grid: Grid) -> Self {
        Self {
            request,
            grid,
            candles: Vec::with_capacity(request.count as usize),
            rejected: Vec::new(),
            uncertain: Vec::new(),
            conflicting: Vec::new(),
            rejected_below: None,
            trailing_rejected: 0,
            unreadable: 0,
            count: 0,
        }
    }

    /// Adds the next row. Whether it is final is decided later.
    pub fn push(&mut self, row: Result<Candle, BadRow>) {
        self.count += 1;
        let row = row.and_then(|candle| match self.invalid_reason(&candle) {
            Some(reason) => Err(BadRow { market: None, time: Some(candle.open_time), reason }),
            None => Ok(candle),
        });
        match row {
            Ok(candle) => {
                if let Some(upper) = self.rejected_below.take() {
                    self.uncertain.extend(TimeRange::new(self.close(candle.open_time), upper));
                }
                self.trailing_rejected = 0;
                self.candles.push(candle);
            }
            Err(bad) => {
                // Whatever time the row names, it stands between two others, and one of the slots between
                // them may be its own.
                let upper = self.candles.last().map(|above| above.open_time);
                let asked = self.request.before.unwrap_or(Timestamp::MAX);
                self.rejected_below = self.rejected_below.or(Some(upper.unwrap_or(asked)));
                self.trailing_rejected += 1;
                self.reject(bad);
            }
        }
    }

    /// Returns the number of rows so far, valid or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns whether nothing of the answer is usable: no row can be read, or none of several is possible. Then
    /// the venue speaks another format than this build.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        let unreadable = self.unreadable > 0 && self.unreadable == self.count;
        self.candles.is_empty() && (unreadable || self.count > 2)
    }

    /// Builds the page. `nothing_older` is the moment back to which the answer shows that nothing exists before
    /// its oldest row, or `None` where it shows no such thing.
    #[must_use]
    pub fn into_page(
        mut self,
        asked_at: Timestamp,
        rules: FinalityRules,
        nothing_older: Option<Timestamp>,
    ) -> CandlePage {
        if let Some(upper) = self.rejected_below.take()
            && self.is_uncertain_below(upper, nothing_older)
        {
            self.uncertain.extend(TimeRange::new(Timestamp::MIN, upper));
        }
        self.remove_conflicting();
        let timeframe = self.request.series.timeframe;
        let newest = self.candles.len().saturating_sub(1);
        let before = self.request.before.unwrap_or(Timestamp::MAX);
        for (index, candle) in self.candles.iter_mut().enumerate() {
            let close = rules.grid.close(timeframe, candle.open_time);
            let wait = match index < newest {
                true => rules.superseded_delay,
                false if close < before => rules.newest_delay,
                false => rules.clock_delay,
            };
            candle.is_final = close.plus(wait) <= asked_at;
        }
        let proof = self.proof(asked_at, rules, nothing_older);
        let Self { candles, rejected, .. } = self;
        CandlePage { candles, proof, asked_at, attempts: 1, rejected }
    }

    fn proof(
        &self,
        asked_at: Timestamp,
        rules: FinalityRules,
        nothing_older: Option<Timestamp>,
    ) -> PageProof {
        let timeframe = self.request.series.timeframe;
        let before = self.request.before.unwrap_or(Timestamp::MAX);
        let over = rules.grid.floor(timeframe, asked_at.minus(rules.clock_delay)).min(before);
        let mut proof = PageProof { uncertain: self.uncertain.clone(), ..PageProof::default() };
        let (Some(oldest), Some(newest)) = (self.candles.first(), self.candles.last()) else {
            // Impossible rows are still rows: something exists there.
            let nothing = nothing_older.filter(|_| self.rejected.is_empty());
            proof.absent_before = nothing.and_then(|from| TimeRange::new(from, over).ok());
            return proof;
        };
        let is_full = self.count >= self.request.count as usize && nothing_older.is_none();
        proof.truncated_at = is_full.then_some(oldest.open_time);
        let close = rules.grid.close(timeframe, newest.open_time);
        let forming = self.candles.iter().find(|candle| !candle.is_final);
        let ended = rules.grid.floor(timeframe, asked_at.minus(rules.superseded_delay));
        // Neither of two contradicting rows is accepted, but it is accepted that one of them exists and that nothing
        // lies before it.
        let (above, below) = (self.conflicting.last(), self.conflicting.first());
        let to = forming.map_or_else(
            || above.map_or(close, |twins| twins.from().max(close)),
            |forming| forming.open_time.min(ended),
        );
        let from = below.map_or(oldest.open_time, |twins| twins.to().min(oldest.open_time));
        proof.covered = TimeRange::new(from, to).ok();
        // A row that was left out is still a row: something exists there.
        let last = self.uncertain.iter().map(|range| range.to()).max();
        let first = self.uncertain.iter().map(|range| range.from()).min();
        let (begin, end) = (last.map_or(close, |last| last.max(close)), oldest.open_time);
        let end = first.map_or(end, |first| first.min(end));
        proof.absent_after = TimeRange::new(begin, over).ok();
        proof.absent_before = nothing_older.and_then(|from| TimeRange::new(from, end).ok());
        // A page that could have shown something newer may be stale, and its newest row incomplete. One that ends
        // where the request ends is judged by the clock alone.
        let shows_nothing_newer = forming.is_none() && close < before;
        proof.preliminary_from = shows_nothing_newer.then_some(newest.open_time);
        proof
    }

    /// Returns whether the page says anything about the slots before its oldest valid row at `upper`, where rows
    /// that were left out come last. If not, the next page will show their slots, and only the slots that the
    /// rows name themselves are uncertain.
    fn is_uncertain_below(&self, upper: Timestamp, nothing_older: Option<Timestamp>) -> bool {
        let have_known_slots = self
            .rejected
            .iter()
            .rev()
            .take(self.trailing_rejected)
            .all(|row| row.slot.is_some_and(|slot| slot < upper));
        self.candles.is_empty() || (nothing_older.is_some() && !have_known_slots)
    }

    /// Returns what is wrong with a candle that was read, or `None`.
    fn invalid_reason(&self, candle: &Candle) -> Option<String> {
        let Candle { open_time, open, high, low, close, volume, .. } = candle;
        if !self.grid.is_open_time(self.timeframe(), *open_time) {
            return Some(format!("it opens at {open_time}, where no slot does"));
        }
        if !candle.is_valid() {
            return Some(format!(
                "impossible figures: open {open}, high {high}, low {low}, close {close}, volume {volume}"
            ));
        }
        let before = self.request.before.filter(|before| *open_time >= *before)?;
        Some(format!("it opens at {open_time}, which is not before {before}, the end of the request"))
    }

    fn reject(&mut self, bad: BadRow) {
        if let Some(time) = bad.time {
            let slot = self.grid.floor(self.timeframe(), time);
            self.uncertain.extend(TimeRange::new(slot, self.close(slot)));
        } else {
            self.unreadable += 1;
        }
        let market = bad.market.unwrap_or_else(|| self.request.series.symbol.code().to_owned());
        // A time that was not asked for, or that is still to come, says nothing about the slot the row stands for.
        let is_due = |slot: &Timestamp| self.request.before.is_none_or(|before| *slot < before);
        let slot = bad.time.map(|time| self.grid.floor(self.timeframe(), time)).filter(is_due);
        self.rejected.push(RejectedRow { market, slot, reason: bad.reason });
    }

    /// Sorts the rows. Identical rows of one slot are one row; of rows that differ neither is accepted.
    fn remove_conflicting(&mut self) {
        self.candles.sort_by_key(|candle| candle.open_time);
        self.candles.dedup();
        let mut at = 0;
        while at + 1 < self.candles.len() {
            let slot = self.candles[at].open_time;
            let duplicates = self.candles[at..].iter().take_while(|candle| candle.open_time == slot).count();
            if duplicates == 1 {
                at += 1;
                continue;
            }
            self.candles.drain(at..at + duplicates);
            self.conflicting.extend(TimeRange::new(slot, self.close(slot)));
            let reason = format!("{duplicates} rows that differ");
            self.reject(BadRow { market: None, time: Some(slot), reason });
        }
        // A valid row of a slot stays, whatever else was reported for the slot.
        let candles = &self.candles;
        let lacks_row = |range: &TimeRange| {
            let slot = candles.binary_search_by_key(&range.from(), |candle| candle.open_time);
            slot.is_err()
        };
        self.uncertain.retain(lacks_row);
        self.uncertain.sort();
        self.uncertain.dedup();
    }

    fn timeframe(&self) -> Timeframe {
        self.request.series.timeframe
    }

    fn close(&self, open: Timestamp) -> Timestamp {
        self.grid.close(self.timeframe(), open)
    }
}

//! The answer to a candle query: candles, the coverage of the range they lie in, and where each part came
//! from.

mod rows;

use crate::{
    Candle, CandleColumns, CandleQuery, Coverage, RejectedRow, Selection, Series, TimeRange, Timestamp,
    WriteFailure,
};

/// The sources of an answer's rows, and the number of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchStats {
    /// The number of rows from the block cache or a live socket's memory.
    pub memory_rows: u64,
    /// The number of rows read from disk.
    pub disk_rows: u64,
    /// The number of rows read from a store that other machines share.
    pub shared_rows: u64,
    /// The number of rows fetched from the venue.
    pub venue_rows: u64,
    /// The number of requests sent to the venue, retries included.
    pub requests: u64,
}

impl FetchStats {
    /// Adds the figures of `other` to these.
    pub fn add(&mut self, other: Self) {
        self.memory_rows += other.memory_rows;
        self.disk_rows += other.disk_rows;
        self.shared_rows += other.shared_rows;
        self.venue_rows += other.venue_rows;
        self.requests += other.requests;
    }
}

/// The knowledge about one slot of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    /// Trades happened, and this is their candle.
    Present(Candle),
    /// It is proven that no trade happened.
    Empty,
    /// The slot is unknown: nobody has asked, or the answer proved nothing.
    Unknown,
    /// Two observations disagree. This is the candle that counts until the slot is asked for again, if there is
    /// one.
    Disputed(Option<Candle>),
}

/// A part of an answer. Parts arrive in any order and may overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandlePart {
    /// The candles, oldest first. They may include candles that are not final.
    pub candles: CandleColumns,
    /// The coverage this part proves.
    pub coverage: Coverage,
    /// The sources of this part's rows.
    pub stats: FetchStats,
    /// Rows of the venue, or of a store, that were left out because they are impossible.
    pub rejected: Vec<RejectedRow>,
    /// The rows that could not be stored, where a store should have kept them.
    pub write_failure: Option<WriteFailure>,
}

/// The candles of a series, oldest first, with their coverage.
#[derive(Clone, Debug, PartialEq)]
pub struct CandleSet {
    /// The series of the candles.
    pub series: Series,
    /// The candles, oldest first, strictly rising. Only the newest one may be not final.
    pub candles: CandleColumns,
    /// The proven ranges around the candles.
    pub coverage: Coverage,
    /// The sources of the rows.
    pub stats: FetchStats,
    /// Rows of the venue, or of a store, that were left out because they are impossible. Their slots are unknown
    /// or disputed.
    pub rejected: Vec<RejectedRow>,
    /// The candles that were asked for and could not be stored: the disk is full, fails, or holds a damaged file.
    pub write_failure: Option<WriteFailure>,
}

impl CandleSet {
    /// Returns a set without candles and without coverage.
    #[must_use]
    pub fn empty(series: Series) -> Self {
        Self {
            series,
            candles: CandleColumns::new(),
            coverage: Coverage::empty(),
            stats: FetchStats::default(),
            rejected: Vec::new(),
            write_failure: None,
        }
    }

    /// Joins parts into one answer.
    ///
    /// A candle that arrives twice is kept once: a final one wins over one that is not, otherwise the later
    /// part's wins. A single part's candles are not copied.
    #[must_use]
    pub fn assemble(series: Series, parts: impl IntoIterator<Item = CandlePart>) -> Self {
        let (mut set, mut candles) = (Self::empty(series), Vec::new());
        for part in parts {
            set.coverage.merge(&part.coverage);
            set.stats.add(part.stats);
            set.write_failure = WriteFailure::merge(set.write_failure, part.write_failure);
            candles.push(part.candles);
            for row in part.rejected {
                if !set.rejected.contains(&row) {
                    set.rejected.push(row);
                }
            }
        }
        set.candles = CandleColumns::merged(candles);
        set
    }

    /// Joins parts into the answer to `query`, restricted to what it asked for.
    #[must_use]
    pub fn for_query(query: &CandleQuery, parts: impl IntoIterator<Item = CandlePart>) -> Self {
        let mut set = Self::assemble(query.series.clone(), parts);
        match query.selection() {
            Selection::Last { count, floor, before } => {
                if let Ok(asked) = TimeRange::new(floor, before.unwrap_or(Timestamp::MAX)) {
                    set.clip(asked);
                }
                set.keep_last(count);
            }
            Selection::Range(range) => set.clip(range),
        }
        set
    }

    /// Keeps only what lies in `range`.
    pub fn clip(&mut self, range: TimeRange) {
        self.candles.keep(self.candles.rows_within(range));
        self.coverage = self.coverage.within(range);
        self.rejected.retain(|row| row.slot.is_none_or(|slot| range.contains(slot)));
    }

    /// Keeps the newest `count` candles, and the coverage from the oldest of them on.
    pub fn keep_last(&mut self, count: usize) {
        if self.candles.len() > count {
            self.candles.keep_last(count);
            self.clip_to_rows();
        }
    }

    fn clip_to_rows(&mut self) {
        if let Some(oldest) = self.candles.first()
            && let Ok(range) = TimeRange::new(oldest.open_time, Timestamp::MAX)
        {
            self.coverage = self.coverage.within(range);
        }
    }

    /// Returns what is known about the slot that opens at `open_time`.
    #[must_use]
    pub fn slot(&self, open_time: Timestamp) -> Slot {
        match self.candles.search(open_time).ok().and_then(|row| self.candles.get(row)) {
            candle if self.coverage.dispute_at(open_time).is_some() => Slot::Disputed(candle),
            Some(candle) => Slot::Present(candle),
            None if self.coverage.is_known(open_time) => Slot::Empty,
            None => Slot::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dispute, Origin, Provenance, Span, Symbol, Timeframe, VenueId};

    fn series() -> Series {
        Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1)
    }

    fn candle(minute: i64, close: f64, is_final: bool) -> Candle {
        let open_time = Timestamp::from_secs(minute * 60);
        Candle { open_time, open: 1.0, high: 9.0, low: 1.0, close, volume: 1.0, turnover: 1.0, is_final }
    }

    fn part(candles: Vec<Candle>, from: i64, to: i64) -> CandlePart {
        let range = TimeRange::new(Timestamp::from_secs(from * 60), Timestamp::from_secs(to * 60)).unwrap();
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        let coverage = [Span { range, provenance }].into_iter().collect();
        let served = FetchStats { requests: 1, ..FetchStats::default() };
        CandlePart { candles: candles.into(), coverage, stats: served, ..CandlePart::default() }
    }

    #[test]
    fn pieces_in_any_order_become_one_rising_row() {
        let newer = part(vec![candle(5, 1.0, true), candle(6, 1.0, true)], 5, 7);
        let older = part(vec![candle(2, 1.0, true), candle(5, 1.0, true)], 1, 6);
        let set = CandleSet::assemble(series(), [newer, older]);
        let minutes: Vec<_> = set.candles.iter().map(|c| c.open_time.as_secs() / 60).collect();
        assert_eq!(minutes, [2, 5, 6]);
        assert_eq!(set.stats.requests, 2);
    }

    #[test]
    fn a_final_candle_is_never_replaced_by_a_forming_one() {
        let forming = part(vec![candle(5, 2.0, false)], 1, 5);
        let closed = part(vec![candle(5, 3.0, true)], 1, 6);
        for parts in [[forming.clone(), closed.clone()], [closed, forming]] {
            let set = CandleSet::assemble(series(), parts);
            assert_eq!(set.candles, [candle(5, 3.0, true)]);
        }
    }

    #[test]
    fn empty_is_said_only_where_it_is_proven() {
        let set = CandleSet::assemble(series(), [part(vec![candle(2, 1.0, true)], 2, 4)]);
        let at = |minute: i64| set.slot(Timestamp::from_secs(minute * 60));
        assert_eq!(
            (at(1), at(2), at(3), at(4)),
            (Slot::Unknown, Slot::Present(candle(2, 1.0, true)), Slot::Empty, Slot::Unknown)
        );
    }

    #[test]
    fn a_slot_of_which_two_things_were_said_is_disputed_with_or_without_a_candle() {
        let mut disputed = part(vec![candle(2, 1.0, true)], 1, 4);
        let range = TimeRange::new(Timestamp::from_secs(120), Timestamp::from_secs(240)).unwrap();
        disputed.coverage.add_dispute(Dispute { range, earlier: None, later: None });
        let set = CandleSet::assemble(series(), [disputed]);
        let at = |minute: i64| set.slot(Timestamp::from_secs(minute * 60));
        let two = Slot::Disputed(Some(candle(2, 1.0, true)));
        assert_eq!((at(1), at(2), at(3)), (Slot::Empty, two, Slot::Disputed(None)));
    }

    #[test]
    fn keeping_the_last_keeps_their_coverage_alone() {
        let mut set =
            CandleSet::assemble(series(), [part(vec![candle(2, 1.0, true), candle(5, 1.0, true)], 1, 9)]);
        set.keep_last(1);
        assert_eq!(set.candles.len(), 1);
        assert_eq!(set.slot(Timestamp::from_secs(4 * 60)), Slot::Unknown);
        assert_eq!(set.slot(Timestamp::from_secs(6 * 60)), Slot::Empty);
    }
}

//! What is left of an answer when its candles have been written: enough for `--stats`, in little memory.

use market_backbone::{
    CandleSet, Coverage, FetchStats, RejectedRow, Series, TimeRange, Timeframe, Timestamp, WriteFailure,
};

/// The figures of an answer, gathered piece by piece.
#[derive(Debug)]
pub(crate) struct AnswerSummary {
    pub(crate) timeframe: Timeframe,
    pub(crate) rows: usize,
    pub(crate) served: FetchStats,
    pub(crate) coverage: Coverage,
    pub(crate) rejected: Vec<RejectedRow>,
    pub(crate) write_failure: Option<WriteFailure>,
    present: Vec<TimeRun>,
}

/// Open times at equal distances, in Unix nanoseconds: all minutes of a day are one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimeRun {
    first: i64,
    step: i64,
    count: i64,
}

impl AnswerSummary {
    /// A summary of nothing yet.
    pub(crate) fn new(series: &Series) -> Self {
        Self {
            timeframe: series.timeframe,
            rows: 0,
            served: FetchStats::default(),
            coverage: Coverage::empty(),
            rejected: Vec::new(),
            write_failure: None,
            present: Vec::new(),
        }
    }

    /// Adds the next piece, which is later than those before it.
    pub(crate) fn add(&mut self, piece: &CandleSet) {
        self.rows += piece.candles.len();
        self.served.add(piece.stats);
        self.coverage.merge(&piece.coverage);
        self.rejected.extend(
            piece.rejected.iter().filter(|row| !self.rejected.contains(row)).cloned().collect::<Vec<_>>(),
        );
        self.write_failure = WriteFailure::merge(self.write_failure.take(), piece.write_failure.clone());
        piece.candles.open_times_ns().iter().for_each(|time| self.push(*time));
    }

    fn push(&mut self, time: i64) {
        match self.present.last_mut() {
            Some(run) if run.count == 1 => (run.step, run.count) = (time - run.first, 2),
            Some(run) if time == run.first + run.step * run.count => run.count += 1,
            _ => self.present.push(TimeRun { first: time, step: 1, count: 1 }),
        }
    }

    /// Returns the open time of the oldest candle.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.present.first().map(|run| Timestamp::from_nanos(run.first))
    }

    /// Returns the open time of the newest candle.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.present.last().map(|run| Timestamp::from_nanos(run.last()))
    }

    /// Returns how many candles open in `range`.
    pub(crate) fn present(&self, range: TimeRange) -> u64 {
        let (from, to) = (range.from().as_nanos(), range.to().as_nanos());
        let begin = self.present.partition_point(|run| run.last() < from);
        let runs = self.present[begin..].iter().take_while(|run| run.first < to);
        runs.map(|run| run.before(to) - run.before(from)).sum()
    }
}

impl TimeRun {
    const fn last(&self) -> i64 {
        self.first + self.step * (self.count - 1)
    }

    /// Returns how many of them lie before `moment`.
    fn before(&self, moment: i64) -> u64 {
        let distance = i128::from(moment) - i128::from(self.first);
        let step = i128::from(self.step);
        let before = (distance + step - 1).div_euclid(step).clamp(0, i128::from(self.count));
        u64::try_from(before).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone::{Symbol, UPBIT};

    #[test]
    fn counts_of_ranges_are_those_of_the_times_themselves() {
        let series = Series::new(Symbol::new(UPBIT, "KRW-BTC").unwrap(), Timeframe::M1);
        let mut summary = AnswerSummary::new(&series);
        // Dense, then with holes, then alone.
        let times: Vec<i64> = (10..30).chain([33, 36, 39, 40, 41, 50, 90]).collect();
        times.iter().for_each(|time| summary.push(*time));
        assert!(summary.present.len() < 7, "{:?}", summary.present);
        assert_eq!(summary.oldest(), Some(Timestamp::from_nanos(10)));
        assert_eq!(summary.newest(), Some(Timestamp::from_nanos(90)));
        for from in 0..100 {
            for to in from + 1..100 {
                let range = TimeRange::new(Timestamp::from_nanos(from), Timestamp::from_nanos(to)).unwrap();
                let want = times.iter().filter(|time| (from..to).contains(*time)).count() as u64;
                assert_eq!(summary.present(range), want, "{from}..{to}");
            }
        }
        let always = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert_eq!(summary.present(always), times.len() as u64);
    }
}

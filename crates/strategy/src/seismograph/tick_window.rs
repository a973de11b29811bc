//! A minute of trades, counted in event time.

use std::collections::VecDeque;

use market_backbone_core::{Side, Timestamp};

/// The length of a bucket in nanoseconds: 100 ms.
const BUCKET_NANOS: i64 = 100_000_000;
/// The buckets of the whole window: 60 s.
const WINDOW_BUCKETS: i64 = 600;
/// The buckets of the recent window: 10 s.
const RECENT_BUCKETS: i64 = 100;
/// The unit in which volumes are added up, so that a sum does not depend on the order of its trades.
const UNITS_PER_ONE: f64 = 1e8;

/// The trades of one bucket.
#[derive(Clone, Copy, Debug)]
struct TickBucket {
    index: i64,
    ticks: u64,
    buys: u128,
    sells: u128,
}

/// The trades of the last 60 seconds of one market, and of the last 10 of them.
///
/// Time is cut into buckets of 100 ms, of which at most 600 are kept, so that neither the memory nor the cost of a trade
/// depends on how busy the market is. Volumes are added up in units of 10⁻⁸: the sums are exact and do not depend on the
/// order in which trades arrive. A trade from before the window is not counted, but it is counted as late.
#[derive(Clone, Debug)]
pub struct TickWindow {
    // Invariant: sorted by index, all in (newest - 600, newest], none empty.
    buckets: VecDeque<TickBucket>,
    newest: Option<i64>,
    since: Option<i64>,
    // The number of leading buckets that are not in the recent window.
    before_recent: usize,
    ticks: u64,
    recent_ticks: u64,
    buys: u128,
    sells: u128,
    late: u64,
}

impl Default for TickWindow {
    fn default() -> Self {
        let buckets = VecDeque::with_capacity(WINDOW_BUCKETS as usize + 1);
        let (ticks, recent_ticks, late, buys, sells) = (0, 0, 0, 0, 0);
        Self { buckets, newest: None, since: None, before_recent: 0, ticks, recent_ticks, buys, sells, late }
    }
}

impl TickWindow {
    /// Returns an empty window, with all the memory it will ever need.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that nothing has been missed since `time`. Without it, the first trade is the beginning.
    pub fn watch_from(&mut self, time: Timestamp) {
        let index = bucket(time);
        self.since = Some(self.since.map_or(index, |since| since.min(index)));
    }

    /// Forgets everything: what happens from now on is all that is known.
    pub fn reset(&mut self) {
        self.buckets.clear();
        (self.newest, self.since, self.before_recent) = (None, None, 0);
        (self.ticks, self.recent_ticks, self.buys, self.sells) = (0, 0, 0, 0);
    }

    /// Adds a trade. A size that is not a positive number counts as a trade without volume.
    pub fn add(&mut self, time: Timestamp, size: f64, side: Option<Side>) {
        let index = bucket(time);
        if self.since.is_none() {
            self.since = Some(index);
        }
        self.advance(time);
        let newest = self.newest.unwrap_or(index);
        if index <= newest.saturating_sub(WINDOW_BUCKETS) {
            self.late += 1;
            return;
        }
        let is_recent = index > newest.saturating_sub(RECENT_BUCKETS);
        let at = match self.buckets.back() {
            Some(last) if last.index == index => self.buckets.len() - 1,
            Some(last) if last.index > index => self.insert_late(index, is_recent),
            _ => {
                // The clock of other events may be ahead of a market's trades by more than the recent window.
                self.before_recent += usize::from(!is_recent);
                self.buckets.push_back(TickBucket { index, ticks: 0, buys: 0, sells: 0 });
                self.buckets.len() - 1
            }
        };
        let units = volume_units(size);
        let bucket = &mut self.buckets[at];
        bucket.ticks += 1;
        self.ticks += 1;
        self.recent_ticks += u64::from(is_recent);
        match side {
            Some(Side::Buy) => {
                bucket.buys += units;
                self.buys += units;
            }
            Some(Side::Sell) => {
                bucket.sells += units;
                self.sells += units;
            }
            None => {}
        }
    }

    /// The place of the bucket of a trade that came after later ones.
    fn insert_late(&mut self, index: i64, is_recent: bool) -> usize {
        let at = self.buckets.partition_point(|bucket| bucket.index < index);
        if self.buckets.get(at).is_none_or(|bucket| bucket.index != index) {
            self.buckets.insert(at, TickBucket { index, ticks: 0, buys: 0, sells: 0 });
            self.before_recent += usize::from(!is_recent);
        }
        at
    }

    /// Moves the end of the window to `now`, unless it is there already.
    pub fn advance(&mut self, now: Timestamp) {
        let now = bucket(now);
        if self.newest.is_some_and(|newest| newest >= now) {
            return;
        }
        self.newest = Some(now);
        let recent_from = now.saturating_sub(RECENT_BUCKETS);
        while let Some(bucket) =
            self.buckets.get(self.before_recent).filter(|bucket| bucket.index <= recent_from)
        {
            self.recent_ticks -= bucket.ticks;
            self.before_recent += 1;
        }
        let from = now.saturating_sub(WINDOW_BUCKETS);
        while let Some(bucket) = self.buckets.pop_front_if(|bucket| bucket.index <= from) {
            self.before_recent -= 1;
            self.ticks -= bucket.ticks;
            self.buys -= bucket.buys;
            self.sells -= bucket.sells;
        }
    }

    /// Returns the number of trades in the last 60 seconds.
    #[must_use]
    pub const fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Returns the number of trades in the last 10 seconds.
    #[must_use]
    pub const fn recent_ticks(&self) -> u64 {
        self.recent_ticks
    }

    /// Returns the volume that takers bought in the last 60 seconds.
    #[must_use]
    pub fn bought(&self) -> f64 {
        self.buys as f64 / UNITS_PER_ONE
    }

    /// Returns the volume that takers sold in the last 60 seconds.
    #[must_use]
    pub fn sold(&self) -> f64 {
        self.sells as f64 / UNITS_PER_ONE
    }

    /// Returns how many trades came too late to be counted.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// Returns whether the market has been watched for the whole window.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        match (self.since, self.newest) {
            (Some(since), Some(newest)) => newest.saturating_sub(since) >= WINDOW_BUCKETS,
            _ => false,
        }
    }
}

fn bucket(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(BUCKET_NANOS)
}

/// The volume `size` in units of 10⁻⁸; nothing for what is no volume.
pub(super) fn volume_units(size: f64) -> u128 {
    // A cast of a negative number or of NaN gives 0, and one beyond the range the largest number.
    ((size * UNITS_PER_ONE).round() as u128).min(u128::from(u64::MAX) << 32)
}

/// The volume of `units`.
pub(super) fn volume_of(units: u128) -> f64 {
    units as f64 / UNITS_PER_ONE
}

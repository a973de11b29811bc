//! What the process remembers of a series, and which of the cached blocks of it are still true.
//!
//! Here only own commits are counted. Whether others have committed is known by their [epoch](super::belief): whoever wants to
//! use what is remembered [enters](SeriesState::enter) the one that holds first, which gives up all that is of an older one.
//!
//! Every commit raises the series' version and notes which blocks it touched. A cached block carries the
//! version that was current *before* it was read from disk; it is true as long as nothing in its stretch
//! was touched after that. So a read that was under way while a commit landed may put an old block into the
//! cache, but nobody will ever be served it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use market_backbone_core::{Candle, Coverage, Series, VenueId};

use super::belief::{Belief, Epoch};
use super::block::BlockGrid;
use super::table_name::TableName;

/// How many touched blocks are remembered one by one before all older blocks are given up.
const MAX_TOUCHES: usize = 4_096;

/// What the process remembers of a series.
#[derive(Debug)]
pub(super) struct SeriesState {
    /// A short name for it in cache keys.
    pub(super) number: usize,
    /// Whose it is.
    pub(super) venue: VenueId,
    /// Where its rows are.
    pub(super) table: TableName,
    /// Its name in the ledger.
    pub(super) label: String,
    /// How its time is cut into blocks.
    pub(super) grid: BlockGrid,
    /// Which shard holds it, once that is known. Nothing is remembered before.
    pub(super) home: OnceLock<Home>,
    table_exists: AtomicBool,
    memory: Mutex<Memory>,
}

/// The shard that holds a series.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) shard: u32,
    /// Whether memory of it is true; `None` where nothing is remembered.
    pub(super) belief: Option<Arc<Belief>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// What all this is of.
    epoch: Epoch,
    /// How many commits there have been.
    version: u64,
    /// Blocks read before this version are no longer believed.
    believed_since: u64,
    /// The version that last touched a block.
    touched: BTreeMap<i64, u64>,
    coverage: Option<Arc<Coverage>>,
}

impl SeriesState {
    pub(super) fn new(series: &Series, number: usize) -> Self {
        Self {
            number,
            venue: series.symbol.venue(),
            table: TableName::of(series),
            label: series.to_string(),
            grid: BlockGrid::of(series.timeframe),
            home: OnceLock::new(),
            table_exists: AtomicBool::new(false),
            memory: Mutex::default(),
        }
    }

    /// Gives up what is remembered, unless it is of this epoch (or a later one: whoever comes late is not shown less).
    pub(super) fn enter(&self, epoch: Epoch) {
        self.memory().enter(epoch);
    }

    /// Gives up what is remembered: somebody may be changing it at this moment.
    pub(super) fn distrust(&self) {
        self.memory().clear();
    }

    /// To be asked before the disk is.
    pub(super) fn version(&self) -> u64 {
        self.memory().version
    }

    /// Whether what was read at `version` still holds for these blocks.
    pub(super) fn still_true(&self, version: u64, blocks: RangeInclusive<i64>) -> bool {
        let memory = self.memory();
        version >= memory.believed_since
            && memory.touched.range(blocks).all(|(_, touched_at)| *touched_at <= version)
    }

    pub(super) fn coverage(&self) -> Option<Arc<Coverage>> {
        self.memory().coverage.clone()
    }

    /// Keeps a ledger read from disk, unless a commit has landed since `version`.
    pub(super) fn remember(&self, version: u64, coverage: &Arc<Coverage>) {
        let mut memory = self.memory();
        if memory.version == version {
            memory.coverage = Some(Arc::clone(coverage));
        }
    }

    /// Tells of a commit that is on disk now, with the ledger and the epoch it was made in, or (without them) of one that may
    /// or may not be.
    pub(super) fn committed(&self, candles: &[Candle], coverage: Option<(Coverage, Epoch)>) {
        let mut memory = self.memory();
        memory.learn(coverage);
        let version = memory.version;
        memory.touched.extend(candles.iter().map(|candle| (self.grid.block_of(candle.open_time), version)));
        if memory.touched.len() > MAX_TOUCHES {
            memory.touched.clear();
            memory.believed_since = version;
        }
    }

    /// Tells that rows were taken out, or (without a ledger) that they may or may not have been.
    pub(super) fn forgotten(&self, coverage: Option<(Coverage, Epoch)>) {
        let mut memory = self.memory();
        memory.learn(coverage);
        memory.touched.clear();
        memory.believed_since = memory.version;
    }

    pub(super) fn table_exists(&self) -> bool {
        self.table_exists.load(Ordering::Acquire)
    }

    pub(super) fn found_table(&self) {
        self.table_exists.store(true, Ordering::Release);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // No code that can panic runs between related changes, so a poisoned lock holds nothing half done.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn enter(&mut self, epoch: Epoch) {
        if self.epoch < epoch {
            self.epoch = epoch;
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.version += 1;
        self.believed_since = self.version;
        self.touched.clear();
        self.coverage = None;
    }

    /// The next version begins, with this ledger if it is not of an epoch that is over.
    fn learn(&mut self, coverage: Option<(Coverage, Epoch)>) {
        if let Some((_, epoch)) = &coverage {
            self.enter(*epoch);
        }
        self.version += 1;
        let told = coverage.filter(|(_, epoch)| *epoch == self.epoch);
        self.coverage = told.map(|(coverage, _)| Arc::new(coverage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Provenance, Span, Symbol, TimeRange, Timeframe, Timestamp};

    fn state() -> SeriesState {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        SeriesState::new(&Series::new(symbol, Timeframe::M1), 0)
    }

    fn ledger(to: i64) -> Coverage {
        let range = TimeRange::new(Timestamp::EPOCH, Timestamp::from_secs(to)).unwrap();
        let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::EPOCH };
        [Span { range, provenance }].into_iter().collect()
    }

    #[test]
    fn a_ledger_read_before_a_commit_does_not_hide_it() {
        let state = state();
        let before = state.version();
        state.committed(&[], Some((ledger(2), 0)));
        state.remember(before, &Arc::new(ledger(1)));
        assert_eq!(state.coverage().as_deref(), Some(&ledger(2)));
    }

    #[test]
    fn after_a_commit_in_doubt_the_ledger_is_read_anew() {
        let state = state();
        state.remember(state.version(), &Arc::new(ledger(1)));
        state.committed(&[], None);
        assert_eq!(state.coverage(), None);
    }

    #[test]
    fn after_rows_were_taken_out_no_block_read_before_is_believed() {
        let state = state();
        let before = state.version();
        state.forgotten(Some((ledger(1), 0)));
        assert!(!state.still_true(before, 0..=0) && state.still_true(state.version(), 0..=0));
    }

    #[test]
    fn what_is_of_an_epoch_that_is_over_is_given_up_and_not_taken_back() {
        let state = state();
        let before = state.version();
        state.remember(before, &Arc::new(ledger(1)));
        state.enter(1);
        assert!(state.coverage().is_none() && !state.still_true(before, 0..=0));
        state.remember(state.version(), &Arc::new(ledger(3)));
        // Committed before others did, told of after that was found out.
        state.committed(&[], Some((ledger(2), 0)));
        assert_eq!(state.coverage(), None);
        state.remember(state.version(), &Arc::new(ledger(3)));
        state.enter(0);
        assert_eq!(state.coverage().as_deref(), Some(&ledger(3)), "whoever comes late takes nothing away");
    }

    #[test]
    fn when_touches_are_forgotten_so_is_all_that_was_read_before() {
        let state = state();
        let candle = |block: usize| Candle {
            open_time: Timestamp::from_millis(state.grid.start_ms(block as i64)),
            open: 1.0,
            high: 1.0,
            low: 1.0,
            close: 1.0,
            volume: 1.0,
            turnover: 1.0,
            is_final: true,
        };
        let before = state.version();
        state.committed(&(0..=MAX_TOUCHES).map(candle).collect::<Vec<_>>(), None);
        assert!(!state.still_true(before, 3..=3) && !state.still_true(before, -9..=-9));
        assert!(state.still_true(state.version(), 3..=3));
    }
}

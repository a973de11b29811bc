//! What the process remembers of a series, and which of the cached blocks of it are still true.
//!
//! Here only own commits are counted. Whether others have committed is known by their [epoch](super::cached_view): whoever wants to
//! use what is remembered [enters](SeriesState::enter) the one that holds first, which gives up all that is of an older one.
//!
//! Every commit raises the series' version and notes which blocks it touched. A cached block carries the
//! version that was current *before* it was read from disk; it is true as long as nothing in its stretch
//! was touched after that. So a read that was under way while a commit landed may put an old block into the
//! cache, but nobody will ever be served it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use market_backbone_core::{Candle, Coverage, Series, VenueId};

use super::block::BlockGrid;
use super::cached_view::{CachedView, Epoch};
use super::shard_pool::ShardId;
use super::table_name::TableName;

/// How many touched blocks are remembered one by one before all older blocks are given up.
const MAX_TOUCHED_BLOCKS: usize = 4_096;

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
    pub(super) location: OnceLock<SeriesLocation>,
    table_exists: AtomicBool,
    damage_reported: AtomicBool,
    cache: Mutex<SeriesCache>,
}

/// The shard that holds a series.
#[derive(Debug)]
pub(super) struct SeriesLocation {
    pub(super) shard: u32,
    /// Whether memory of it is true; `None` where nothing is remembered.
    pub(super) cached_view: Option<Arc<CachedView>>,
}

#[derive(Debug, Default)]
struct SeriesCache {
    /// What all this is of.
    epoch: Epoch,
    /// How many commits there have been.
    version: u64,
    /// Blocks read before this version are no longer believed.
    valid_since: u64,
    /// The version that last touched a block.
    touched: BTreeMap<i64, u64>,
    coverage: Option<Arc<Coverage>>,
    /// Blocks that were found to be damaged and are still on disk; nothing is known of them, whatever the ledger says.
    uncertain_blocks: BTreeSet<i64>,
    /// The same of all there is.
    all_uncertain: bool,
}

impl SeriesState {
    pub(super) fn new(series: &Series, number: usize) -> Self {
        Self {
            number,
            venue: series.symbol.venue(),
            table: TableName::of(series),
            label: series.to_string(),
            grid: BlockGrid::of(series.timeframe),
            location: OnceLock::new(),
            table_exists: AtomicBool::new(false),
            damage_reported: AtomicBool::new(false),
            cache: Mutex::default(),
        }
    }

    /// The shard that holds it, once that is known.
    pub(super) fn shard_id(&self) -> Option<ShardId> {
        self.location.get().map(|home| ShardId { venue: self.venue, number: home.shard })
    }

    /// Gives up what is remembered, unless it is of this epoch (or a later one: whoever comes late is not shown less).
    pub(super) fn enter_epoch(&self, epoch: Epoch) {
        self.cache().enter_epoch(epoch);
    }

    /// Gives up what is remembered: somebody may be changing it at this moment.
    pub(super) fn invalidate(&self) {
        self.cache().clear();
    }

    /// To be asked before the disk is.
    pub(super) fn version(&self) -> u64 {
        self.cache().version
    }

    /// Whether what was read at `version` still holds for these blocks.
    pub(super) fn is_current(&self, version: u64, blocks: RangeInclusive<i64>) -> bool {
        let memory = self.cache();
        version >= memory.valid_since
            && memory.touched.range(blocks).all(|(_, touched_at)| *touched_at <= version)
    }

    pub(super) fn coverage(&self) -> Option<Arc<Coverage>> {
        self.cache().coverage.clone()
    }

    /// Keeps a ledger read from disk, unless a commit has landed since `version`.
    pub(super) fn cache_coverage(&self, version: u64, coverage: &Arc<Coverage>) {
        let mut memory = self.cache();
        if memory.version == version && !memory.has_uncertainty() {
            memory.coverage = Some(Arc::clone(coverage));
        }
    }

    /// Tells of a commit that is on disk now, with the ledger and the epoch it was made in, or (without them) of one that may
    /// or may not be.
    pub(super) fn rows_committed(&self, candles: &[Candle], coverage: Option<(Coverage, Epoch)>) {
        let mut memory = self.cache();
        memory.set_coverage(coverage);
        let version = memory.version;
        memory.touched.extend(candles.iter().map(|candle| (self.grid.block_of(candle.open_time), version)));
        if memory.touched.len() > MAX_TOUCHED_BLOCKS {
            memory.touched.clear();
            memory.valid_since = version;
        }
    }

    /// Tells that rows were taken out, or (without a ledger) that they may or may not have been.
    pub(super) fn rows_removed(&self, coverage: Option<(Coverage, Epoch)>) {
        let mut memory = self.cache();
        memory.set_coverage(coverage);
        memory.touched.clear();
        memory.valid_since = memory.version;
    }

    /// Notes that damage was found: somebody should look at the structure of the table.
    pub(super) fn report_damage(&self) {
        self.damage_reported.store(true, Ordering::Release);
    }

    /// Whether damage was found since this was asked last.
    pub(super) fn take_damage_report(&self) -> bool {
        self.damage_reported.swap(false, Ordering::AcqRel)
    }

    /// Takes note that these blocks do not check.
    pub(super) fn mark_uncertain(&self, blocks: &[i64]) {
        let mut memory = self.cache();
        memory.uncertain_blocks.extend(blocks);
        memory.coverage = None;
    }

    /// Takes note that the ledger does not check.
    pub(super) fn mark_all_uncertain(&self) {
        let mut memory = self.cache();
        memory.all_uncertain = true;
        memory.coverage = None;
    }

    /// Takes note that what is on disk of these blocks is right again; of none in particular: of the ledger.
    pub(super) fn clear_uncertain(&self, blocks: &[i64]) {
        let mut memory = self.cache();
        memory.all_uncertain &= !blocks.is_empty();
        for block in blocks {
            memory.uncertain_blocks.remove(block);
        }
    }

    /// The same of all blocks of a stretch that has been written.
    pub(super) fn clear_uncertain_run(&self, (first, last): (i64, i64)) {
        let mut memory = self.cache();
        if !memory.uncertain_blocks.is_empty() {
            memory.uncertain_blocks.retain(|block| !(first..=last).contains(block));
        }
    }

    /// What is known without what is doubted.
    pub(super) fn without_uncertain(&self, mut known: Coverage) -> Coverage {
        let memory = self.cache();
        if memory.all_uncertain {
            return Coverage::empty();
        }
        for stretch in memory.uncertain_blocks.iter().filter_map(|block| self.grid.time_range(*block)) {
            known.remove(stretch);
        }
        known
    }

    /// Another file has taken the place of the one that all this was read from.
    pub(super) fn reset(&self) {
        {
            let mut memory = self.cache();
            memory.uncertain_blocks.clear();
            memory.all_uncertain = false;
        }
        self.rows_removed(None);
    }

    pub(super) fn table_exists(&self) -> bool {
        self.table_exists.load(Ordering::Acquire)
    }

    pub(super) fn set_table_exists(&self) {
        self.table_exists.store(true, Ordering::Release);
    }

    fn cache(&self) -> MutexGuard<'_, SeriesCache> {
        // No code that can panic runs between related changes, so a poisoned lock holds nothing half done.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesCache {
    fn has_uncertainty(&self) -> bool {
        self.all_uncertain || !self.uncertain_blocks.is_empty()
    }

    fn enter_epoch(&mut self, epoch: Epoch) {
        if self.epoch < epoch {
            self.epoch = epoch;
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.version += 1;
        self.valid_since = self.version;
        self.touched.clear();
        self.coverage = None;
    }

    /// The next version begins, with this ledger if it is not of an epoch that is over.
    fn set_coverage(&mut self, coverage: Option<(Coverage, Epoch)>) {
        if let Some((_, epoch)) = &coverage {
            self.enter_epoch(*epoch);
        }
        self.version += 1;
        // Where anything is doubted, the ledger is read anew each time.
        let is_certain = !self.has_uncertainty();
        let current = coverage.filter(|(_, epoch)| is_certain && *epoch == self.epoch);
        self.coverage = current.map(|(coverage, _)| Arc::new(coverage));
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
        state.rows_committed(&[], Some((ledger(2), 0)));
        state.cache_coverage(before, &Arc::new(ledger(1)));
        assert_eq!(state.coverage().as_deref(), Some(&ledger(2)));
    }

    #[test]
    fn after_a_commit_in_doubt_the_ledger_is_read_anew() {
        let state = state();
        state.cache_coverage(state.version(), &Arc::new(ledger(1)));
        state.rows_committed(&[], None);
        assert_eq!(state.coverage(), None);
    }

    #[test]
    fn after_rows_were_taken_out_no_block_read_before_is_believed() {
        let state = state();
        let before = state.version();
        state.rows_removed(Some((ledger(1), 0)));
        assert!(!state.is_current(before, 0..=0) && state.is_current(state.version(), 0..=0));
    }

    #[test]
    fn what_is_of_an_epoch_that_is_over_is_given_up_and_not_taken_back() {
        let state = state();
        let before = state.version();
        state.cache_coverage(before, &Arc::new(ledger(1)));
        state.enter_epoch(1);
        assert!(state.coverage().is_none() && !state.is_current(before, 0..=0));
        state.cache_coverage(state.version(), &Arc::new(ledger(3)));
        // Committed before others did, told of after that was found out.
        state.rows_committed(&[], Some((ledger(2), 0)));
        assert_eq!(state.coverage(), None);
        state.cache_coverage(state.version(), &Arc::new(ledger(3)));
        state.enter_epoch(0);
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
        state.rows_committed(&(0..=MAX_TOUCHED_BLOCKS).map(candle).collect::<Vec<_>>(), None);
        assert!(!state.is_current(before, 3..=3) && !state.is_current(before, -9..=-9));
        assert!(state.is_current(state.version(), 3..=3));
    }
}

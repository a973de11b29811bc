//! The cached state of a series, and which of its cached blocks are still valid.
//!
//! Only own commits are counted here. Commits of others are known by the [epoch](super::cached_view): before
//! the cache is used, it [enters](SeriesState::enter_epoch) the current one, which drops everything of an
//! older one.
//!
//! Every commit raises the series' version and records which blocks it touched. A cached block carries the
//! version that was current *before* it was read from disk; it is valid as long as nothing in its range was
//! touched after that. So a read that overlaps a commit may put an old block into the cache, but that block
//! will never be returned.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use market_backbone_core::{Candle, Coverage, Series, VenueId};

use super::block::BlockGrid;
use super::cached_view::{CachedView, Epoch};
use super::sealed::SealIndex;
use super::shard_pool::ShardId;
use super::table_name::TableName;

/// The number of touched blocks that are recorded one by one before all older blocks are dropped.
const MAX_TOUCHED_BLOCKS: usize = 4_096;

/// The cached state of a series.
#[derive(Debug)]
pub(super) struct SeriesState {
    /// A short name for cache keys.
    pub(super) number: usize,
    /// The source of the series.
    pub(super) venue: VenueId,
    /// The table with its rows.
    pub(super) table: TableName,
    /// The name of the series in the ledger.
    pub(super) label: String,
    /// The division of its time into blocks.
    pub(super) grid: BlockGrid,
    /// The shard that holds it, once that is known. Nothing is cached before.
    pub(super) location: OnceLock<SeriesLocation>,
    table_exists: AtomicBool,
    damage_reported: AtomicBool,
    cache: Mutex<SeriesCache>,
}

/// The shard that holds a series.
#[derive(Debug)]
pub(super) struct SeriesLocation {
    pub(super) shard: u32,
    /// The validity of the cache; `None` where nothing is cached.
    pub(super) cached_view: Option<Arc<CachedView>>,
}

#[derive(Debug, Default)]
struct SeriesCache {
    /// The epoch of the cached state.
    epoch: Epoch,
    /// The number of commits so far.
    version: u64,
    /// The version before which read blocks are no longer valid.
    valid_since: u64,
    /// The version that last touched each block.
    touched: BTreeMap<i64, u64>,
    coverage: Option<Arc<Coverage>>,
    /// The seals, with the version before they were read.
    seals: Option<(u64, Arc<SealIndex>)>,
    /// The blocks that were found damaged and are still on disk; their ranges are unknown, whatever the
    /// ledger says.
    uncertain_blocks: BTreeSet<i64>,
    /// True if all blocks are uncertain.
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

    /// Returns the shard that holds it, once that is known.
    pub(super) fn shard_id(&self) -> Option<ShardId> {
        self.location.get().map(|home| ShardId { venue: self.venue, number: home.shard })
    }

    /// Drops the cached state, unless it is of this epoch or a later one: a late caller must not see older
    /// data.
    pub(super) fn enter_epoch(&self, epoch: Epoch) {
        self.cache().enter_epoch(epoch);
    }

    /// Drops the cached state: another process may be changing the data at this moment.
    pub(super) fn invalidate(&self) {
        self.cache().clear();
    }

    /// Returns the version. Must be read before the disk is.
    pub(super) fn version(&self) -> u64 {
        self.cache().version
    }

    /// Returns whether data read at `version` is still valid for these blocks.
    pub(super) fn is_current(&self, version: u64, blocks: RangeInclusive<i64>) -> bool {
        let memory = self.cache();
        version >= memory.valid_since
            && memory.touched.range(blocks).all(|(_, touched_at)| *touched_at <= version)
    }

    pub(super) fn coverage(&self) -> Option<Arc<Coverage>> {
        self.cache().coverage.clone()
    }

    /// Caches a ledger read from disk, unless a commit has happened since `version`.
    pub(super) fn cache_coverage(&self, version: u64, coverage: &Arc<Coverage>) {
        let mut memory = self.cache();
        if memory.version == version && !memory.has_uncertainty() {
            memory.coverage = Some(Arc::clone(coverage));
        }
    }

    /// Returns the seals, if they are those of now.
    pub(super) fn seals(&self) -> Option<Arc<SealIndex>> {
        let memory = self.cache();
        let (version, seals) = memory.seals.as_ref()?;
        (*version == memory.version).then(|| Arc::clone(seals))
    }

    /// Caches the seals that were read after the version was `version`, where anything is cached.
    pub(super) fn cache_seals(&self, version: u64, seals: &Arc<SealIndex>) {
        if self.location.get().is_some_and(|home| home.cached_view.is_some()) {
            self.cache().seals = Some((version, Arc::clone(seals)));
        }
    }

    /// Drops the cached seals.
    pub(super) fn forget_seals(&self) {
        self.cache().seals = None;
    }

    /// Records a commit that is on disk now, with its ledger and epoch, or (without them) one that may or may
    /// not have happened.
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

    /// Records that rows were deleted, or (without a ledger) that they may or may not have been.
    pub(super) fn rows_removed(&self, coverage: Option<(Coverage, Epoch)>) {
        let mut memory = self.cache();
        memory.set_coverage(coverage);
        memory.touched.clear();
        memory.valid_since = memory.version;
    }

    /// Records that damage was found: the structure of the table should be checked.
    pub(super) fn report_damage(&self) {
        self.damage_reported.store(true, Ordering::Release);
    }

    /// Returns whether damage was found since the last call.
    pub(super) fn take_damage_report(&self) -> bool {
        self.damage_reported.swap(false, Ordering::AcqRel)
    }

    /// Records that these blocks do not match their checksums.
    pub(super) fn mark_uncertain(&self, blocks: &[i64]) {
        let mut memory = self.cache();
        memory.uncertain_blocks.extend(blocks);
        memory.coverage = None;
    }

    /// Records that the ledger does not match its checksum.
    pub(super) fn mark_all_uncertain(&self) {
        let mut memory = self.cache();
        memory.all_uncertain = true;
        memory.coverage = None;
    }

    /// Records that these blocks are valid on disk again, or the ledger if there are none.
    pub(super) fn clear_uncertain(&self, blocks: &[i64]) {
        let mut memory = self.cache();
        memory.all_uncertain &= !blocks.is_empty();
        for block in blocks {
            memory.uncertain_blocks.remove(block);
        }
    }

    /// Records that all blocks of a run, which has been written, are valid again.
    pub(super) fn clear_uncertain_run(&self, (first, last): (i64, i64)) {
        let mut memory = self.cache();
        if !memory.uncertain_blocks.is_empty() {
            memory.uncertain_blocks.retain(|block| !(first..=last).contains(block));
        }
    }

    /// Returns the known coverage without uncertain ranges.
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

    /// Resets everything, because another file has replaced the one it was read from.
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
        // No code that can panic runs between related changes, so a poisoned lock protects nothing half done.
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

    /// Begins the next version, with this ledger if its epoch is not over.
    fn set_coverage(&mut self, coverage: Option<(Coverage, Epoch)>) {
        if let Some((_, epoch)) = &coverage {
            self.enter_epoch(*epoch);
        }
        self.version += 1;
        // While anything is uncertain, the ledger is read anew each time.
        let is_certain = !self.has_uncertainty();
        let current = coverage.filter(|(_, epoch)| is_certain && *epoch == self.epoch);
        self.coverage = current.map(|(coverage, _)| Arc::new(coverage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Provenance, Span, Symbol, TimeRange, Timeframe, Timestamp};
    use market_backbone_testkit::flat_candle;

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
    fn a_coverage_read_before_a_commit_does_not_hide_it() {
        let state = state();
        let before = state.version();
        state.rows_committed(&[], Some((ledger(2), 0)));
        state.cache_coverage(before, &Arc::new(ledger(1)));
        assert_eq!(state.coverage().as_deref(), Some(&ledger(2)));
    }

    #[test]
    fn after_a_commit_in_doubt_the_coverage_is_read_anew() {
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
        // Committed before others did, recorded after that was found.
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
            is_final: true,
            ..flat_candle(Timestamp::from_millis(state.grid.start_ms(block as i64)), 1.0)
        };
        let before = state.version();
        state.rows_committed(&(0..=MAX_TOUCHED_BLOCKS).map(candle).collect::<Vec<_>>(), None);
        assert!(!state.is_current(before, 3..=3) && !state.is_current(before, -9..=-9));
        assert!(state.is_current(state.version(), 3..=3));
    }
}

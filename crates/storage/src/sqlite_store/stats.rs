//! Statistics of stored data, its size and its fragmentation: for each series, each shard, and in total.

mod layout;

use std::collections::BTreeMap;
use std::path::PathBuf;

use market_backbone_core::{Series, StoreError, VenueId};

use self::layout::TableLayout;
use super::maintenance::{file_size, wal_path};
use super::shard_pool::ShardId;
use super::table_name::TableName;
use super::{SqliteStore, fault, sealed};

/// The content of a store and its size.
#[derive(Clone, Debug, Default)]
pub struct StoreStats {
    /// The statistics of each shard file, in order.
    pub shards: Vec<ShardStats>,
    /// The statistics of each series, in order.
    pub series: Vec<SeriesStats>,
    /// The size of the index of the folder, in bytes.
    pub index_bytes: u64,
}

/// The statistics of one shard file.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardStats {
    /// The source of the candles.
    pub source: VenueId,
    /// The path of the file.
    pub file: PathBuf,
    /// The number of series with a table in it.
    pub series: u64,
    /// The number of candles.
    pub rows: u64,
    /// The number of spans of the ledger.
    pub spans: u64,
    /// The number of earlier versions of its candles.
    pub revisions: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The size of the log beside it, in bytes.
    pub log_bytes: u64,
    /// The number of pages.
    pub pages: u64,
    /// The number of free pages.
    pub free_pages: u64,
    /// The share of leaf pages of tables that do not follow the leaf before them.
    pub scattered: f64,
    /// The number of sealed files beside it, from which long ranges are read.
    pub sealed_files: u64,
    /// The number of candles in sealed files, which are copies.
    pub sealed_rows: u64,
    /// The size of the sealed files, in bytes.
    pub sealed_bytes: u64,
}

/// The statistics of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesStats {
    /// The series that is counted.
    pub series: Series,
    /// The file with its table.
    pub file: PathBuf,
    /// The number of candles.
    pub rows: u64,
    /// The number of spans of the ledger.
    pub spans: u64,
    /// The number of earlier versions of its candles. Their space counts for the file, not for its table.
    pub revisions: u64,
    /// The size of the pages of its table, in bytes.
    pub bytes: u64,
    /// The unused part of these pages, in bytes.
    pub unused_bytes: u64,
    /// The share of its leaf pages that do not follow the leaf before them.
    pub scattered: f64,
}

impl StoreStats {
    /// Returns the number of candles of all series.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.shards.iter().map(|shard| shard.rows).sum()
    }

    /// Returns the number of spans of all ledgers.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.shards.iter().map(|shard| shard.spans).sum()
    }

    /// Returns the number of earlier versions of all candles.
    #[must_use]
    pub fn revisions(&self) -> u64 {
        self.shards.iter().map(|shard| shard.revisions).sum()
    }

    /// Returns the number of candles in sealed files.
    #[must_use]
    pub fn sealed_rows(&self) -> u64 {
        self.shards.iter().map(|shard| shard.sealed_rows).sum()
    }

    /// Returns the size of all sealed files, in bytes.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.sealed_bytes).sum()
    }

    /// Returns the size of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let of_shard = |shard: &ShardStats| shard.bytes + shard.log_bytes + shard.sealed_bytes;
        self.index_bytes + self.shards.iter().map(of_shard).sum::<u64>()
    }
}

impl SqliteStore {
    /// Counts and measures all stored data. Reads every page once; on a large folder that takes a while.
    ///
    /// # Errors
    ///
    /// If the index or a shard cannot be read.
    pub async fn stats(&self) -> Result<StoreStats, StoreError> {
        let index = self.index.path();
        let mut stats = StoreStats {
            index_bytes: file_size(index) + file_size(&wal_path(index)),
            ..StoreStats::default()
        };
        for id in self.shards.all() {
            let (shard, series) = self.measure(id).await?;
            stats.shards.push(shard);
            stats.series.extend(series);
        }
        stats.series.sort_by(|a, b| a.series.cmp(&b.series));
        Ok(stats)
    }

    /// Returns the series that are assigned to one shard.
    pub(super) async fn series_in(&self, shard: ShardId) -> Result<Vec<Series>, StoreError> {
        let tables = self.index.tables_in(shard.venue, shard.number).await?;
        Ok(tables.iter().filter_map(|name| TableName::series(shard.venue, name)).collect())
    }

    async fn measure(&self, id: ShardId) -> Result<(ShardStats, Vec<SeriesStats>), StoreError> {
        let file = self.shards.path(id)?;
        let shard = self.shards.lease(id).await?;
        let mut conn = shard.reader().await?;
        let fault = |error| fault::database(&file, error);
        let pages = super::maintenance::PageCounts::of(&mut conn).await.map_err(fault)?;
        let layouts = layout::tables(&mut conn).await.map_err(fault)?;
        let spans = layout::spans(&mut conn).await.map_err(fault)?;
        let revisions = layout::revisions(&mut conn).await.map_err(fault)?;
        let series: Vec<_> = layouts
            .iter()
            .filter_map(|(name, layout)| {
                let series = TableName::series(id.venue, name)?;
                let count = |counts: &BTreeMap<String, u64>| {
                    counts.get(&series.to_string()).copied().unwrap_or_default()
                };
                let counts = [count(&spans), count(&revisions)];
                Some(layout.into_series_stats(series, file.clone(), counts))
            })
            .collect();
        let tier = std::sync::Arc::clone(shard.sealed());
        let sealed = shard.direct(move |conn| sealed::measure(conn, &tier)).await?;
        let all = layouts.values().fold(TableLayout::default(), TableLayout::merge);
        let shard = ShardStats {
            source: id.venue,
            series: series.len() as u64,
            rows: series.iter().map(|one| one.rows).sum(),
            spans: spans.values().sum(),
            revisions: revisions.values().sum(),
            bytes: file_size(&file),
            log_bytes: file_size(&wal_path(&file)),
            pages: pages.all,
            free_pages: pages.free,
            scattered: all.scattered(),
            sealed_files: sealed.count,
            sealed_rows: sealed.rows,
            sealed_bytes: sealed.bytes,
            file,
        };
        Ok((shard, series))
    }
}

//! Whether what is stored is what was written: each block against its sum, each ledger against its seal, and no table that
//! the index does not know. And what is done about a file that is not sound.

use std::collections::BTreeSet;
use std::path::Path;

use market_backbone_core::{Grid, Series, StoreError, TimeRange};
use sqlx::sqlite::SqliteConnection;

use super::custody::{self, Ledger, WINDOW};
use super::database_file::{self, INDEX};
use super::series_state::SeriesState;
use super::shard_table::ShardId;
use super::soundness::of_file;
use super::table_name::TableName;
use super::writer::Order;
use super::{SqliteStore, fault, proven_rows, rescue, sum_table};
use crate::check::{Finding, Findings, Flaw};

impl SqliteStore {
    /// What is wrong with the index itself.
    pub(super) async fn check_index(&self) -> Result<Vec<Finding>, StoreError> {
        let complaints = match self.index.complaints().await {
            Err(error) if super::is_damage(&error) => vec![error.to_string()],
            complaints => complaints?,
        };
        Ok(complaints.into_iter().map(|says| of_file(self.index.path(), Flaw::File, says)).collect())
    }

    /// Gives the series that an older version wrote the sums they lack, but for those of which something was found.
    pub(super) async fn seal_what_is_sound(&self, findings: &[Finding]) -> Result<(), StoreError> {
        for id in self.shards.all() {
            let file = self.shards.path(id)?;
            let is_about = |finding: &Finding| finding.place == crate::Place::File(file.clone());
            if findings.iter().any(is_about) {
                continue;
            }
            let labels = {
                let shard = self.shards.lease(id).await?;
                let mut conn = shard.reader().await?;
                sum_table::unsealed(&mut conn).await.map_err(|error| shard.fault(error))?
            };
            if labels.is_empty() {
                continue;
            }
            for series in self.series_in(id).await? {
                let found = findings.iter().any(|finding| finding.series() == Some(&series));
                if found || !labels.contains(&series.to_string()) {
                    continue;
                }
                let state = self.writable(&series)?;
                if self.shard_of(&state).await?.is_some() {
                    self.carry_out(id, &state, &|| Ok(Order::Seal)).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes a damaged file of the folder anew from what is sound in it; says what was known and is not any more. The
    /// damaged file stays beside it, called `.damaged`.
    ///
    /// After the index nothing else can be done with this store: it is made when the folder is opened again.
    ///
    /// # Errors
    ///
    /// If it is no file of the store, or the new one cannot be written; then the old one is still there.
    pub async fn rebuild(&self, file: &Path) -> Result<Vec<(Series, TimeRange)>, StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        if file == self.index.path() {
            let lock = self.shards.lock().ok_or_else(fault::closed)?;
            if !lock.try_alone()? {
                lock.share().await?;
                return Err(lock.in_use());
            }
            self.index.close().await;
            let made = self.empty_index(file).await;
            lock.share().await?;
            made?;
            return Ok(Vec::new());
        }
        let mut all = self.shards.all().into_iter();
        let id = all.find(|id| self.shards.path(*id).is_ok_and(|path| path == file));
        let Some(id) = id else {
            let what = format!("{} is no file of this store", file.display());
            return Err(StoreError::new(market_backbone_core::StoreErrorKind::Inaccessible, what));
        };
        self.adopt(id).await;
        let rescued = self.rebuild_shard(id, None, "asked to").await?;
        Ok(rescued.map(|rescued| rescued.lost).unwrap_or_default())
    }

    /// An index without anything in it is filled from the shards when the folder is opened.
    async fn empty_index(&self, file: &Path) -> Result<(), StoreError> {
        rescue::set_aside(file)?;
        database_file::close(database_file::open_writer(file, &INDEX, None).await?).await;
        Ok(())
    }

    /// Tells the index of tables that it has lost: what is assigned nowhere is where it is found.
    async fn adopt(&self, id: ShardId) {
        let adopted = async {
            let tables = {
                let shard = self.shards.lease(id).await?;
                let mut conn = shard.reader().await?;
                tables(&mut conn).await.map_err(|error| shard.fault(error))?
            };
            for table in tables.iter().filter(|table| TableName::series(id.venue, table).is_some()) {
                self.index.adopt(id.venue, table, id.number).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = adopted.await {
            tracing::warn!(%error, "which tables are in it cannot be told; the index says");
        }
    }
}

/// The candle tables of a file.
async fn tables(conn: &mut SqliteConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'candles_*'";
    let names: Vec<String> = sqlx::query_scalar(named).fetch_all(conn).await?;
    Ok(names.into_iter().collect())
}

/// Tables that the index says are elsewhere, or nowhere.
pub(super) async fn strangers(
    conn: &mut SqliteConnection,
    series: &[Series],
    file: &Path,
) -> Result<Vec<Finding>, sqlx::Error> {
    let ours: BTreeSet<String> = series.iter().map(|one| TableName::of(one).as_str().to_owned()).collect();
    let found = tables(conn).await?;
    let strange = found.difference(&ours);
    let detail =
        |table: &String| format!("it holds the table {table}, which the index does not know of here");
    Ok(strange.map(|table| of_file(file, Flaw::File, detail(table))).collect())
}

/// What of a series is not what was written.
pub(super) async fn of_series(
    conn: &mut SqliteConnection,
    series: &Series,
    grid: Grid,
    file: &Path,
) -> Result<Vec<Finding>, sqlx::Error> {
    let state = SeriesState::new(series, 0);
    let label = state.label.as_str();
    if !super::rows::exists(conn, &state.table).await? {
        return Ok(Vec::new());
    }
    let mut found = Findings::default();
    if matches!(custody::ledger(conn, label).await?, Ledger::Damaged) {
        let detail = "what is known of it is not what was written".to_owned();
        found.add(Finding::of(Flaw::Ledger, series, detail));
    }
    let count = sum_table::count(conn, label, (i64::MIN, i64::MAX)).await?;
    if sum_table::seal(conn, label).await?.is_some_and(|seal| seal.blocks != count) {
        let detail = format!("checksums of {series} have got lost");
        found.add(of_file(file, Flaw::File, detail));
    }
    let mut rest = Some(state.grid.all());
    while let Some((oldest, newest)) = rest {
        let read = proven_rows::read(conn, &state, (oldest, newest), WINDOW).await?;
        // Oldest last, as the next window is older still.
        for stretch in read.damaged.iter().rev().filter_map(|block| state.grid.stretch(*block)) {
            let detail = "the candles are not those that were written".to_owned();
            let slots = grid.slots(series.timeframe, stretch);
            found.add(Finding { slots, ..Finding::at(Flaw::Damaged, series, stretch, detail) });
        }
        rest = (read.oldest > oldest).then(|| (oldest, read.oldest - 1));
    }
    Ok(found.into_vec())
}

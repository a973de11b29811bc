//! Gives up files that cannot be used, and makes them again.

use std::path::Path;
use std::sync::Arc;

use market_backbone_core::StoreError;
use tokio::task::spawn_blocking;

use super::seal::SegmentSeal;
use super::seal_plan::SealPolicy;
use super::seal_table;
use super::segment_file::SegmentFault;
use crate::sqlite_store::series_state::SeriesState;
use crate::sqlite_store::shard::Shard;
use crate::sqlite_store::{SqliteStore, direct_reader, fault};

impl SqliteStore {
    /// Makes the sealed file at `file`, which [`check`](Self::check) found bad, again from its table.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal). A file that is not one of this store's changes nothing.
    pub async fn seal_again(&self, file: &Path) -> Result<(), StoreError> {
        if self.read_only {
            return Err(fault::read_only());
        }
        for id in self.shards.all() {
            let shard = self.shards.lease(id).await?;
            if file.parent() != Some(shard.sealed().folder()) {
                continue;
            }
            let seals = shard.direct(|conn| seal_table::all(conn)).await?;
            let named = seals.iter().find(|(_, seal)| shard.sealed().path_of(seal) == file);
            for series in self.series_in(id).await? {
                if let Some((label, seal)) = named
                    && *label == series.to_string()
                {
                    shard.drop_seal(&self.state(&series)?, seal, &SegmentFault::Damaged).await;
                }
            }
            drop(shard);
            self.seal_shard(id, SealPolicy::Everything).await?;
        }
        Ok(())
    }
}

impl Shard {
    /// Gives up a file that cannot be used: the table answers, and the segment is sealed again later.
    pub(in crate::sqlite_store) async fn drop_seal(
        &self,
        series: &Arc<SeriesState>,
        seal: &SegmentSeal,
        fault: &SegmentFault,
    ) {
        self.sealed().mark_bad(seal.id);
        series.forget_seals();
        tracing::warn!(
            series = series.label, file = seal.file_name(), %fault,
            "a sealed file is not used; the table has its candles, and it is made again"
        );
        // A system that cannot open files now may open this one later.
        if self.cached_view().is_none() || matches!(fault, SegmentFault::Io(_)) {
            return;
        }
        let _turn = self.write_lock().acquire().await;
        let (path, state, seal) = (self.path().to_owned(), Arc::clone(series), *seal);
        let dropped = spawn_blocking(move || {
            let conn = direct_reader::open_for_writing(&path)?;
            super::seal_table::delete(&conn, &state.label, &seal)
        });
        match dropped.await {
            Ok(Ok(())) => self.sealed().remove_file(&seal),
            // It stays out of use for as long as the shard is open.
            Ok(Err(error)) => tracing::debug!(%error, "the seal of a bad file could not be deleted"),
            Err(error) => tracing::debug!(%error, "the seal of a bad file could not be deleted"),
        }
    }
}

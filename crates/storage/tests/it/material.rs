//! Values to test with, on one-minute slots numbered from the epoch, and an opened folder.

use std::path::Path;

use market_backbone_core::Timestamp;
use market_backbone_storage::{SqliteStore, StoreConfig};
pub(crate) use market_backbone_testkit::{
    UPBIT, candle, candles, everything, minute, minute_of, minutes, proof, proof_of, series,
};

/// When archives are taken in: later than all that is observed here.
pub(crate) const NOW: Timestamp = Timestamp::from_nanos(1_800_000_000_000_000_000);

pub(crate) async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(StoreConfig::new(dir)).await.unwrap()
}

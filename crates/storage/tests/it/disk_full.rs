//! No space left: the commit is refused as a whole, stored data stays, and space helps at once.

use market_backbone_core::{CandleStore, StoreErrorKind};
use market_backbone_storage::{SqliteStore, StoreConfig};

use crate::material::{candles, everything, open, proof, series};

#[tokio::test]
async fn a_full_disk_refuses_rows_and_proof_together() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).max_shard_bytes(Some(256 * 1024));
    let store = SqliteStore::open(config).await.unwrap();
    let btc = series("KRW-BTC");
    let mut kept = 0;
    let error = loop {
        let page = store.commit(&btc, &candles(kept, kept + 200), &proof(kept, kept + 200)).await;
        match page {
            Ok(()) => kept += 200,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::DiskFull);
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(kept >= 2_000, "{kept}");

    // As before in the caches, and writable where it needs no room.
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, kept));
    assert_eq!(store.read(&btc, everything(), usize::MAX).await.unwrap().candles, candles(0, kept));
    store.commit(&btc, &candles(0, 10), &proof(0, 10)).await.unwrap();
    store.close().await;

    // As before on disk; and with room the same page goes in.
    let store = open(folder.path()).await;
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, kept));
    assert_eq!(store.read(&btc, everything(), usize::MAX).await.unwrap().candles, candles(0, kept));
    store.commit(&btc, &candles(kept, kept + 200), &proof(kept, kept + 200)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, kept + 200));
}

#[tokio::test]
async fn one_commit_too_large_does_not_take_its_neighbours_down() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).max_shard_bytes(Some(256 * 1024));
    let store = SqliteStore::open(config).await.unwrap();
    let (small, large) = (series("KRW-BTC"), series("KRW-ETH"));
    store.commit(&small, &candles(0, 1), &proof(0, 1)).await.unwrap();
    let (page, flood) = (candles(0, 9), candles(0, 9_000));
    let (page_proof, flood_proof) = (proof(0, 9), proof(0, 9_000));
    let (first, second, third) = tokio::join!(
        store.commit(&small, &page, &page_proof),
        store.commit(&large, &flood, &flood_proof),
        store.commit(&small, &page, &page_proof),
    );
    assert!(first.is_ok() && third.is_ok(), "{first:?} {third:?}");
    assert_eq!(second.unwrap_err().kind(), StoreErrorKind::DiskFull);
    assert!(store.coverage(&large).await.unwrap().spans().is_empty());
    assert!(store.read(&large, everything(), 9).await.unwrap().candles.is_empty());
    assert_eq!(store.coverage(&small).await.unwrap(), proof(0, 9));
}

//! What cannot be stored is returned all the same, and marked.

use std::sync::Arc;

use market_backbone_core::{CandleQuery, CandleSource, CandleStore, Clock, Grid, ManualClock};
use market_backbone_storage::{SqliteStore, StoreConfig, StoredSource};

use crate::material::{minute, series};
use crate::model::{DENSE, Model};

const NOW: i64 = 28_000_000;

#[tokio::test]
async fn a_full_disk_gives_the_answer_and_says_how_much_of_it_was_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::new(folder.path()).max_shard_bytes(Some(128 * 1024));
    let store: Arc<dyn CandleStore> = Arc::new(SqliteStore::open(config).await.unwrap());
    let clock = Arc::new(ManualClock::new(minute(NOW)));
    let model = Model::new(DENSE, Arc::clone(&clock), Arc::clone(&store));
    let source = StoredSource::new(Arc::clone(&store), Arc::new(model), clock as Arc<dyn Clock>, Grid::Utc);
    let query = CandleQuery::last(series("KRW-BTC"), 5_000).unwrap().closed();
    let set = source.candles(query.clone()).await.unwrap();
    assert_eq!(set.candles.len(), 5_000);
    let unkept = set.write_failure.unwrap();
    assert!(unkept.rows > 0 && unkept.reason.contains("no space left for"), "{unkept:?}");

    // Reported coverage is stored, and the same query has the same answer.
    let known = store.coverage(&series("KRW-BTC")).await.unwrap();
    assert!(known.spans().len() <= 1, "{known:?}");
    let again = source.candles(query).await.unwrap();
    assert_eq!((again.candles, again.coverage), (set.candles, set.coverage));
    store.close().await;
}

//! One folder, several stores: each as another process would be, because they share only the files.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Series, StoreError, StoreErrorKind, StoredCandles, TimeRange, Timestamp,
};
use market_backbone_storage::{SqliteStore, StoreConfig};
use market_backbone_testkit::eventually_async;
use tokio::task::JoinSet;

use crate::material::{UPBIT, candle, candles, everything, minute_of, minutes, open, proof, series};
use crate::older_layout::folder_of_version_2;

/// Two stores on one folder that take turns: whatever one was told, the other is asked.
#[derive(Debug)]
pub(crate) struct Pair {
    stores: [SqliteStore; 2],
    turn: AtomicUsize,
}

impl Pair {
    pub(crate) async fn open(config: StoreConfig) -> Self {
        let stores =
            [SqliteStore::open(config.clone()).await.unwrap(), SqliteStore::open(config).await.unwrap()];
        Self { stores, turn: AtomicUsize::new(0) }
    }

    fn next(&self) -> &SqliteStore {
        &self.stores[self.turn.fetch_add(1, Ordering::SeqCst) % 2]
    }
}

#[async_trait]
impl CandleStore for Pair {
    async fn coverage(&self, series: &Series) -> Result<Coverage, StoreError> {
        let one = self.next().coverage(series).await?;
        assert_eq!(self.next().coverage(series).await?, one);
        Ok(one)
    }

    async fn read(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
    ) -> Result<StoredCandles, StoreError> {
        let one = self.next().read(series, range, limit).await?;
        assert_eq!(self.next().read(series, range, limit).await?.candles, one.candles);
        Ok(one)
    }

    async fn read_as_of(
        &self,
        series: &Series,
        range: TimeRange,
        limit: usize,
        moment: Timestamp,
    ) -> Result<StoredCandles, StoreError> {
        self.next().read_as_of(series, range, limit, moment).await
    }

    async fn commit(&self, series: &Series, rows: &[Candle], known: &Coverage) -> Result<(), StoreError> {
        let done = self.next().commit(series, rows, known).await;
        // So that the next commit is not always the other's.
        self.turn.fetch_add(usize::from(rows.len().is_multiple_of(3)), Ordering::SeqCst);
        done
    }

    async fn series(&self) -> Result<Vec<Series>, StoreError> {
        self.next().series().await
    }

    async fn forget(&self, series: &Series, range: TimeRange) -> Result<(), StoreError> {
        self.next().forget(series, range).await
    }

    async fn close(&self) {
        for store in &self.stores {
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_folder_is_shared_by_all_who_open_it() {
    let folder = tempfile::tempdir().unwrap();
    let (first, btc) = (open(folder.path()).await, series("KRW-BTC"));
    first.commit(&btc, &candles(0, 500), &proof(0, 500)).await.unwrap();
    let second = open(folder.path()).await;
    assert_eq!(second.read(&btc, everything(), 999).await.unwrap().candles, candles(0, 500));
    second.commit(&btc, &candles(500, 700), &proof(500, 700)).await.unwrap();
    for store in [&first, &second] {
        assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, 700));
        assert_eq!(store.read(&btc, everything(), 999).await.unwrap().candles, candles(0, 700));
    }
    first.close().await;
    assert_eq!(first.coverage(&btc).await.unwrap_err().kind(), StoreErrorKind::Closed);
    second.commit(&btc, &candles(700, 800), &proof(700, 800)).await.unwrap();
    assert_eq!(second.read(&btc, everything(), 999).await.unwrap().candles, candles(0, 800));
}

#[tokio::test]
async fn memory_is_believed_while_nobody_else_commits_and_own_commits_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    let (btc, eth) = (series("KRW-BTC"), series("KRW-ETH"));
    one.commit(&btc, &candles(0, 640), &proof(0, 640)).await.unwrap();
    let from_memory = async |store: &SqliteStore| {
        let read = store.read(&btc, minutes(0, 640), 640).await.unwrap();
        assert_eq!(read.candles, candles(0, 640));
        read.from_memory
    };
    assert_eq!((from_memory(&one).await, from_memory(&one).await), (0, 640));
    one.commit(&eth, &candles(0, 9), &proof(0, 9)).await.unwrap();
    assert_eq!(from_memory(&one).await, 640, "an own commit to another series of the shard");
    other.commit(&eth, &candles(9, 20), &proof(9, 20)).await.unwrap();
    assert_eq!((from_memory(&one).await, from_memory(&one).await), (0, 640), "a foreign one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_shows_less_than_another_process_was_told() {
    const SPAN: i64 = 700;
    const GENERATIONS: i64 = 120;
    let generation = |number: i64| -> Vec<Candle> {
        (0..SPAN).map(|minute| Candle { close: number as f64, ..candle(minute) }).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let writers = [Arc::new(open(folder.path()).await), Arc::new(open(folder.path()).await)];
    let btc = series("KRW-BTC");
    writers[0].commit(&btc, &generation(0), &proof(0, SPAN)).await.unwrap();
    let published = Arc::new(AtomicI64::new(0));
    let mut readers = JoinSet::new();
    // Those who only read, and those whose own commits change what they remember.
    let others = [Arc::new(open(folder.path()).await), Arc::new(open(folder.path()).await)];
    for (reader, store) in others.iter().chain(&writers).enumerate() {
        let (store, btc, published) = (Arc::clone(store), btc.clone(), Arc::clone(&published));
        readers.spawn(async move {
            let mut reads = 0_u64;
            while published.load(Ordering::SeqCst) < GENERATIONS {
                let oldest = published.load(Ordering::SeqCst);
                let known = store.coverage(&btc).await.unwrap();
                let newest = minute_of(known.ranges()[0].to());
                assert!(newest >= SPAN + oldest, "the ledger of {newest} after generation {oldest}");
                let (from, to) = if reader % 2 == 0 { (0, SPAN) } else { (200, 300) };
                let rows = store.read(&btc, minutes(from, to), usize::MAX).await.unwrap().candles;
                assert_eq!(rows.len() as i64, to - from);
                let stale = rows.iter().find(|row| row.close < oldest as f64);
                assert!(stale.is_none(), "{stale:?} after generation {oldest}");
                // What the ledger says must be there: it grows by one row with each generation.
                let tail = store.read(&btc, minutes(SPAN, newest + 1), usize::MAX).await;
                assert!(tail.unwrap().candles.len() as i64 >= newest - SPAN);
                reads += 1;
                // A read from memory waits for nothing, and the writers run on the same threads.
                tokio::task::yield_now().await;
            }
            reads
        });
    }
    for number in 1..=GENERATIONS {
        let mut rows = generation(number);
        rows.push(candle(SPAN + number - 1));
        let writer = &writers[usize::try_from(number % 2).unwrap()];
        writer.commit(&btc, &rows, &proof(0, SPAN + number)).await.unwrap();
        published.store(number, Ordering::SeqCst);
    }
    while let Some(reads) = readers.join_next().await {
        assert!(reads.unwrap() > 10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_begin_at_once_in_a_folder_that_is_not_there() {
    const STORES: i64 = 6;
    const SERIES: i64 = 7;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new");
    let config = StoreConfig::new(&dir).tables_per_shard(2);
    let mut all = JoinSet::new();
    for store in 0..STORES {
        let config = config.clone();
        all.spawn(async move {
            let opened = SqliteStore::open(config).await.unwrap();
            // All write to all series, each its own stretch, beginning with another one.
            for number in 0..SERIES {
                let name = series(&format!("KRW-M{}", (number + store) % SERIES));
                let (from, to) = (store * 50, store * 50 + 50);
                opened.commit(&name, &candles(from, to), &proof(from, to)).await.unwrap();
            }
            opened.close().await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    let store = open(&dir).await;
    assert_eq!(store.series().await.unwrap().len() as i64, SERIES);
    for number in 0..SERIES {
        let name = series(&format!("KRW-M{number}"));
        assert_eq!(store.coverage(&name).await.unwrap(), proof(0, STORES * 50));
        assert_eq!(store.read(&name, everything(), 9_999).await.unwrap().candles, candles(0, STORES * 50));
    }
    let drafts = fs::read_dir(dir.join("upbit")).unwrap().flatten();
    assert!(drafts.into_iter().all(|file| !file.file_name().to_string_lossy().ends_with(".part")));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_does_not_share_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let older = fs::File::create(folder.path().join("LOCK")).unwrap();
    older.try_lock().unwrap();
    fs::write(folder.path().join("LOCK"), "4711\n").unwrap();
    let refused = SqliteStore::open(StoreConfig::new(folder.path())).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Locked);
    let text = refused.to_string();
    assert!(text.contains("4711") && text.contains("--data-dir") && text.contains("older version"), "{text}");
}

#[tokio::test]
async fn a_program_that_does_not_share_finds_the_folder_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    // What older versions do.
    let older = fs::File::options().read(true).write(true).open(folder.path().join("LOCK")).unwrap();
    assert!(older.try_lock().is_err());
    store.close().await;
    older.try_lock().unwrap();
}

#[tokio::test]
async fn whose_candles_they_are_is_said_while_nobody_else_is_there() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    let (one, other) = (open(folder.path()).await, open(folder.path()).await);
    // Each would wait for the other to leave for ever: one of them says it, and the other finds it said.
    let (first, second) = tokio::join!(one.claim(UPBIT, UPBIT), other.claim(UPBIT, UPBIT));
    first.unwrap();
    second.unwrap();
    for store in [&one, &other] {
        assert_eq!(store.unclaimed(), []);
        assert_eq!(store.read(&series("KRW-BTC"), everything(), 99).await.unwrap().candles, candles(0, 10));
    }
}

#[tokio::test]
async fn a_claim_waits_for_the_others_to_leave_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    folder_of_version_2(folder.path()).await;
    let beside = open(folder.path()).await;
    let store = open(folder.path()).await;
    let refused = store.claim(UPBIT, UPBIT).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Locked);
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    assert_eq!(store.unclaimed(), [UPBIT]);
    beside.close().await;
    store.claim(UPBIT, UPBIT).await.unwrap();
    assert_eq!(store.read(&series("KRW-BTC"), everything(), 99).await.unwrap().candles, candles(0, 10));
}

#[tokio::test]
async fn a_folder_that_was_replaced_is_not_written_to_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, away) = (folder.path().join("data"), folder.path().join("away"));
    let (before, btc) = (open(&dir).await, series("KRW-BTC"));
    before.commit(&btc, &candles(0, 9), &proof(0, 9)).await.unwrap();
    fs::rename(&dir, &away).unwrap();
    let after = open(&dir).await;
    after.commit(&btc, &candles(20, 30), &proof(20, 30)).await.unwrap();
    for code in ["KRW-BTC", "KRW-NEW"] {
        let refused = before.commit(&series(code), &candles(9, 12), &proof(9, 12)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Inaccessible);
        assert!(refused.to_string().contains("moved, deleted or replaced"), "{refused}");
    }
    assert_eq!(after.series().await.unwrap(), std::slice::from_ref(&btc));
    assert_eq!(after.coverage(&btc).await.unwrap(), proof(20, 30));
    after.close().await;
    before.close().await;
    assert_eq!(open(&away).await.coverage(&btc).await.unwrap(), proof(0, 9));
}

#[tokio::test]
async fn what_a_killed_writer_left_behind_costs_memory_for_a_moment_only() {
    let folder = tempfile::tempdir().unwrap();
    let (store, btc) = (open(folder.path()).await, series("KRW-BTC"));
    store.commit(&btc, &candles(0, 640), &proof(0, 640)).await.unwrap();
    store.read(&btc, minutes(0, 640), 640).await.unwrap();
    // As if somebody had announced a commit and was killed before it happened.
    fs::write(folder.path().join("upbit/COMMITS"), 4_711_u64.to_le_bytes()).unwrap();
    let read = async || {
        assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, 640));
        let read = store.read(&btc, minutes(0, 640), 640).await.unwrap();
        assert_eq!(read.candles, candles(0, 640));
        read.from_memory
    };
    assert_eq!((read().await, read().await), (0, 0), "nobody knows what is under way");
    eventually_async(async || read().await == 640).await;
}

#[tokio::test]
async fn who_deletes_the_list_of_commits_hides_none_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let (one, btc) = (open(folder.path()).await, series("KRW-BTC"));
    one.commit(&btc, &candles(0, 64), &proof(0, 64)).await.unwrap();
    for _ in 0..2 {
        one.read(&btc, everything(), 999).await.unwrap();
    }
    fs::remove_file(folder.path().join("upbit/COMMITS")).unwrap();
    let other = open(folder.path()).await;
    other.commit(&btc, &candles(64, 99), &proof(64, 99)).await.unwrap();
    eventually_async(async || one.coverage(&btc).await.unwrap() == proof(0, 99)).await;
    eventually_async(async || one.read(&btc, everything(), 999).await.unwrap().from_memory == 99).await;
}

#[tokio::test]
async fn an_index_that_is_missed_while_others_use_it_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (store, btc) = (open(folder.path()).await, series("KRW-BTC"));
    store.commit(&btc, &candles(0, 9), &proof(0, 9)).await.unwrap();
    fs::rename(folder.path().join("index.db"), folder.path().join("index.away")).unwrap();
    let refused = SqliteStore::open(StoreConfig::new(folder.path())).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Inaccessible);
    assert!(refused.to_string().contains("index.db"), "{refused}");
    store.close().await;
    assert_eq!(open(folder.path()).await.coverage(&btc).await.unwrap(), proof(0, 9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_are_looked_after_and_mended_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, writer) = (open(folder.path()).await, open(folder.path()).await);
    let btc = series("KRW-BTC");
    writer.commit(&btc, &candles(0, 40_000), &proof(0, 40_000)).await.unwrap();
    keeper.forget(&btc, minutes(0, 30_000)).await.unwrap();
    let care = async {
        for _ in 0..5 {
            keeper.vacuum().await.unwrap();
            keeper.repair_ledger(&btc).await.unwrap();
            keeper.maintain_once().await.unwrap();
        }
    };
    let write = async {
        for page in 0..60 {
            let (from, to) = (40_000 + page * 50, 40_050 + page * 50);
            writer.commit(&btc, &candles(from, to), &proof(from, to)).await.unwrap();
            assert_eq!(writer.read(&btc, everything(), 100).await.unwrap().candles, candles(to - 100, to));
        }
    };
    tokio::join!(care, write);
    for store in [&keeper, &writer] {
        assert_eq!(store.coverage(&btc).await.unwrap(), proof(30_000, 43_000));
        let rows = store.read(&btc, everything(), usize::MAX).await.unwrap().candles;
        assert!(rows == candles(30_000, 43_000), "{} rows", rows.len());
        assert_eq!(store.check(market_backbone_core::Grid::Utc).await.unwrap(), []);
    }
}

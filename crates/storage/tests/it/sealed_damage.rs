//! Sealed files that are not what was written, or not of this folder, or older than the table: the table's answer
//! is given, and the file is made again.

use std::fs;
use std::path::Path;

use market_backbone_core::{Candle, CandleStore, Grid};
use market_backbone_storage::{IntegrityIssue, IssueLocation, RepairPlan, SqliteStore};

use crate::material::{candle, candles, proof, series};
use crate::sealed::{SPOILED, change, config, files, open, rows};

const ROWS: i64 = 3_000;

/// A folder with one sealed file.
async fn sealed(dir: &Path) -> SqliteStore {
    let store = open(dir).await;
    store.commit(&series("KRW-BTC"), &candles(0, ROWS), &proof(0, ROWS)).await.unwrap();
    assert_eq!(store.seal().await.unwrap().files, 1);
    store
}

async fn check_all(store: &SqliteStore, want: &[Candle]) {
    assert_eq!(rows(store, 0, ROWS, 99_999).await, want, "a long read");
    assert_eq!(rows(store, 0, ROWS, 400).await, &want[want.len() - 400..], "a short read");
    assert_eq!(rows(store, 1_000, 1_100, 9).await, &want[1_091..1_100], "a short read further back");
}

/// Breaks the only file, and asks a store that has it open and one that has not.
async fn broken(is_short_first: bool, spoil: impl Fn(&Path, &mut Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    let store = sealed(folder.path()).await;
    let reader = SqliteStore::open_read_only(config(folder.path())).await.unwrap();
    let file = files(folder.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    spoil(&file, &mut bytes);
    // Reads never change it: a file without the right content is put in its place.
    fs::write(&file, &bytes).unwrap();
    let want = candles(0, ROWS);
    for by in [&reader, &store] {
        if is_short_first {
            assert_eq!(rows(by, 0, ROWS, 40).await, &want[want.len() - 40..]);
        }
        check_all(by, &want).await;
    }
    assert!(!file.exists(), "given up");
    assert_eq!(store.seal().await.unwrap().rows, ROWS as u64, "and made again");
    change(folder.path(), SPOILED).await;
    check_all(&store, &want).await;
    store.close().await;
}

#[tokio::test]
async fn a_torn_file_is_none() {
    for keep in [0, 7, 47, 60, 100, 200, 9_000, 100_000] {
        broken(keep % 2 == 0, |_, bytes| bytes.truncate(keep)).await;
    }
    broken(false, |_, bytes| bytes.push(0)).await;
    broken(true, |_, bytes| *bytes = vec![0; bytes.len()]).await;
}

#[tokio::test]
async fn a_file_with_a_flipped_bit_is_none() {
    // In the magic, the id, the range, the number of rows, the name, the index; in the newest rows of a column.
    let length = ROWS as usize * 56;
    for at in [0, 9, 25, 33, 40, 49, 70] {
        broken(at % 2 == 0, |_, bytes| bytes[at] ^= 1).await;
    }
    for back in [1, 8 * ROWS as usize + 3, length - 8 * (ROWS as usize - 2)] {
        broken(true, |_, bytes| {
            let at = bytes.len() - back;
            bytes[at] ^= 64;
        })
        .await;
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = sealed(folder.path()).await;
    fs::remove_file(&files(folder.path())[0]).unwrap();
    check_all(&store, &candles(0, ROWS)).await;
    assert_eq!(store.seal().await.unwrap().files, 1);
    fs::remove_dir_all(folder.path().join("upbit/shard-0000.sealed")).unwrap();
    check_all(&store, &candles(0, ROWS)).await;
    store.close().await;
    assert_eq!(files(folder.path()).len(), 1, "a long read of the table is reason enough");
}

#[tokio::test]
async fn a_file_older_than_a_correction_is_none_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = sealed(folder.path()).await;
    let old = files(folder.path()).remove(0);
    let bytes = fs::read(&old).unwrap();
    let mut want = candles(0, ROWS);
    want[1_095] = Candle { close: candle(1_095).low, ..candle(1_095) };
    store.commit(&series("KRW-BTC"), &[want[1_095]], &proof(1_095, 1_096)).await.unwrap();
    check_all(&store, &want).await;
    store.seal().await.unwrap();
    // As a backup would put it back.
    fs::write(&old, &bytes).unwrap();
    check_all(&store, &want).await;
    let new = files(folder.path()).into_iter().find(|file| *file != old).unwrap();
    fs::write(&new, &bytes).unwrap();
    check_all(&store, &want).await;
    store.close().await;
}

#[tokio::test]
async fn a_file_of_another_folder_or_series_is_none() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = sealed(here.path()).await;
    // The same slots with other prices, in another folder and in another series of this one.
    let others: Vec<_> = candles(0, ROWS).into_iter().map(|row| Candle { volume: 77.0, ..row }).collect();
    let other = open(there.path()).await;
    other.commit(&series("KRW-BTC"), &others, &proof(0, ROWS)).await.unwrap();
    other.seal().await.unwrap();
    let mine = files(here.path()).remove(0);
    store.commit(&series("KRW-ETH"), &others, &proof(0, ROWS)).await.unwrap();
    store.seal().await.unwrap();
    let neighbour = files(here.path()).into_iter().find(|file| *file != mine).unwrap();
    for foreign in [files(there.path()).remove(0), neighbour] {
        fs::copy(&foreign, mine.with_file_name(foreign.file_name().unwrap())).unwrap_or_default();
        check_all(&store, &candles(0, ROWS)).await;
        fs::copy(&foreign, files(here.path()).into_iter().find(|file| *file == mine).unwrap_or(mine.clone()))
            .unwrap();
        check_all(&store, &candles(0, ROWS)).await;
        store.seal().await.unwrap();
    }
    // A whole shard that was copied without its files, and with those of before.
    store.close().await;
    other.close().await;
    fs::copy(there.path().join("upbit/shard-0000.db"), here.path().join("upbit/shard-0000.db")).unwrap();
    let store = open(here.path()).await;
    check_all(&store, &others).await;
    store.close().await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_nothing_and_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = sealed(folder.path()).await;
    let file = files(folder.path()).remove(0);
    let (orphan, draft) = (file.with_file_name("00000000000000ff.columns"), file.with_extension("new"));
    // Killed before the seal was written, and while the file was.
    fs::copy(&file, &orphan).unwrap();
    fs::write(&draft, &fs::read(&file).unwrap()[..5_000]).unwrap();
    // Killed after a correction was committed: the file is there, its seal is not.
    change(folder.path(), "DELETE FROM sealed_segment").await;
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for left in [&orphan, &draft, &file] {
        fs::File::options().write(true).open(left).unwrap().set_modified(long_ago).unwrap();
    }
    check_all(&store, &candles(0, ROWS)).await;
    store.maintain_once().await.unwrap();
    let left = files(folder.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(![orphan, draft, file].contains(&left[0]));
    check_all(&store, &candles(0, ROWS)).await;
    store.close().await;
}

#[tokio::test]
async fn a_check_names_bad_files_and_they_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = sealed(folder.path()).await;
    assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
    let spoils: [fn(&Path); 3] = [
        |file| fs::remove_file(file).unwrap(),
        |file| fs::write(file, b"torn").unwrap(),
        |file| {
            let mut bytes = fs::read(file).unwrap();
            let last = bytes.len() - 9;
            bytes[last] ^= 4;
            fs::write(file, bytes).unwrap();
        },
    ];
    for spoil in spoils {
        let file = files(folder.path()).remove(0);
        spoil(&file);
        for _ in 0..2 {
            let found = store.check(Grid::Utc).await.unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(
                (found[0].issue, &found[0].location),
                (IntegrityIssue::Sealed, &IssueLocation::File(file.clone()))
            );
        }
        let plan = RepairPlan::of(&store.check(Grid::Utc).await.unwrap(), |_| Some((Grid::Utc, 200)));
        assert_eq!((plan.sealed.len(), plan.ranges.len(), plan.manual), (1, 0, 0));
        store.seal_again(&plan.sealed[0]).await.unwrap();
        assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
        assert_ne!(files(folder.path()), [file]);
        check_all(&store, &candles(0, ROWS)).await;
    }
    // Rows that the table has got since, newer than the sealed ones, are no contradiction.
    store.commit(&series("KRW-BTC"), &candles(ROWS, ROWS + 5), &proof(ROWS, ROWS + 5)).await.unwrap();
    assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
    // Damage to the table is found although reads are answered from the file.
    change(folder.path(), "UPDATE \"candles_KRW_BTC_1m\" SET volume = 1e6 WHERE timestamp = 60000000").await;
    let found = store.check(Grid::Utc).await.unwrap();
    assert_eq!(found.iter().map(|found| found.issue).collect::<Vec<_>>(), [IntegrityIssue::Damaged]);
    store.close().await;
}

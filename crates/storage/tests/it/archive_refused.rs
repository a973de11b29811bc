//! Archives that were changed: each is refused with what is wrong and where, and nothing of it is imported.

use std::fs;
use std::path::Path;

use market_backbone_core::{CandleStore, StoreErrorKind};
use market_backbone_storage::{ArchiveFormat, MemoryStore, import_archive};
use tempfile::tempdir;

use crate::archive::{MANIFEST, export};
use crate::material::{NOW, candles, everything, proof, series};

/// Exports a hundred rows, lets `spoil` change the archive, and expects a refusal that leaves the store
/// empty.
async fn refused(format: ArchiveFormat, spoil: impl FnOnce(&Path), needles: &[&str]) {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    for code in ["KRW-AAA", "KRW-BTC"] {
        store.commit(&series(code), &candles(0, 100), &proof(0, 120)).await.unwrap();
    }
    export(&store, folder.path(), format, everything()).await;
    spoil(folder.path());
    let elsewhere = MemoryStore::new();
    let error = import_archive(&elsewhere, folder.path(), NOW).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    for needle in needles {
        assert!(error.to_string().contains(needle), "`{needle}` in {error}");
    }
    assert_eq!(elsewhere.series().await.unwrap(), [], "a sound series beside it was not taken in either");
}

fn edit(dir: &Path, file: &str, change: impl FnOnce(&str) -> String) {
    let path = dir.join(file);
    let changed = change(&fs::read_to_string(&path).unwrap());
    fs::write(path, changed).unwrap();
}

#[tokio::test]
async fn a_changed_file_is_named_with_the_row_where_there_is_one() {
    const FILE: &str = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv";
    let rows = |change: fn(&mut Vec<String>)| {
        move |dir: &Path| {
            edit(dir, FILE, |text| {
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                change(&mut lines);
                lines.join("\n") + "\n"
            });
        }
    };
    let csv = ArchiveFormat::Csv;
    refused(csv, rows(|lines| drop(lines.remove(50))), &[FILE, "100 rows expected, 99 found"]).await;
    refused(csv, rows(|lines| lines.swap(50, 51)), &[FILE, "line 52", "come after"]).await;
    refused(
        csv,
        rows(|lines| lines[7] = "360001,1,1,1,1,1,1,true".to_owned()),
        &[FILE, "line 8", "opens at"],
    )
    .await;
    refused(csv, rows(|lines| lines[7] = "360000,9,1,1,1,1,1,true".to_owned()), &[FILE, "line 8", "invalid"])
        .await;
    refused(
        csv,
        rows(|lines| lines[7] = "360000,1,1,1,1,1,inf,true".to_owned()),
        &[FILE, "line 8", "invalid"],
    )
    .await;
    refused(csv, rows(|lines| lines[7] = "360000,1,1,1,1,1,1,true".to_owned()), &[FILE, "hash"]).await;
    refused(csv, rows(|lines| lines[7] = "360000,1,true".to_owned()), &[FILE, "line 8", "7 figures"]).await;
    let cut = |dir: &Path| edit(dir, FILE, |text| text[..text.len() - 3].to_owned());
    refused(csv, cut, &[FILE, "line 101", "cut off"]).await;
}

#[tokio::test]
async fn a_changed_manifest_is_seen() {
    let manifest = |from: &'static str, to: &'static str| {
        move |dir: &Path| {
            edit(dir, MANIFEST, |text| {
                assert!(text.contains(from), "{text}");
                text.replacen(from, to, 1)
            });
        }
    };
    let csv = ArchiveFormat::Csv;
    let said = MANIFEST;
    refused(csv, manifest("1970-01-01T02:00:00Z", "1970-01-01T03:00:00Z"), &[said, "KRW-AAA 1m", "known"])
        .await;
    refused(csv, manifest("\"KRW-AAA\"", "\"KRW-ZZZ\""), &[said, "in order"]).await;
    refused(csv, manifest("\"KRW-AAA\"", "\"KRW-AAB\""), &["symbol=KRW-AAA", "hash"]).await;
    refused(
        csv,
        manifest("data/source=upbit/symbol=KRW-AAA", "data/../../source=upbit/symbol=KRW-AAA"),
        &[said, "no file of this folder"],
    )
    .await;
    refused(csv, manifest("symbol=KRW-AAA", "symbol=KRW-BTC"), &[said, "same file"]).await;
    refused(csv, manifest("\"version\": 2", "\"version\": 3"), &[said, "newer"]).await;
    refused(csv, manifest("\"format\": \"csv\"", "\"format\": \"tsv\""), &[said, "tsv"]).await;
    refused(csv, manifest("\"content_hash\": \"", "\"content_hash\": \"0"), &[said, "hash"]).await;
    refused(csv, manifest("\"rows\": 100", "\"rows\": 101"), &["symbol=KRW-AAA", "101 rows"]).await;
    refused(csv, manifest("{", "{ \"more\": 1,"), &[said, "more"]).await;
    refused(csv, manifest("]", ""), &[said, "line"]).await;
}

#[tokio::test]
async fn a_parquet_file_with_a_wrong_byte_is_refused_unread() {
    const FILE: &str = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.parquet";
    let flip = |at: usize| {
        move |dir: &Path| {
            let mut bytes = fs::read(dir.join(FILE)).unwrap();
            let at = at.min(bytes.len() - 1);
            bytes[at] ^= 0xff;
            fs::write(dir.join(FILE), bytes).unwrap();
        }
    };
    for at in [0, 22, 1_000, 3_000, 3_166, usize::MAX] {
        refused(ArchiveFormat::Parquet, flip(at), &[FILE, "SHA-256"]).await;
    }
    let cut = |dir: &Path| {
        let bytes = fs::read(dir.join(FILE)).unwrap();
        fs::write(dir.join(FILE), &bytes[..bytes.len() / 2]).unwrap();
    };
    refused(ArchiveFormat::Parquet, cut, &[FILE, "SHA-256"]).await;
}

#[tokio::test]
async fn a_changed_digest_does_not_make_other_rows_true() {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    for (code, first) in [("KRW-AAA", 0), ("KRW-BTC", 1)] {
        store.commit(&series(code), &candles(first, 100 + first), &proof(0, 120)).await.unwrap();
    }
    export(&store, folder.path(), ArchiveFormat::Parquet, everything()).await;
    let file = |code: &str| {
        folder.path().join(format!("data/source=upbit/symbol={code}/timeframe=1m/candles.parquet"))
    };
    fs::copy(file("KRW-AAA"), file("KRW-BTC")).unwrap();
    edit(folder.path(), MANIFEST, |text| {
        let digest = |nth: usize| text.split("\"file_sha256\": \"").nth(nth).unwrap()[..64].to_owned();
        text.replace(&digest(2), &digest(1))
    });
    let error = import_archive(&MemoryStore::new(), folder.path(), NOW).await.unwrap_err();
    assert!(error.to_string().contains("content is not what"), "{error}");
}

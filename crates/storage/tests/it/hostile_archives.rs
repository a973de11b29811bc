//! Archives that were changed, by accident or on purpose: refused, quickly, and nothing of them is imported.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use fastrand::Rng;
use market_backbone_core::{
    Candle, CandleStore, Coverage, Grid, Origin, Provenance, Series, Span, StoreErrorKind, TimeRange,
    Timeframe, Timestamp,
};
use market_backbone_storage::{ArchiveFormat, ExportOptions, MemoryStore, export_archive, import_archive};
use tempfile::{TempDir, tempdir};

use crate::material::{NOW, candle, candles, everything, minute, proof, series};

const MUTATIONS: u64 = 100;
const MANIFEST: &str = "_manifest.json";
const ROWS: &str = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv";

async fn export(store: &MemoryStore, dir: &Path, format: ArchiveFormat) {
    let order = ExportOptions::new(dir, format, store.series().await.unwrap(), Grid::Utc);
    export_archive(store, &order).await.unwrap();
}

/// Two series of some hundred rows, one of them disputed here and there.
async fn archive(format: ArchiveFormat) -> (TempDir, MemoryStore) {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    for code in ["KRW-AAA", "KRW-BTC"] {
        store.commit(&series(code), &candles(0, 300), &proof(0, 310)).await.unwrap();
    }
    let other = Candle { close: candle(4).high, ..candle(4) };
    store.commit(&series("KRW-BTC"), &[other], &proof(4, 5)).await.unwrap();
    export(&store, folder.path(), format).await;
    (folder, store)
}

/// One of the things that can happen to the bytes of a file.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.usize(..bytes.len());
    let end = (at + rng.usize(1..40)).min(bytes.len());
    match rng.u8(..7) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.insert(at, rng.u8(..)),
        3 => bytes.truncate(at),
        4 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        // A digit for another is what a hand would do.
        5 => match bytes[at..].iter().position(u8::is_ascii_digit) {
            Some(digit) => bytes[at + digit] = b'0' + rng.u8(..10),
            None => bytes[at] ^= 0x20,
        },
        _ => bytes[at..end].fill(rng.u8(..)),
    }
}

#[tokio::test]
async fn a_mutated_archive_is_refused_or_is_still_the_same() {
    let mut refused = 0;
    for seed in 0..MUTATIONS {
        let mut rng = Rng::with_seed(seed);
        let format = if rng.bool() { ArchiveFormat::Csv } else { ArchiveFormat::Parquet };
        let (folder, store) = archive(format).await;
        let files = [MANIFEST.to_owned(), ROWS.replace("csv", format.as_str())];
        let path = folder.path().join(&files[rng.usize(..2)]);
        let mut bytes = fs::read(&path).unwrap();
        mutate(&mut bytes, &mut rng);
        fs::write(&path, bytes).unwrap();
        let elsewhere = MemoryStore::new();
        if import_archive(&elsewhere, folder.path(), NOW).await.is_err() {
            assert_eq!(elsewhere.series().await.unwrap(), [], "seed {seed}: taken in half");
            refused += 1;
            continue;
        }
        // A space more in the manifest, another time of observation: but never other rows, nor more that is known.
        for code in ["KRW-AAA", "KRW-BTC"] {
            let one = series(code);
            let read = async |store: &MemoryStore| store.read(&one, everything(), usize::MAX).await.unwrap();
            assert_eq!(read(&elsewhere).await, read(&store).await, "seed {seed}");
            let known = async |store: &MemoryStore| store.coverage(&one).await.unwrap();
            let (there, here) = (known(&elsewhere).await, known(&store).await);
            assert_eq!(there.ranges(), here.ranges(), "seed {seed}");
        }
    }
    assert!(refused > MUTATIONS * 2 / 3, "only {refused} were refused: what is mutated is not what matters");
}

/// What `folder` is refused with; nothing of it is taken in.
async fn refusal(folder: &Path, now: Timestamp) -> String {
    let store = MemoryStore::new();
    let error = import_archive(&store, folder, now).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert_eq!(store.series().await.unwrap(), [], "taken in half");
    error.to_string()
}

fn known(to: Timestamp, observed_at: Timestamp) -> Coverage {
    let provenance = Provenance { origin: Origin::Rest, observed_at };
    [Span { range: TimeRange::new(minute(0), to).unwrap(), provenance }].into_iter().collect()
}

/// An archive with all its hashes right, made by somebody whose store believed too much.
async fn believing(one: &Series, rows: &[Candle], coverage: Coverage) -> TempDir {
    let (folder, store) = (tempdir().unwrap(), MemoryStore::new());
    store.commit(&series("KRW-AAA"), &candles(0, 10), &proof(0, 10)).await.unwrap();
    store.commit(one, rows, &coverage).await.unwrap();
    export(&store, folder.path(), ArchiveFormat::Csv).await;
    folder
}

#[tokio::test]
async fn what_is_later_than_its_observation_cannot_be_known() {
    let (btc, at) = (series("KRW-BTC"), |text: &str| text.parse::<Timestamp>().unwrap());
    let (y2100, observed) = (at("2100-01-01"), at("2026-08-03T10:40:00Z"));

    let folder = believing(&btc, &candles(0, 10), known(y2100, observed)).await;
    let said = refusal(folder.path(), NOW).await;
    assert!(said.contains("manifest.json: KRW-BTC 1m") && said.contains("2100"), "{said}");

    let folder = believing(&btc, &candles(0, 10), known(y2100, y2100)).await;
    assert!(refusal(folder.path(), NOW).await.contains("clock"), "an observation that is still to come");

    // "Final" candles of the future: proven, with a proof of the future, and without any.
    let future = Candle { open_time: at("2099-12-31"), ..candle(1) };
    let unproven = believing(&btc, &[future], known(minute(10), observed)).await;
    let said = refusal(unproven.path(), NOW).await;
    assert!(said.contains("line 2") && said.contains("had not ended"), "{said}");

    // A month that had three days.
    let month = Series::new(btc.symbol.clone(), Timeframe::Month);
    let august = Candle { open_time: at("2026-08-01"), ..candle(1) };
    let folder = believing(&month, &[august], known(at("2026-08-02"), at("2026-08-04"))).await;
    assert!(refusal(folder.path(), NOW).await.contains("observed at 2026-08-04"));

    // The same is taken in by whoever comes later than it says.
    let folder = believing(&btc, &candles(0, 10), known(at("2027-01-20"), at("2027-01-20"))).await;
    refusal(folder.path(), at("2027-01-19")).await;
    import_archive(&MemoryStore::new(), folder.path(), at("2027-01-21")).await.unwrap();
}

/// Puts something else in place of one of the archive's files, and expects these words.
async fn instead(file: &str, spoil: impl FnOnce(&Path), words: &str) {
    let (folder, _) = archive(ArchiveFormat::Csv).await;
    let path = folder.path().join(file);
    fs::remove_file(&path).unwrap();
    spoil(&path);
    let said = refusal(folder.path(), NOW).await;
    assert!(said.contains(words) && said.contains(file), "{said}");
}

#[tokio::test]
async fn what_is_no_file_of_the_folder_is_not_opened() {
    let fifo = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let link = |to: &'static str| move |path: &Path| std::os::unix::fs::symlink(to, path).unwrap();
    for file in [MANIFEST, ROWS] {
        instead(file, fifo, "a FIFO, a socket or a device").await;
        instead(file, |path| fs::create_dir(path).unwrap(), "a folder").await;
        instead(file, |path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()), "a FIFO, a socket")
            .await;
        instead(file, link("/dev/zero"), "leads out").await;
        instead(file, link("/etc/hostname"), "leads out").await;
    }
    // One that stays in the folder is only another name.
    let (folder, _) = archive(ArchiveFormat::Csv).await;
    let path = folder.path().join(ROWS);
    fs::rename(&path, path.with_extension("rows")).unwrap();
    std::os::unix::fs::symlink("candles.rows", &path).unwrap();
    import_archive(&MemoryStore::new(), folder.path(), NOW).await.unwrap();
    // A folder that is elsewhere is no better than a file that is.
    let (data, elsewhere) = (folder.path().join("data"), tempdir().unwrap());
    fs::rename(&data, elsewhere.path().join("data")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("data"), &data).unwrap();
    assert!(refusal(folder.path(), NOW).await.contains("leads out"));
}

#[tokio::test]
async fn what_has_no_end_or_a_far_one_is_not_read_to_it() {
    const TEN_GB: u64 = 10 << 30;
    let sparse = |path: &Path| File::create(path).unwrap().set_len(TEN_GB).unwrap();
    for file in [MANIFEST, ROWS] {
        instead(file, sparse, "10737418240 bytes").await;
    }
    // As many rows as would fill it: then its ends tell.
    let (folder, _) = archive(ArchiveFormat::Parquet).await;
    let manifest = folder.path().join(MANIFEST);
    let text = fs::read_to_string(&manifest).unwrap().replace("\"rows\": 300", "\"rows\": 100000000");
    fs::write(&manifest, text).unwrap();
    sparse(&folder.path().join(ROWS.replace("csv", "parquet").replace("BTC", "AAA")));
    assert!(refusal(folder.path(), NOW).await.contains("its ends"));
}

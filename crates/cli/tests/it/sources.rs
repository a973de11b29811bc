//! The source of a folder's candles, through the command line: two servers in one folder, old folders,
//! archives, regions.

use std::fs;
use std::path::Path;

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::Scenario;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::tempdir;

use crate::run::{Said, Venue, bare};

fn emulator(seed: u64) -> Venue {
    Venue::start(Scenario { seed, ..Scenario::default() })
}

fn name_of(venue: &Venue) -> String {
    format!("upbit@{}", venue.emulator.rest_url().strip_prefix("http://").unwrap())
}

fn store(data: &Path, args: &[&str]) -> Said {
    Said::of(bare(args).arg("--data-dir").arg(data).output().unwrap())
}

/// Twenty minutes that have long settled, the same ones for all who ask in one test.
fn question(end: &str) -> Vec<&str> {
    vec!["candles", "KRW-BTC", "1m", "--count", "20", "--to", end, "--closed", "--format", "csv", "--stats"]
}

fn settled() -> String {
    Timestamp::from_secs(SystemClock.now().as_secs() / 60 * 60 - 600).to_string()
}

/// As a version that did not keep sources apart would have left it.
fn make_old(data: &Path) {
    fs::remove_file(data.join("upbit/SOURCE")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let file = SqliteConnectOptions::new().filename(data.join("index.db"));
        let mut conn = file.connect().await.unwrap();
        sqlx::raw_sql("DELETE FROM source").execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}

#[test]
fn two_servers_asked_from_one_folder_share_no_candle() {
    let (one, other, end) = (emulator(1), emulator(2), settled());
    let (shared, alone) = (tempdir().unwrap(), tempdir().unwrap());
    let question = question(&end);
    let first = one.run(shared.path(), &question);
    let second = other.run(shared.path(), &question);
    let truth = other.run(alone.path(), &question);
    assert!(second.requests() > 0, "{}", second.stderr);
    assert_eq!((first.rows().len(), second.rows()), (20, truth.rows()));
    assert_ne!(first.rows(), second.rows());
    for (venue, rows) in [(&one, &first), (&other, &second)] {
        let again = venue.run(shared.path(), &question);
        assert_eq!((again.requests(), again.rows()), (0, rows.rows()));
    }
    let json = store(shared.path(), &["store", "stats", "--series", "--format", "json"]).stdout;
    let table = store(shared.path(), &["store", "stats", "--series"]).stdout;
    for venue in [&one, &other] {
        let name = name_of(venue);
        assert!(json.contains(&format!("\"source\":\"{name}\"")) && table.contains(&name), "{json}{table}");
    }
    // A configured name keeps apart what one address cannot.
    let named = one.run(shared.path(), &[&question[..], &["--same-as", "upbit@seed-1"]].concat());
    assert!(named.requests() > 0 && named.rows() == first.rows());
    let wrong = one.run(shared.path(), &[&question[..], &["--same-as", "massive"]].concat());
    assert!(wrong.code != Some(0) && wrong.stderr.contains("massive is no source of upbit"), "{wrong:?}");
    one.stop();
    other.stop();
}

#[test]
fn an_old_folder_that_talked_to_one_server_only_holds_its_candles() {
    let (venue, data, end) = (emulator(1), tempdir().unwrap(), settled());
    let question = question(&end);
    let first = venue.run(data.path(), &[&question[..], &["--same-as", "upbit"]].concat());
    make_old(data.path());
    let host = name_of(&venue).replace([':', '@'], "-");
    fs::write(data.path().join(format!("limits/{host}.sends")), "").unwrap();
    let again = venue.run(data.path(), &question);
    assert_eq!((again.requests(), again.rows()), (0, first.rows()), "{}", again.stderr);
    assert!(!data.path().join("upbit").exists());
    venue.stop();
}

#[test]
fn an_old_folder_of_which_nothing_is_known_is_asked_about() {
    let (venue, data, end) = (emulator(1), tempdir().unwrap(), settled());
    let (question, name) = (question(&end), name_of(&venue));
    let as_upbit = [&question[..], &["--same-as", "upbit"]].concat();
    let first = venue.run(data.path(), &as_upbit);
    make_old(data.path());
    for file in ["upbit-127.0.0.1-1.sends", "upbit-api.upbit.com.sends"] {
        fs::write(data.path().join("limits").join(file), "").unwrap();
    }
    let refused = venue.run(data.path(), &as_upbit);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("store claim upbit --as upbit@127.0.0.1:9001"), "{}", refused.stderr);
    let stats = store(data.path(), &["store", "stats"]);
    assert!(stats.code == Some(0) && stats.stderr.contains("store claim"), "{stats:?}");
    let out = data.path().join("archive");
    assert_eq!(store(data.path(), &["store", "export", "--output", out.to_str().unwrap()]).code, Some(1));
    assert_eq!(store(data.path(), &["store", "check"]).code, Some(1));
    assert_eq!(store(data.path(), &["store", "claim", "massive"]).code, Some(1));
    let claimed = store(data.path(), &["store", "claim", "upbit", "--as", &name]);
    assert!(claimed.code == Some(0) && claimed.stderr.contains(&name), "{claimed:?}");
    let again = venue.run(data.path(), &question);
    assert_eq!((again.requests(), again.rows()), (0, first.rows()));
    assert_eq!(store(data.path(), &["store", "check"]).code, Some(0));
    assert!(venue.run(data.path(), &as_upbit).requests() > 0, "nothing of it is upbit's");
    venue.stop();
}

#[test]
fn an_archive_of_another_source_is_refused_unless_told() {
    let (venue, folder, end) = (emulator(1), tempdir().unwrap(), settled());
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let (archive, question) = (archive.to_str().unwrap(), question(&end));
    let first = venue.run(&data, &question);
    assert_eq!(store(&data, &["store", "export", "--output", archive]).code, Some(0));
    let (here, name) = (folder.path().join("here"), name_of(&venue));
    let refused = store(&here, &["store", "import", archive, "--region", "sg"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains(&name) && refused.stderr.contains("--as upbit-sg"), "{}", refused.stderr);
    assert_eq!(store(&here, &["store", "import", archive]).code, Some(0));
    let known = venue.run(&here, &question);
    assert_eq!((known.requests(), known.rows()), (0, first.rows()));
    let unknown = venue.run(&here, &[&question[..], &["--same-as", "upbit"]].concat());
    assert!(unknown.requests() > 0);
    let told = folder.path().join("told");
    assert_eq!(store(&told, &["store", "import", archive, "--as", "upbit"]).code, Some(0));
    let known = venue.run(&told, &[&question[..], &["--same-as", "upbit"]].concat());
    assert_eq!((known.requests(), known.rows()), (0, first.rows()));
    venue.stop();
}

#[test]
fn an_address_names_whose_series_is_forgotten() {
    let (one, other, end) = (emulator(1), emulator(2), settled());
    let (data, question) = (tempdir().unwrap(), question(&end));
    for venue in [&one, &other] {
        assert_eq!(venue.run(data.path(), &question).rows().len(), 20);
    }
    let forget = ["store", "forget", "KRW-BTC", "1m", "--yes"];
    let refused = store(data.path(), &forget);
    assert!(refused.code == Some(2) && refused.stderr.contains("--source"), "nobody says whose: {refused:?}");
    let forgot = one.run(data.path(), &forget);
    assert!(forgot.code == Some(0) && forgot.stdout.contains(&name_of(&one)), "{forgot:?}");
    assert_eq!(other.run(data.path(), &question).requests(), 0, "the other's is kept");
    assert!(
        one.run(data.path(), &forget).code == Some(1),
        "nothing is left of it, and no other is taken for it"
    );
    let name = name_of(&other);
    let named = one.run(data.path(), &[&forget[..], &["--source", &name]].concat());
    assert!(
        named.code == Some(0) && named.stdout.contains(&name),
        "a name goes before an address: {named:?}"
    );
    one.stop();
    other.stop();
}

#[test]
fn a_region_is_an_address_and_has_no_other() {
    let data = tempdir().unwrap();
    for command in [&["markets"][..], &["store", "stats"]] {
        let args = [command, &["--region", "sg", "--rest-url", "http://bob:s3cret@127.0.0.1:1"]].concat();
        let both = store(data.path(), &args);
        assert_eq!((both.code, both.stdout.as_str()), (Some(2), ""));
        assert!(both.stderr.contains("--same-as upbit-sg"), "what is meant, perhaps: {both:?}");
        assert!(!both.stderr.contains("s3cret"), "{both:?}");
    }
    let unknown = store(data.path(), &["markets", "--region", "us"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("kr, sg, id and th"), "{unknown:?}");
    let shares =
        store(data.path(), &["plan", "AAPL", "1d", "--count", "1", "--venue", "massive", "--region", "sg"]);
    assert!(shares.code == Some(2) && shares.stderr.contains("--region"), "{shares:?}");
    let odd = store(data.path(), &["markets", "--same-as", "Upbit Korea"]);
    assert!(odd.code == Some(2) && odd.stderr.contains("upbit@seed-7"), "{odd:?}");
}

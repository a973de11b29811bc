//! A venue that this workspace does not list: its descriptor and one line of the program are all it takes, stores and
//! archives included.

use std::path::Path;
use std::sync::Arc;

use market_backbone::{
    ArchiveFormat, Backbone, CandleStore, Error, ExportOptions, GridLookup, IntegrityIssue, ManualClock,
    Priority, Series, SourceErrorKind, SqliteStore, StoreConfig, StoreErrorKind, Timeframe, Timestamp,
    VenueConfig, VenueRegistry, check_archive_calendars, export_archive, import_archive, known_venues,
    plan_repair,
};
use market_backbone_downstream::toy_descriptor::DESCRIPTOR;
use market_backbone_downstream::toy_venue::TOY;
use market_backbone_emulator::{Emulator, EmulatorClock, Scenario};

use crate::toy_server::ToyServer;

/// Both venues' time, and the programs': 2026-08-06T13:14:30Z.
const NOW: i64 = 1_786_022_070_000;
const DATE: &str = "Thu, 06 Aug 2026 13:14:30 GMT";

/// The registry of a program that brings the toy.
fn with_toy() -> VenueRegistry {
    known_venues().clone().with(&DESCRIPTOR)
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_millis(NOW - hours * 3_600_000)
}

/// Fetches two hours of candles of the toy and of an emulated venue into one folder.
async fn fill(folder: &Path) -> Series {
    let (server, clock) =
        (ToyServer::at(DATE).await, Arc::new(ManualClock::new(Timestamp::from_millis(NOW))));
    let scenario = Scenario { clock: EmulatorClock::manual(NOW), ..Scenario::default() };
    let other = Emulator::start(scenario).await.unwrap();
    let builder = Backbone::builder().data_dir(folder).clock(clock).connect(server.config().same_as(TOY));
    let backbone = builder.upbit_at(&other.rest_url(), &other.ws_url()).build().await.unwrap();
    assert_eq!(backbone.venue(), TOY, "the first that is named is the one that is asked");
    let mut fetched = Vec::new();
    // In small letters: how the toy spells its markets is known too.
    for (venue, market) in backbone.venues().into_iter().zip(["one", "krw-btc"]) {
        let client = backbone.at(venue).unwrap().client(Priority::Normal);
        let set = client.candles(market, Timeframe::M1).range(hours_ago(5)..hours_ago(3)).await.unwrap();
        assert!(set.candles.len() > 100, "{} candles of {venue}", set.candles.len());
        fetched.push(set.series);
    }
    backbone.shutdown().await;
    other.stop().await;
    assert_eq!(fetched[0].symbol.venue(), TOY);
    fetched.remove(0)
}

fn order(dir: &Path, series: &Series, grids: impl Into<GridLookup>) -> ExportOptions {
    ExportOptions::new(dir, ArchiveFormat::Csv, vec![series.clone()], grids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_described_venue_is_fetched_kept_checked_and_copied_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let series = fill(&folder.path().join("data")).await;
    let store = SqliteStore::open(StoreConfig::new(folder.path().join("data"))).await.unwrap();
    assert_eq!(store.check(with_toy()).await.unwrap(), []);

    let archive = folder.path().join("archive");
    let written = export_archive(&store, &order(&archive, &series, with_toy())).await.unwrap();
    assert!(written.rows() > 100);
    check_archive_calendars(&archive, with_toy()).await.unwrap();
    let copy = SqliteStore::open(StoreConfig::new(folder.path().join("copy"))).await.unwrap();
    let read = import_archive(&copy, &archive, Timestamp::from_millis(NOW)).await.unwrap();
    assert_eq!(read, written);
    assert_eq!(copy.check(with_toy()).await.unwrap(), []);
    copy.close().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_venue_that_nobody_described_is_an_error_wherever_its_calendar_counts() {
    let folder = tempfile::tempdir().unwrap();
    let series = fill(&folder.path().join("data")).await;
    let store = SqliteStore::open(StoreConfig::new(folder.path().join("data"))).await.unwrap();

    // The other venue of the folder is examined all the same.
    let found = store.check(known_venues()).await.unwrap();
    let [finding] = &found[..] else { panic!("{found:?}") };
    assert_eq!((finding.issue, finding.series()), (IntegrityIssue::Undescribed, Some(&series)));
    assert!(finding.to_string().contains("toy") && finding.to_string().contains("upbit"), "{finding}");
    let plan = plan_repair(&found, known_venues());
    assert!(plan.is_empty() && plan.manual == 1, "nothing is forgotten of it: {plan:?}");

    let archive = folder.path().join("archive");
    let refused = export_archive(&store, &order(&archive, &series, known_venues())).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Undescribed);
    let archive = folder.path().join("whole");
    export_archive(&store, &order(&archive, &series, with_toy())).await.unwrap();
    let refused = check_archive_calendars(&archive, known_venues()).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Undescribed);
    assert!(refused.to_string().contains("toy"), "{refused}");
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_described_venue_does_not_take_is_refused_before_anything_is_asked() {
    let server = ToyServer::start().await;
    let url = &server.url;
    for (config, want) in [
        (VenueConfig::new(&DESCRIPTOR).at(url, "ws://127.0.0.1:1"), "https://toy.example/keys"),
        (server.config().set("speed", "slow"), "it takes pace"),
        (server.config().set("pace", "glacial"), "slow and fast"),
        (server.config().region("north"), "toy has no regions"),
        (VenueConfig::new(&DESCRIPTOR).key("k"), "say where it is"),
    ] {
        let error = Backbone::builder().in_memory().connect(config).build().await.unwrap_err();
        let Error::Source(error) = error else { panic!("{error}") };
        assert_eq!(error.kind(), SourceErrorKind::BadRequest);
        assert!(error.to_string().contains(want), "{error}");
    }
    assert_eq!(server.asked(), 0);
    let known = server.config().set("pace", "slow");
    let source = known.source().unwrap();
    assert!(source.family() == TOY && source.address().is_some(), "{source} is kept apart");
}

//! Manual changes to the tables of the shared database are detected, and never returned as they are.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{
    AbsenceClaim, Candle, CandleQuery, CandleSource, CandleStore, Coverage, Grid, ManualClock, Origin,
    Provenance, Timestamp,
};
use market_backbone_storage::{
    Finding, IntegrityIssue, MemoryStore, PostgresConfig, PostgresStore, StoredSource,
};

use crate::material::{candle, candles, everything, minute, minutes, open, proof, series};
use crate::model::{DENSE, Model};
use crate::postgres::{execute, fresh};
use crate::postgres_server::PostgresServer;

/// Begins a stretch whose rows are counted together.
const BEGIN: i64 = 256 * 100_000;
const NOW: i64 = BEGIN + 1_000;
const WITH_THE_SAME_FIGURES: &str = "open, high, low, close, volume, turnover FROM candles";

async fn filled(config: &PostgresConfig) -> PostgresStore {
    let store = PostgresStore::connect(config.clone()).await.unwrap();
    store.commit(&series("KRW-BTC"), &candles(BEGIN, NOW), &proof(BEGIN, NOW)).await.unwrap();
    store
}

async fn check(store: &PostgresStore) -> Vec<Finding> {
    store.check(Grid::Utc).await.unwrap()
}

/// A reader of `store` before a model venue.
fn reader(store: Arc<dyn CandleStore>) -> (Model, StoredSource) {
    let clock = Arc::new(ManualClock::new(minute(NOW).plus(Duration::from_secs(20))));
    let venue = Model::new(DENSE, Arc::clone(&clock), Arc::new(MemoryStore::new()));
    (venue.clone(), StoredSource::new(store, Arc::new(venue), clock, Grid::Utc))
}

const DELETE_TEN: &str = "DELETE FROM candles WHERE open_ms >= (25600000 + 300) * 60000::bigint
                             AND open_ms < (25600000 + 310) * 60000::bigint";

#[tokio::test]
async fn rows_deleted_by_hand_are_found_and_not_reported_as_empty() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    assert_eq!(check(&store).await, []);
    execute(&config, DELETE_TEN).await;
    let found = check(&store).await;
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (one.issue, one.range(), one.slots),
        (IntegrityIssue::Miscounted, Some(minutes(BEGIN + 256, BEGIN + 512)), 256)
    );
    assert!(one.detail.contains("256 candles were written here and 246 are there"), "{one}");
    assert_eq!(check(&store).await, found, "a check changes nothing");

    let read = store.read(&btc, minutes(BEGIN + 300, BEGIN + 301), 9).await.unwrap();
    assert_eq!(read.candles, []);
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(BEGIN, NOW)), [minutes(BEGIN + 256, BEGIN + 512)]);
}

#[tokio::test]
async fn rows_deleted_by_hand_are_asked_for_again_by_the_question_that_misses_them() {
    let Some(config) = fresh() else { return };
    for ask in ["a range", "the last"] {
        let store = filled(&config).await;
        execute(&config, DELETE_TEN).await;
        let (venue, source) = reader(Arc::new(store));
        let query = match ask {
            "a range" => CandleQuery::within(series("KRW-BTC"), minutes(BEGIN, NOW)),
            _ => CandleQuery::last(series("KRW-BTC"), 1_000).unwrap().closed(),
        };
        let set = source.candles(query).await.unwrap();
        assert_eq!(set.candles, candles(BEGIN, NOW), "{ask}");
        assert_eq!(set.coverage.ranges(), [minutes(BEGIN, NOW)]);
        assert_eq!(venue.asked().len(), 1);
    }
    let store = filled(&config).await;
    assert_eq!(check(&store).await, []);
}

#[tokio::test]
async fn a_commit_does_not_vouch_for_rows_that_somebody_took_away() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    execute(&config, "DELETE FROM candles WHERE open_ms = (25600000 + 990) * 60000::bigint").await;
    store.commit(&btc, &candles(NOW, NOW + 5), &proof(NOW, NOW + 5)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(BEGIN, NOW + 5)), [minutes(BEGIN + 768, NOW)]);
    // What is left there has no coverage now, until it is fetched again.
    assert!(check(&store).await.iter().all(|one| one.issue == IntegrityIssue::Unproven));
    store.commit(&btc, &candles(BEGIN + 768, NOW), &proof(BEGIN + 768, NOW)).await.unwrap();
    assert_eq!(check(&store).await, []);
    assert_eq!(store.coverage(&btc).await.unwrap().disputes(), []);
}

#[tokio::test]
async fn what_is_forgotten_on_purpose_is_not_missed() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    store.forget(&btc, minutes(BEGIN + 100, BEGIN + 700)).await.unwrap();
    assert_eq!(check(&store).await, []);
    store.read(&btc, everything(), usize::MAX).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(BEGIN, NOW)), [minutes(BEGIN + 100, BEGIN + 700)]);
    // Where rows are missing the whole range is dropped, even if only a part was forgotten.
    execute(&config, "DELETE FROM candles WHERE open_ms = (25600000 + 10) * 60000::bigint").await;
    store.forget(&btc, minutes(BEGIN + 50, BEGIN + 100)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(BEGIN, NOW)), [minutes(BEGIN, BEGIN + 700)]);
    assert!(check(&store).await.iter().all(|one| one.issue == IntegrityIssue::Unproven));
}

#[tokio::test]
async fn rows_that_somebody_took_away_are_missed_in_what_was_known_earlier_too() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    execute(&config, DELETE_TEN).await;
    store.read_as_of(&btc, minutes(BEGIN, NOW), 9_999, Timestamp::from_secs(1_800_000_000)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(BEGIN, NOW)), [minutes(BEGIN + 256, BEGIN + 512)]);
}

#[tokio::test]
async fn a_row_that_cannot_be_true_is_returned_by_no_tier() {
    let folder = tempfile::tempdir().unwrap();
    let mut stores: Vec<(&str, Arc<dyn CandleStore>)> =
        vec![("memory", Arc::new(MemoryStore::new())), ("folder", Arc::new(open(folder.path()).await))];
    if let Some(config) = fresh() {
        stores.push(("database", Arc::new(PostgresStore::connect(config).await.unwrap())));
    }
    for (tier, store) in stores {
        // Ports take whatever can be written; what can be is for whoever decodes an answer, and for whoever reads.
        let mut rows = candles(BEGIN, NOW);
        rows[500] = Candle { high: rows[500].low - 0.5, ..rows[500] };
        rows[700] = Candle { open_time: rows[700].open_time.plus(Duration::from_secs(30)), ..rows[700] };
        store.commit(&series("KRW-BTC"), &rows, &proof(BEGIN, NOW)).await.unwrap();
        let (venue, source) = reader(Arc::clone(&store));
        let query = CandleQuery::within(series("KRW-BTC"), minutes(BEGIN, NOW));
        let set = source.candles(query.clone()).await.unwrap();
        assert_eq!(set.candles, candles(BEGIN, NOW), "{tier}");
        let slots: Vec<_> = set.rejected.iter().filter_map(|row| row.slot).collect();
        assert_eq!(slots, [rows[500].open_time, rows[700].open_time], "{tier}: {:?}", set.rejected);
        assert!(set.coverage.disputes().is_empty(), "{tier}: nobody contradicted anybody");
        assert_eq!(venue.asked().len(), 2, "{tier}: the two slots");
        let again = source.candles(query).await.unwrap();
        assert_eq!(
            (again.candles, venue.asked().len()),
            (candles(BEGIN, NOW).into(), 0),
            "{tier}: it is mended"
        );
    }
}

#[tokio::test]
async fn impossible_rows_and_broken_coverages_in_the_database_are_found() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    let flaws = async || check(&store).await.into_iter().map(|one| one.issue).collect::<Vec<_>>();
    execute(&config, "UPDATE candles SET high = low - 1 WHERE open_ms = (25600000 + 3) * 60000::bigint")
        .await;
    assert_eq!(flaws().await, [IntegrityIssue::Impossible]);
    let off_grid = format!(
        "INSERT INTO candles SELECT series, open_ms + 30000, {WITH_THE_SAME_FIGURES}
          WHERE open_ms = (25600000 + 5) * 60000::bigint"
    );
    execute(&config, off_grid.leak()).await;
    let found = flaws().await;
    assert_eq!(found, [IntegrityIssue::Miscounted, IntegrityIssue::Impossible, IntegrityIssue::OffGrid]);
    store.forget(&btc, everything()).await.unwrap();
    assert_eq!(flaws().await, []);

    store.commit(&btc, &candles(BEGIN, NOW), &proof(BEGIN, NOW)).await.unwrap();
    execute(
        &config,
        "INSERT INTO coverage SELECT series, from_ns + 60000000000, to_ns, 'rumour', 0 FROM coverage",
    )
    .await;
    assert!(flaws().await.contains(&IntegrityIssue::Ledger));
    store.repair_ledger(&btc).await.unwrap();
    assert_eq!(flaws().await, []);
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(BEGIN, NOW));
}

#[tokio::test]
async fn what_was_only_claimed_is_claimed_in_the_database_too() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    let (asked, again) = (Timestamp::from_secs(1_800_000_000), Timestamp::from_secs(1_800_000_400));
    let claimed = |at| {
        let mut said = Coverage::empty();
        said.add_claim(AbsenceClaim::of(minutes(NOW, NOW + 10), at));
        said
    };
    store.commit(&btc, &[], &claimed(asked)).await.unwrap();
    store.commit(&series("KRW-ETH"), &[], &claimed(asked)).await.unwrap();
    store.close().await;
    let store = PostgresStore::connect(config).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.claims(), [AbsenceClaim::of(minutes(NOW, NOW + 10), asked)]);
    assert!(!known.is_known(minute(NOW)));
    assert_eq!(store.series().await.unwrap(), [btc.clone(), series("KRW-ETH")]);
    // A later reply that repeats it is the second witness, from any process.
    store.commit(&btc, &[], &claimed(again)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!((known.claims(), known.is_known(minute(NOW))), (&[][..], true));
}

#[tokio::test]
async fn what_one_answer_alone_said_to_an_older_version_is_found_in_the_database() {
    let Some(config) = fresh() else { return };
    let (store, btc) = (filled(&config).await, series("KRW-BTC"));
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::from_secs(1_700_000_000) };
    let span = market_backbone_core::Span { range: minutes(NOW, NOW + 10), provenance };
    store.commit(&btc, &[], &[span].into_iter().collect()).await.unwrap();
    store.close().await;
    execute(
        &config,
        "DROP TABLE tallies; DROP TABLE claims; DROP TABLE lone_witnesses; DELETE FROM schema_version WHERE version = 4",
    )
    .await;
    let store = PostgresStore::connect(config).await.unwrap();
    let found = check(&store).await;
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!((one.issue, one.range()), (IntegrityIssue::LoneWitness, Some(minutes(NOW, NOW + 10))));
    store.forget(&btc, minutes(NOW, NOW + 10)).await.unwrap();
    assert_eq!(check(&store).await, [], "what was asked for anew nobody doubts");
    assert_eq!(store.read(&btc, minutes(NOW - 1, NOW), 9).await.unwrap().candles, [candle(NOW - 1)]);
}

#[tokio::test]
async fn what_a_database_holds_and_takes_is_counted_and_its_free_room_used_again() {
    // Nobody else's transaction may keep it from being used again.
    let Some(server) = PostgresServer::own(20) else { return };
    let store = filled(&PostgresConfig::parse(&server.url()).unwrap()).await;
    store.commit(&series("KRW-ETH"), &candles(BEGIN, BEGIN + 7), &proof(BEGIN, BEGIN + 7)).await.unwrap();
    let stats = store.stats().await.unwrap();
    let rows: Vec<_> = stats.series.iter().map(|one| (one.series.clone(), one.rows, one.spans)).collect();
    assert_eq!(rows, [(series("KRW-BTC"), 1_000, 1), (series("KRW-ETH"), 7, 1)]);
    assert_eq!(stats.rows(), 1_007);
    assert!(stats.bytes() > 100_000 && stats.tables.iter().any(|table| table.name == "candles"), "{stats:?}");
    let before = store.tables().await.unwrap();
    for code in ["KRW-BTC", "KRW-ETH"] {
        store.forget(&series(code), everything()).await.unwrap();
    }
    store.vacuum().await.unwrap();
    let size = |tables: &[market_backbone_storage::DatabaseTable]| {
        tables.iter().find(|table| table.name == "candles").map(|table| table.bytes)
    };
    assert!(
        size(&store.tables().await.unwrap()) < size(&before),
        "the end of the table was all that it held"
    );
}

//! Whose candles they are: emulators, seeds and regions side by side, in one house and one database.

use market_backbone::{
    Backbone, Candle, CandleStore, Client, Clock, Endpoint, MASSIVE, PostgresConfig, PostgresStore, Priority,
    Series, SourceErrorKind, Storage, StoreConfig, Symbol, SystemClock, TimeRange, Timeframe, Timestamp,
    UPBIT, VenueId,
};
use market_backbone_emulator::{Emulator, RunningEmulator, Scenario};
use market_backbone_routing::RouterConfig;

use crate::postgres_server::{PASSWORD, PostgresServer};

/// Two hours that had long settled when the test began.
fn stretch() -> (Timestamp, Timestamp) {
    let minute = SystemClock.now().as_secs() / 60 - 10;
    (Timestamp::from_secs((minute - 120) * 60), Timestamp::from_secs(minute * 60))
}

async fn minutes(client: &Client, (from, to): (Timestamp, Timestamp)) -> Vec<Candle> {
    client.candles("KRW-BTC", Timeframe::M1).range(from..to).await.unwrap().candles.to_vec()
}

/// A server, what its addresses or its owner call it, and what it has.
struct Source {
    emulator: RunningEmulator,
    endpoint: Endpoint,
    id: VenueId,
    truth: Vec<Candle>,
}

async fn source(seed: u64, said: Option<&str>, stretch: (Timestamp, Timestamp)) -> Source {
    let emulator = Emulator::start(Scenario { seed, ..Scenario::default() }).await.unwrap();
    let mut endpoint = Endpoint::new(emulator.rest_url(), emulator.ws_url());
    if let Some(name) = said {
        endpoint = endpoint.same_as(name.parse().unwrap());
    }
    let alone = Backbone::builder().in_memory().upbit_endpoint(endpoint.clone()).build().await.unwrap();
    let truth = minutes(&alone.client(Priority::Normal), stretch).await;
    assert!(truth.len() > 100);
    let id = alone.venue();
    alone.shutdown().await;
    Source { emulator, endpoint, id, truth }
}

#[tokio::test]
async fn two_emulators_two_seeds_two_regions_one_database_and_no_row_crosses() {
    let Some(server) = PostgresServer::shared() else { return };
    let database = PostgresConfig::parse(&server.url()).unwrap().schema("sources".to_owned());
    let stretch = stretch();
    let names = [None, None, Some("upbit-sg"), Some("upbit-id"), Some("upbit@seed-7"), Some("upbit")];
    let mut sources = Vec::new();
    for (seed, said) in (1..).zip(names) {
        sources.push(source(seed, said, stretch).await);
    }
    let shared = || Storage::Shared { database: database.clone(), local: None };
    // Each by a machine of its own, then all of them in one house, where everything is known.
    for Source { endpoint, truth, .. } in &sources {
        let machine =
            Backbone::builder().storage(shared()).upbit_endpoint(endpoint.clone()).build().await.unwrap();
        assert_eq!(minutes(&machine.client(Priority::Normal), stretch).await, *truth);
        machine.shutdown().await;
    }
    let house = sources.iter().fold(Backbone::builder().storage(shared()), |builder, source| {
        builder.upbit_endpoint(source.endpoint.clone())
    });
    let house = house.build().await.unwrap();
    assert_eq!(house.venues(), sources.iter().map(|source| source.id).collect::<Vec<_>>());
    let asked = |source: &Source| source.emulator.report().group("candles").asked;
    let before: Vec<_> = sources.iter().map(asked).collect();
    for Source { id, truth, .. } in &sources {
        let client = house.client(Priority::Normal).at(*id).unwrap();
        assert_eq!(minutes(&client, stretch).await, *truth, "{id}");
    }
    assert_eq!(sources.iter().map(asked).collect::<Vec<_>>(), before, "all of it was known");
    house.shutdown().await;

    let over_the_net = PostgresConfig::parse(&server.tcp_url(PASSWORD)).unwrap();
    let over_the_net = over_the_net.schema(database.get_schema().to_owned());
    let store = PostgresStore::connect(over_the_net).await.unwrap();
    assert_eq!(store.series().await.unwrap().len(), sources.len());
    for Source { id, truth, .. } in &sources {
        let series = Series::new(Symbol::new(*id, "KRW-BTC").unwrap(), Timeframe::M1);
        let range = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        let rows = store.read(&series, range, usize::MAX).await.unwrap().candles;
        assert!(truth.iter().all(|row| rows.contains(row)), "{id}");
        let others = sources.iter().filter(|other| other.id != *id);
        let foreign =
            others.flat_map(|other| &other.truth).filter(|row| rows.contains(row) && !truth.contains(row));
        assert_eq!(foreign.count(), 0, "{id}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_venue_of_several_sources_has_to_be_named_in_full() {
    let stretch = stretch();
    let (one, other) = (source(1, None, stretch).await, source(2, Some("upbit-sg"), stretch).await);
    let builder = || Backbone::builder().in_memory().upbit_endpoint(one.endpoint.clone());
    let single = builder().build().await.unwrap();
    assert_eq!(single.client(Priority::Normal).at(UPBIT).map(|_| ()).ok(), Some(()));
    assert_eq!(single.at(UPBIT).unwrap().venue(), one.id);
    assert!(single.upbit().is_some() && single.at(MASSIVE).is_err());
    single.shutdown().await;
    let several = builder().upbit_endpoint(other.endpoint.clone()).build().await.unwrap();
    let error = several.at(UPBIT).unwrap_err();
    assert!(error.is_usage() && error.to_string().contains("upbit-sg"), "{error}");
    assert_eq!(several.at(other.id).unwrap().venue(), other.id);
    // A market of one source cannot be asked of another, by whatever way it gets there.
    let (client, stranger) = (several.upbit().unwrap(), Symbol::new(other.id, "KRW-BTC").unwrap());
    assert!(client.groupings(&[stranger]).await.is_ok(), "books are told in the same steps");
    several.shutdown().await;
    let wrong = one.endpoint.clone().same_as(MASSIVE);
    let refused = Backbone::builder().in_memory().upbit_endpoint(wrong).build().await.unwrap_err();
    assert!(
        matches!(refused, market_backbone::Error::Source(error) if error.kind() == SourceErrorKind::BadRequest)
    );
}

/// The venue counts who asks at an address, whatever we call what comes from there.
#[tokio::test]
async fn sources_share_a_limit_where_they_share_an_address_and_nowhere_else() {
    let (folder, stretch) = (tempfile::tempdir().unwrap(), stretch());
    let (one, other) = (source(1, None, stretch).await, source(2, None, stretch).await);
    let same = one.endpoint.clone().same_as(VenueId::intern("upbit@seed-1"));
    let config = RouterConfig::default().limits_dir(Some(folder.path().join("limits")));
    let builder =
        Backbone::builder().storage(Storage::Folder(StoreConfig::new(folder.path()))).router(config);
    let endpoints = [one.endpoint.clone(), same, other.endpoint.clone()];
    let house = endpoints.into_iter().fold(builder, |builder, endpoint| builder.upbit_endpoint(endpoint));
    let house = house.build().await.unwrap();
    assert_eq!(house.venues().len(), 3);
    let files =
        std::fs::read_dir(folder.path().join("limits")).unwrap().map(|file| file.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".sends"));
    let expected = [one.id, other.id].map(|id| format!("{}.sends", id.file_name()));
    assert_eq!(names.collect::<std::collections::BTreeSet<_>>(), expected.into_iter().collect());
    house.shutdown().await;
}

//! The toy venue and the store of one's own, through all layers.

use std::sync::Arc;

use market_backbone::{Backbone, CandleStore, Error, Priority, SourceErrorKind, Storage, Timeframe};
use market_backbone_downstream::journal_store::JournalStore;
use market_backbone_downstream::toy_venue::{PAGE, TOY};

use crate::rig::soon;
use crate::toy_server::{LISTED, ToyServer};

async fn toy(server: &ToyServer, store: &Arc<JournalStore>) -> Backbone {
    let store: Arc<dyn CandleStore> = Arc::clone(store) as _;
    let builder = Backbone::builder().connect(server.config().same_as(TOY));
    builder.storage(Storage::Custom(store)).build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn candles_of_an_unknown_venue_are_paged_proven_and_kept() {
    let (server, store) = (ToyServer::start().await, Arc::new(JournalStore::default()));
    let backbone = toy(&server, &store).await;
    assert_eq!(backbone.venue(), TOY);
    let client = backbone.client(Priority::Normal);
    let noon = || client.candles("ONE", Timeframe::M1).range("2026-01-01T06:00:00Z".."2026-01-01T12:00:00Z");
    let set = soon(noon()).await.unwrap();
    let (from, to) = (LISTED + 6 * 3_600, LISTED + 12 * 3_600);
    let want: Vec<_> = (from..to).step_by(60).filter(|open| open / 60 % 7 != 0).collect();
    assert_eq!(set.iter().map(|candle| candle.open_time.as_secs()).collect::<Vec<_>>(), want);
    let asked = server.asked();
    assert!(asked >= want.len() / PAGE as usize, "{asked} pages of {PAGE}");
    assert!(!store.journal().is_empty());
    assert_eq!(store.series().await.unwrap(), std::slice::from_ref(&set.series));

    assert_eq!(soon(noon()).await.unwrap().candles, set.candles);
    let again = server.asked() - asked;
    assert!(again <= 1, "{again} pages for what is kept but for its unproven edge");
    backbone.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_the_venue_does_not_list_is_an_error_that_names_a_near_one() {
    let (server, store) = (ToyServer::start().await, Arc::new(JournalStore::default()));
    let backbone = toy(&server, &store).await;
    let client = backbone.client(Priority::Normal);
    let answer = soon(client.candles("TWOO", Timeframe::M1).last(5)).await;
    let Err(Error::Source(error)) = answer else { panic!("{answer:?}") };
    assert_eq!(error.kind(), SourceErrorKind::UnknownMarket);
    assert!(error.to_string().contains("TWO?"), "{error}");
    let unsupported = soon(client.ticker("ONE")).await;
    assert!(matches!(unsupported, Err(Error::Source(error)) if error.kind() == SourceErrorKind::Unsupported));
    backbone.shutdown().await;
}

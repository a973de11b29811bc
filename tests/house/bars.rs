//! Closed bars as a program gets them: each once, equal to what the venue's pages show afterwards; and how a feed ends
//! that the venue refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use market_backbone::{
    Backbone, Candle, Error, ErrorKind, Feed, FeedEvent, GapState, MassiveAccount, MassivePlan, Priority,
    SourceError, SourceErrorKind, StreamKind, Timeframe, Timestamp,
};
use market_backbone_emulator::{Emulator, Faults, Scenario};
use market_backbone_tests::{FROZEN_AT, House};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a test on a loaded machine may take at the most.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a feed of bars has told.
#[derive(Debug, Default)]
struct DeliveredBars {
    /// The revisions of each bar, in the order in which they came.
    bars: BTreeMap<Timestamp, Vec<(u32, Candle)>>,
    order: Vec<Timestamp>,
    opened: usize,
    is_whole: bool,
}

impl DeliveredBars {
    async fn read(&mut self, feed: &mut Feed, until: Instant) {
        match timeout_at(until, feed.next()).await.expect("in time").expect("a feed without end") {
            FeedEvent::Bar { candle, revision, .. } => {
                if revision == 0 {
                    self.order.push(candle.open_time);
                }
                self.bars.entry(candle.open_time).or_default().push((revision, candle));
            }
            FeedEvent::Gap(gap) => {
                self.opened += usize::from(gap.state == GapState::Opened);
                self.is_whole = gap.state == GapState::Healed;
            }
            other => panic!("nobody asked for {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_the_candles_that_pages_show_each_once_however_often_the_socket_breaks() {
    let faults = Faults { drop_after_ms: 3_000, ..Faults::default() };
    let house = House::begun_at(FROZEN_AT, Scenario { faults, ..Scenario::default() }).await.unwrap();
    let bot = house.backbone.client(Priority::Critical);
    let mut feed = bot.subscribe("KRW-BTC", [StreamKind::Bar(Timeframe::S1)]).await.unwrap();
    let (mut delivered, until) = (DeliveredBars::default(), Instant::now() + PATIENCE);
    while delivered.opened < 3 || delivered.order.len() < 12 {
        delivered.read(&mut feed, until).await;
    }
    // What is told after the last of the breaks is told of a whole feed.
    house.venue.set_faults(Faults::default());
    let broken = delivered.order.len();
    while !delivered.is_whole || delivered.order.len() < broken + 8 {
        delivered.read(&mut feed, until).await;
    }
    assert!(delivered.order.is_sorted(), "{:?}", delivered.order);
    // The last few may still be revised.
    let compared = &delivered.order[..delivered.order.len() - 4];
    let (first, last) = (compared[0], compared[compared.len() - 1]);
    let end = last.plus(Duration::from_secs(1));
    let pages = bot.candles("KRW-BTC", Timeframe::S1).range(first..end).closed().await.unwrap();
    let shown: Vec<_> = pages.candles.iter().map(|candle| candle.open_time).collect();
    assert_eq!(shown, compared, "each once, and none that the pages do not show");
    for candle in &pages.candles {
        let revisions = &delivered.bars[&candle.open_time];
        assert!(
            revisions.iter().map(|(revision, _)| *revision).eq(0..revisions.len() as u32),
            "{revisions:?}"
        );
        let (_, last) = revisions[revisions.len() - 1];
        assert!(last.agrees_with(&candle), "{revisions:?}, not {candle:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_the_forming_bar_and_each_that_closes_are_one_call() {
    let house = House::begun_at(FROZEN_AT, Scenario::default()).await.unwrap();
    let bot = house.backbone.client(Priority::Critical);
    let mut bars = bot.bars("KRW-BTC", Timeframe::S1, 20).await.unwrap();
    let mut times: Vec<_> = bars.history().candles.iter().map(|candle| candle.open_time).collect();
    assert_eq!((times.len(), bars.history().candles.iter().all(|candle| candle.is_final)), (20, true));
    let until = Instant::now() + PATIENCE;
    let mut was_forming = false;
    while times.len() < 32 || !was_forming {
        match timeout_at(until, bars.next()).await.expect("in time").expect("a feed without end") {
            FeedEvent::Bar { candle, revision: 0, .. } => times.push(candle.open_time),
            FeedEvent::Candle { candle, .. } if !candle.is_final => {
                was_forming = true;
                assert_eq!(bars.forming(), Some(&candle));
                assert!(times.last() < Some(&candle.open_time), "it comes after what has closed");
                assert_eq!(
                    bot.latest_candle("KRW-BTC", Timeframe::S1).map(|last| last.is_final),
                    Some(false)
                );
            }
            _ => {}
        }
    }
    // The pages show the last few as closed when they can no longer change.
    times.truncate(24);
    let (first, last) = (times[0], times[times.len() - 1]);
    let range = first..last.plus(Duration::from_secs(1));
    let pages = bot.candles("KRW-BTC", Timeframe::S1).range(range).closed().await.unwrap();
    let shown: Vec<_> = pages.candles.iter().map(|candle| candle.open_time).collect();
    assert_eq!(times, shown, "nothing is missing between history and what is live, and nothing comes twice");
    house.close().await;
}

/// The reason with which a feed ends.
async fn reason(feed: &mut Feed) -> SourceError {
    timeout(PATIENCE, async {
        loop {
            match feed.next().await.expect("a reason before the end") {
                FeedEvent::Ended { reason } => break reason,
                FeedEvent::Gap(_) => {}
                other => panic!("{other:?}"),
            }
        }
    })
    .await
    .expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_an_address_that_is_no_socket_ends_with_that_reason() {
    let venue = Emulator::start(Scenario::default()).await.unwrap();
    let nowhere = venue.ws_url().replace("/websocket/v1", "/nowhere");
    assert!(nowhere.ends_with("/nowhere"), "{nowhere}");
    let backbone =
        Backbone::builder().upbit_at(&venue.rest_url(), &nowhere).in_memory().build().await.unwrap();
    let bot = backbone.client(Priority::Critical);
    let mut feed = bot.subscribe("KRW-BTC", [StreamKind::Trade]).await.unwrap();
    let why = reason(&mut feed).await;
    assert_eq!(why.kind(), SourceErrorKind::NoSuchRoute);
    assert!(why.to_string().contains("check the address"), "{why}");
    assert_eq!(feed.next().await, None);
    backbone.shutdown().await;
    venue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_the_reason_of_an_answer_and_of_the_end_of_a_feed() {
    let venue = Emulator::start(Scenario::default()).await.unwrap();
    let account = MassiveAccount::new("wrong-key", MassivePlan::Advanced);
    let account = account.at(&venue.rest_url(), &venue.stocks_ws_url());
    let backbone = Backbone::builder().massive_account(account).in_memory().build().await.unwrap();
    let bot = backbone.client(Priority::Critical);
    let refused: Error = bot.candles("AAPL", Timeframe::M1).last(5).await.unwrap_err();
    assert_eq!((refused.kind(), refused.is_transient()), (ErrorKind::Unauthorized, false), "{refused}");
    let mut feed = bot.subscribe("AAPL", [StreamKind::Trade]).await.unwrap();
    let why = reason(&mut feed).await;
    assert_eq!(why.kind(), SourceErrorKind::Unauthorized);
    assert!(why.to_string().contains("check MASSIVE_API_KEY"), "{why}");
    assert!(!format!("{why:?}").contains("wrong-key"), "{why:?}");
    assert_eq!(feed.next().await, None);
    backbone.shutdown().await;
    venue.stop().await;
}

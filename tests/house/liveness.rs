//! A socket that answers pings and brings nothing: found out over REST, replaced, and what it kept to itself is told.

use std::time::Duration;

use market_backbone::config::{LivenessConfig, SessionConfig};
use market_backbone::{FeedEvent, GapCause, GapState, Priority, RouterConfig, StreamKind};
use market_backbone_emulator::{Faults, MarketActivity, MarketSet, Scenario};
use market_backbone_tests::House;
use tokio::time::timeout;

/// Silence is strange after less than a second: these markets trade several times in one.
fn nervous() -> RouterConfig {
    let liveness = LivenessConfig::default()
        .check_interval(Duration::from_millis(50))
        .min_silence(Duration::from_millis(800))
        .max_silence(Duration::from_secs(2))
        .probe_interval(Duration::from_millis(500))
        .delivery_grace(Duration::from_millis(300));
    RouterConfig::default().session(SessionConfig::default().liveness(liveness))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_socket_is_replaced_and_its_gap_is_healed() {
    let faults = Faults { mute_after_ms: 2_000, ..Faults::default() };
    // They trade often enough that each socket tells of them before it goes mute: a gap without an end is not healed at once.
    let scenario =
        Scenario { faults, markets: MarketSet::many(2, MarketActivity::Wild), ..Scenario::default() };
    let house = House::built(scenario, |builder| builder.in_memory().router(nervous())).await.unwrap();
    let client = house.backbone.client(Priority::High);
    let markets = house.venue.tape().markets();
    let mut feed = client.subscribe(markets.iter().map(String::as_str), [StreamKind::Trade]).await.unwrap();
    let (mut opened, mut healed) = (0, 0);
    let seen = async {
        while healed < opened || opened == 0 || house.venue.report().sockets.opened < 3 {
            match feed.next().await.unwrap() {
                FeedEvent::Gap(gap) if gap.state == GapState::Opened => {
                    assert_eq!(gap.cause, GapCause::Silent);
                    opened += 1;
                }
                FeedEvent::Gap(gap) if gap.state == GapState::Healed => healed += 1,
                FeedEvent::Gap(gap) => assert_ne!(gap.state, GapState::Lost, "{gap:?}"),
                _ => {}
            }
        }
    };
    timeout(Duration::from_secs(60), seen).await.expect("in time");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_well_is_left_alone() {
    let house =
        House::built(Scenario::default(), |builder| builder.in_memory().router(nervous())).await.unwrap();
    let client = house.backbone.client(Priority::High);
    let mut feed = client.subscribe(["KRW-BTC", "KRW-ETH"], [StreamKind::Trade]).await.unwrap();
    let gaps = async {
        loop {
            if let FeedEvent::Gap(gap) = feed.next().await.unwrap() {
                return gap;
            }
        }
    };
    let gap = timeout(Duration::from_secs(6), gaps).await;
    assert!(gap.is_err(), "{gap:?}");
    assert_eq!(house.venue.report().sockets.opened, 1);
    house.close().await;
}

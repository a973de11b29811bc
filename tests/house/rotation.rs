//! Planned rotation: the new socket stands before the old one goes, and a reader notices nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use market_backbone::config::SessionConfig;
use market_backbone::{Clock, GapState, Priority, RouterConfig, StreamKind, SystemClock};
use market_backbone_emulator::{Faults, MarketActivity, MarketSet, Scenario};
use market_backbone_tests::House;
use tokio::time::Instant;

use crate::witness::{Watch, Witness};

const MARKETS: usize = 40;
const ROTATIONS: u64 = 20;
/// How long the old socket is still read: longer than any frame is held back.
const LINGER: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn twenty_rotations_lose_nothing_double_nothing_and_are_no_gap() {
    // Frames that come late or swap places are where an overlap of two sockets could go wrong.
    let faults = Faults { reorder: 0.05, ..Faults::default() };
    let markets = MarketSet::many(MARKETS, MarketActivity::Wild);
    let scenario = Scenario { markets, faults, history_days: 1, ..Scenario::default() };
    let router = RouterConfig::default().session(SessionConfig::default().linger(LINGER));
    let house = House::built(scenario, |builder| builder.in_memory().router(router)).await.unwrap();
    let (tape, markets) = (house.venue.tape(), house.venue.tape().markets());
    let client = house.backbone.client(Priority::High);
    let subscription =
        client.subscribe(markets.iter().map(String::as_str), [StreamKind::Trade, StreamKind::Ticker]);
    let mut watch = Watch {
        feed: subscription.buffered(1 << 16).await.unwrap(),
        seen: Witness::default(),
        clock: Arc::new(SystemClock),
    };

    let heard_all = |seen: &Witness| markets.iter().all(|market| !seen.of(market).is_empty());
    assert!(watch.read(Instant::now() + Duration::from_secs(60), heard_all).await);
    let from_ms = SystemClock.now().as_millis();
    for rotation in 1..=ROTATIONS {
        // Read while it turns, or the queue would overflow.
        let turn = house.backbone.rotate();
        let mut turn = std::pin::pin!(turn);
        let mut turned = None;
        let patience = Instant::now() + Duration::from_secs(60);
        let over = |_: &Witness| {
            turned = turned.or_else(|| turn.as_mut().now_or_never());
            turned.is_some() && house.venue.sockets().len() == 1
        };
        assert!(watch.read(patience, over).await, "rotation {rotation}");
        assert_eq!(turned, Some(true), "rotation {rotation}");
    }
    let window = (from_ms, SystemClock.now().as_millis());
    let patience = Instant::now() + Duration::from_secs(5);
    let mut looked = Instant::now();
    watch
        .read(patience, |seen| {
            looked.elapsed() > Duration::from_millis(200) && {
                looked = Instant::now();
                seen.differences(&tape, &markets, window).is_empty()
            }
        })
        .await;

    let seen = &watch.seen;
    assert_eq!(seen.differences(&tape, &markets, window), [""; 0], "of {} trades", seen.len());
    assert!(seen.len() > 1_000, "{}", seen.len());
    assert_eq!(seen.doubled, []);
    assert_eq!((seen.gaps(GapState::Opened), seen.lagged), (0, 0), "{:?}", seen.announced());
    assert_eq!(seen.backwards, [], "tickers never go back");
    let sockets = house.venue.report().sockets;
    assert_eq!((sockets.opened, sockets.dropped), (ROTATIONS + 1, 0));
    house.close().await;
}

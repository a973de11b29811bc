//! Live trades that come later than a feed remembers what it has delivered.

use market_backbone_coordinator::Start;
use market_backbone_core::{GapState, StreamKind};

use crate::feed_rig::{Venue, channel, config, gap, rest, subscription, trade};

const TRADE: StreamKind = StreamKind::Trade;

#[tokio::test(start_paused = true)]
async fn a_trade_that_is_more_than_a_minute_late_is_left_out_and_counted() {
    let venue = Venue::new();
    let continuity = venue.continuity(config());
    let mut feed = continuity.subscribe(subscription(&["A", "B"], &[TRADE]), Start::Now).await.unwrap();
    let mut other = continuity.clone().subscribe(subscription(&["B"], &[TRADE]), Start::Now).await.unwrap();
    for ms in [1_000, 120_000] {
        venue.print("B", ms);
    }
    assert_eq!(rest(&mut other).await, ["B 1000", "B 120000"]);
    venue.print("B", 59_999);
    // A trade of less than a minute ago, a late one, and one that has been delivered already.
    venue.print("B", 60_001);
    venue.print("B", 120_000);
    assert_eq!(rest(&mut other).await, ["B 60001"]);
    assert_eq!((feed.late_trades(), other.late_trades()), (0, 1));
    assert_eq!(continuity.metrics().late_trades, 1);
    assert_eq!(rest(&mut feed).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_until_pages_have_shown_it_is_not_late() {
    let venue = Venue::new();
    venue.traded((0..200).map(|second| trade("A", second * 1_000)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    let a = [channel("A", TRADE)];
    venue.print("A", 0);
    venue.say(gap(GapState::Opened, &a, 0, None));
    venue.say(gap(GapState::Resumed, &a, 0, Some(5_000)));
    // Live trades of two minutes wait while the gap is healed, and the pages show them as well.
    for second in 5..150 {
        venue.print("A", second * 1_000);
    }
    tokio::time::advance(std::time::Duration::from_secs(200)).await;
    let seen = rest(&mut feed).await;
    let trades = seen.iter().filter(|line| line.starts_with("A ")).count();
    assert!(trades >= 150, "{seen:?}");
    assert_eq!(feed.late_trades(), 0);
}

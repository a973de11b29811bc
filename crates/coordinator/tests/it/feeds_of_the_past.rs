//! Feeds that begin in the past: history first, then live events, and cursors from one feed to the next.

use std::time::Duration;

use market_backbone_coordinator::Start;
use market_backbone_core::{FeedEvent, GapState, LossReason, SourceErrorKind, StreamKind, TimeRange};
use tokio::time::{advance, sleep};

use crate::feed_rig::{
    CANDLE, NOON, Venue, at, at_hand, candle, channel, config, gap, live_candle, next, rest, subscription,
    ticker, token, trade,
};

const TRADE: StreamKind = StreamKind::Trade;
const DAY_MS: i64 = 86_400_000;

#[tokio::test(start_paused = true)]
async fn history_comes_first_then_what_is_live_each_once() {
    let venue = Venue::new();
    venue.traded((-30..=0).map(|n| trade("A", 1_000 * n)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), at(-25_000)).await;
    venue.print("A", 0);
    venue.print("A", 500);
    let seen = rest(&mut feed).await;
    let want: Vec<_> = (-25..=0).map(|n| format!("A {}", 1_000 * n)).collect();
    assert_eq!(seen[..26], want);
    assert_eq!(seen[26..], ["caught up 1", "A 500"]);
    assert_eq!(venue.requests(), 3, "three pages of ten");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_the_past_is_said() {
    let venue = Venue::new();
    venue.traded([trade("A", -90_000), trade("A", -10)]);
    venue.closed([candle(-1, 5.0, true)]);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, CANDLE]), at(-60_000)).await;
    let mut past = [next(&mut feed).await, next(&mut feed).await];
    past.sort();
    assert_eq!(past, ["A -10", "candle -1 5 final"]);
    let Some(FeedEvent::CaughtUp(histories)) = feed.next().await else { panic!("not caught up") };
    assert_eq!(histories.len(), 2);
    for history in histories.iter() {
        assert!(history.coverage.covers(TimeRange::new(at(-60_000), at(0)).unwrap()), "{history:?}");
        assert_eq!(history.loss, None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_venue_no_longer_has_is_lost_and_said_to_be() {
    let venue = Venue::new();
    venue.traded((0..12).map(|day| trade("A", -day * DAY_MS)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), at(-10 * DAY_MS - 5)).await;
    let Some(FeedEvent::Gap(lost)) = feed.next().await else { panic!("no gap") };
    assert_eq!((lost.state, lost.loss), (GapState::Lost, Some(LossReason::TooOld { days: 7 })));
    assert_eq!((lost.from, lost.to), (at(-10 * DAY_MS - 5), Some(at(-7 * DAY_MS))));
    let seen = rest(&mut feed).await;
    assert_eq!(seen.len(), 9);
    assert_eq!(seen[8], "caught up 1");
}

#[tokio::test(start_paused = true)]
async fn a_market_that_never_traded_is_caught_up_with() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), at(-5_000)).await;
    assert_eq!(rest(&mut feed).await, ["caught up 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_between_history_and_the_first_live_event_is_not_missed() {
    let venue = Venue::new();
    venue.traded([-100, 14_000, 15_000, 200_000].map(|ms| trade("A", ms)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), at(-200)).await;
    assert_eq!(rest(&mut feed).await, ["A -100", "caught up 1"]);
    advance(Duration::from_secs(100)).await;
    venue.print("A", 200_000);
    advance(Duration::from_secs(100)).await;
    assert_eq!(rest(&mut feed).await, ["A 14000", "A 15000", "A 200000"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_state_the_latest_waits_until_the_past_is_there() {
    let venue = Venue::new();
    venue.traded([trade("A", -100)]);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, StreamKind::Ticker]), at(-200)).await;
    venue.say(ticker("A", -100, 1.0));
    venue.say(ticker("A", -50, 2.0));
    assert_eq!(rest(&mut feed).await, ["A -100", "caught up 1", "ticker 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_goes_on_with_the_next_event() {
    let venue = Venue::new();
    venue.traded((0..=100).map(|n| trade("A", 1_000 * n)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    for ms in [10_000, 12_000, 11_000, 14_000] {
        venue.print("A", ms);
    }
    sleep(Duration::from_secs(15)).await;
    for seen in ["A 10000", "A 12000", "A 11000"] {
        assert_eq!(next(&mut feed).await, seen);
    }
    let cursor = token(&feed);
    drop(feed);
    sleep(Duration::from_secs(10)).await;
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), cursor).await;
    venue.print("A", 11_000); // a venue begins with what it sent last
    venue.print("A", 25_000);
    let seen = rest(&mut feed).await;
    let want: Vec<_> = (13..=25).map(|n| format!("A {n}000")).chain(["caught up 1".to_owned()]).collect();
    assert_eq!(seen, want);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_taken_while_a_gap_is_healed_stands_before_the_gap() {
    let venue = Venue::new();
    venue.traded([1_000, 2_000, 3_000].map(|ms| trade("A", ms)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    let a = [channel("A", TRADE)];
    venue.print("A", 1_000);
    venue.say(gap(GapState::Opened, &a, 1_000, None));
    venue.say(gap(GapState::Resumed, &a, 1_000, Some(3_000)));
    venue.print("A", 3_000);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(at_hand(&mut feed)[..2], ["A 1000", "opened disconnected"]);
    let cursor = token(&feed);
    drop(feed);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), cursor).await;
    assert_eq!(rest(&mut feed).await, ["A 2000", "A 3000", "caught up 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_candles_goes_on_with_the_bar_that_was_in_progress() {
    let venue = Venue::new();
    venue.closed((0..10).map(|minute| candle(minute, 100.0, true)));
    let mut feed = venue.feed(subscription(&["A"], &[CANDLE]), Start::Now).await;
    venue.say(live_candle(0, 7.0));
    venue.say(live_candle(1, 8.0));
    assert_eq!(at_hand(&mut feed), ["candle 0 7", "candle 1 8"]);
    let cursor = token(&feed);
    drop(feed);
    sleep(Duration::from_secs(200)).await;
    let mut feed = venue.feed(subscription(&["A"], &[CANDLE]), cursor).await;
    venue.say(live_candle(3, 9.0));
    assert_eq!(
        rest(&mut feed).await,
        ["candle 1 100 final", "candle 2 100 final", "caught up 1", "candle 3 9"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_quiet_market_is_not_lost_however_old_its_last_trade() {
    let venue = Venue::new();
    venue.traded([trade("A", -9 * DAY_MS), trade("B", 0)]);
    let mut feed = venue.feed(subscription(&["A", "B"], &[TRADE]), Start::Now).await;
    venue.print("A", -9 * DAY_MS);
    venue.print("B", 0);
    assert_eq!(at_hand(&mut feed).len(), 2);
    let cursor = token(&feed);
    let mut feed = venue.feed(subscription(&["A", "B"], &[TRADE]), cursor).await;
    assert_eq!(rest(&mut feed).await, ["caught up 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_the_cursor_does_not_know_begins_now() {
    let venue = Venue::new();
    venue.traded([trade("A", -50), trade("A", -5), trade("A", 20), trade("B", -5)]);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.print("A", -50);
    assert_eq!(at_hand(&mut feed), ["A -50"]);
    let cursor = token(&feed);
    let mut feed = venue.feed(subscription(&["A", "B"], &[TRADE]), cursor).await;
    venue.print("B", 10);
    venue.print("A", 20);
    assert_eq!(rest(&mut feed).await, ["A -5", "A 20", "caught up 1", "B 10"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_another_venue_is_refused() {
    let venue = Venue::new();
    let feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    let cursor = feed.cursor();
    let other = Venue::with(|capabilities| capabilities.venue = market_backbone_core::VenueId::new("other"));
    let refused = other.continuity(config()).subscribe(subscription(&["A"], &[TRADE]), cursor.into()).await;
    assert_eq!(refused.unwrap_err().kind(), SourceErrorKind::BadRequest);
    assert_eq!(feed.cursor().position(&channel("A", TRADE)).unwrap().as_secs(), NOON);
}

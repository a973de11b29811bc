//! Feeds that begin now: live events, and how every gap is healed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use market_backbone_coordinator::Start;
use market_backbone_core::{
    Delivery, FeedEvent, Gap, GapState, Priority, SourceErrorKind, StreamKind, Timestamp,
};
use tokio::time::{advance, sleep};

use crate::feed_rig::{
    CANDLE, Venue, at_hand, candle, channel, config, gap, live_candle, next, rest, shallow, sized,
    subscription, ticker, trade,
};

const TRADE: StreamKind = StreamKind::Trade;
const TICKER: StreamKind = StreamKind::Ticker;
use GapState::{Opened, Resumed};

#[tokio::test(start_paused = true)]
async fn live_trades_come_as_they_arrive_and_once() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    for ms in [100, 300, 200, 300, 100, 400] {
        venue.print("A", ms);
    }
    assert_eq!(rest(&mut feed).await, ["A 100", "A 300", "A 200", "A 400"]);
    assert_eq!(venue.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_gap_swallowed_comes_in_order_before_what_is_live_after_it() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded([100, 200, 300, 350, 400].map(|ms| trade("A", ms)));
    let a = [channel("A", TRADE)];
    venue.print("A", 100);
    venue.say(gap(Opened, &a, 100, None));
    venue.print("A", 400);
    venue.say(gap(Resumed, &a, 100, Some(400)));
    venue.print("A", 350);
    let healed = ["A 100", "opened disconnected", "healing disconnected", "A 200", "A 300", "A 350", "A 400"];
    advance(Duration::from_millis(450)).await;
    let seen = rest(&mut feed).await;
    assert_eq!(seen[..7], healed);
    assert_eq!(seen[7..], ["healed disconnected"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_trade_older_than_the_beginning_nothing_is_reported() {
    let venue = Venue::new();
    venue.traded([-500, 100, 200].map(|ms| trade("A", ms)));
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    let a = [channel("A", TRADE)];
    sleep(Duration::from_millis(300)).await;
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(300)));
    assert_eq!(
        rest(&mut feed).await,
        ["opened disconnected", "healing disconnected", "A 100", "A 200", "healed disconnected"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_state_needs_no_healing() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TICKER, StreamKind::Book]), Start::Now).await;
    let a = [channel("A", TICKER), channel("A", StreamKind::Book)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(ticker("A", 100, 7.0));
    venue.say(gap(Resumed, &a, 0, Some(100)));
    assert_eq!(at_hand(&mut feed), ["opened disconnected", "ticker 7", "healed disconnected"]);
    assert_eq!(venue.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn while_one_channel_is_healed_the_others_are_live() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A", "B"], &[TRADE]), Start::Now).await;
    venue.traded([trade("A", 50), trade("A", 100)]);
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(90)));
    venue.print("A", 100);
    venue.print("B", 100);
    assert_eq!(at_hand(&mut feed), ["opened disconnected", "healing disconnected", "B 100"]);
    assert_eq!(rest(&mut feed).await, ["A 50", "A 100", "healed disconnected"]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_while_one_is_healed_makes_one_gap_of_both() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded([50, 1_000, 2_000].map(|ms| trade("A", ms)));
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(90)));
    assert_eq!(at_hand(&mut feed), ["opened disconnected", "healing disconnected"]);
    venue.say(gap(Opened, &a, 120, None));
    assert_eq!(rest(&mut feed).await, ["opened disconnected"], "what is there waits for the rest");
    venue.print("A", 2_000); // it too must wait
    venue.say(gap(Resumed, &a, 120, Some(2_100)));
    let event = feed.next().await.unwrap();
    assert!(matches!(event, FeedEvent::Gap(Gap { from, .. }) if from == crate::feed_rig::at(0)), "{event:?}");
    assert_eq!(rest(&mut feed).await, ["A 50", "A 1000", "A 2000", "healed disconnected"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_for_long_enough_is_lost_and_said_to_be() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded([50, 500_000, 700_000].map(|ms| trade("A", ms)));
    venue.failing(|_| Some(SourceErrorKind::VenueFault));
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(90)));
    for seen in ["opened disconnected", "healing disconnected"] {
        assert_eq!(next(&mut feed).await, seen);
    }
    venue.print("A", 500_000);
    assert_eq!(next(&mut feed).await, "A 500000");
    let lost = "lost disconnected: the venue did not deliver it: as the script says";
    assert_eq!(next(&mut feed).await, lost);
    assert!(venue.requests() > 20, "{}", venue.requests());
    venue.print("A", 700_000);
    assert_eq!(next(&mut feed).await, "A 700000");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_asked_again() {
    let venue = Venue::new();
    let mut subscription = subscription(&["A"], &[TRADE]);
    subscription.priority = Priority::Critical;
    let mut feed = venue.feed(subscription, Start::Now).await;
    venue.traded((0..25).map(|n| trade("A", 10 * n)));
    venue.failing(|number| (number % 3 != 0).then_some(SourceErrorKind::Throttled(None)));
    let a = [channel("A", TRADE)];
    sleep(Duration::from_millis(250)).await;
    venue.print("A", 0);
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(250)));
    let seen = rest(&mut feed).await;
    assert_eq!(seen.len(), 25 + 3, "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("healed disconnected"));
    assert!(venue.asked.lock().unwrap().iter().all(|(_, priority)| *priority == Priority::Critical));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_falls_behind_is_caught_up() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded([100, 200, 300, 400].map(|ms| trade("A", ms)));
    venue.print("A", 100);
    venue.say(FeedEvent::Lagged { missed: 2 });
    venue.print("A", 400);
    advance(Duration::from_secs(1)).await;
    assert_eq!(
        rest(&mut feed).await,
        ["A 100", "opened lagged", "healing lagged", "A 200", "A 300", "A 400", "healed lagged"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_while_a_gap_is_healed_is_fetched() {
    let venue = Venue::new();
    let mut feed = venue.feed(shallow(subscription(&["A"], &[TRADE]), 3), Start::Now).await;
    venue.traded((1..=20).map(|n| trade("A", n)));
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(1)));
    assert_eq!(at_hand(&mut feed), ["opened disconnected", "healing disconnected"]);
    for ms in 5..=20 {
        venue.print("A", ms);
    }
    let seen = rest(&mut feed).await;
    let want: Vec<_> = (1..=20).map(|n| format!("A {n}")).chain(["healed disconnected".to_owned()]).collect();
    assert_eq!(seen, want);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_fetched_at_once_than_is_allowed() {
    let venue = Venue::new();
    let codes: Vec<_> = (0..40).map(|n| format!("M{n}")).collect();
    let codes: Vec<_> = codes.iter().map(String::as_str).collect();
    let config = config().in_flight(3);
    let mut feed = venue.feed_with(subscription(&codes, &[TRADE]), Start::Now, config).await;
    venue.traded(codes.iter().map(|code| trade(code, 5)));
    let all: Vec<_> = codes.iter().map(|code| channel(code, TRADE)).collect();
    venue.say(gap(Opened, &all, 0, None));
    venue.say(gap(Resumed, &all, 0, Some(1)));
    assert_eq!(rest(&mut feed).await.len(), 40 + 3);
    assert_eq!(venue.most_at_once.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_grew_by_more_than_was_received_is_a_gap() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, TICKER]), Start::Now).await;
    venue.traded([sized("A", 100, 0.5), sized("A", 200, 0.25), sized("A", 300, 0.125)]);
    venue.say(ticker("A", 100, 50.5));
    venue.say(FeedEvent::Trade(sized("A", 100, 0.5)));
    venue.say(ticker("A", 300, 50.875));
    venue.say(FeedEvent::Trade(sized("A", 300, 0.125)));
    assert_eq!(
        rest(&mut feed).await,
        [
            "ticker 50.5",
            "A 100",
            "ticker 50.875",
            "A 300",
            "opened missing_prints",
            "healing missing_prints",
            "A 200",
            "healed missing_prints"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_trade_that_is_only_late_is_no_gap_and_false_alarms_grow_rare() {
    let venue = Venue::new();
    venue.traded([trade("A", -100_000), trade("A", 100)]);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, TICKER]), Start::Now).await;
    venue.say(ticker("A", 0, 50.0));
    venue.say(ticker("A", 100, 51.0));
    assert_eq!(at_hand(&mut feed).len(), 2);
    sleep(Duration::from_secs(1)).await;
    venue.print("A", 100);
    assert_eq!(rest(&mut feed).await, ["A 100"]);
    // The venue counts more volume than it reports as trades.
    for second in 100..400 {
        venue.say(ticker("A", second * 1_000, 50.0 + second as f64));
        at_hand(&mut feed);
        sleep(Duration::from_secs(1)).await;
    }
    assert!((2..=15).contains(&venue.requests()), "{}: three times each", venue.requests());
}

#[tokio::test(start_paused = true)]
async fn closed_candles_are_made_up_for() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[CANDLE]), Start::Now).await;
    venue.closed((0..10).map(|minute| candle(minute, 100.0 + minute as f64, true)));
    let a = [channel("A", CANDLE)];
    venue.say(live_candle(0, 7.0));
    venue.say(gap(Opened, &a, 30_000, None));
    assert_eq!(at_hand(&mut feed), ["candle 0 7", "opened disconnected"]);
    sleep(Duration::from_secs(190)).await;
    venue.say(live_candle(2, 8.0)); // from before it closed
    venue.say(live_candle(3, 9.0));
    venue.say(gap(Resumed, &a, 30_000, Some(190_000)));
    assert_eq!(
        rest(&mut feed).await,
        [
            "healing disconnected",
            "candle 0 100 final",
            "candle 1 101 final",
            "candle 2 102 final",
            "candle 3 9",
            "healed disconnected"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflated_feed_receives_gaps_and_nothing_is_fetched() {
    let venue = Venue::new();
    let mut subscription = subscription(&["A"], &[TRADE]);
    subscription.delivery = Delivery::Conflated;
    let mut feed = venue.feed(subscription, Timestamp::EPOCH).await;
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(5)));
    venue.print("A", 5);
    assert_eq!(rest(&mut feed).await, ["caught up 0", "opened disconnected", "healed disconnected", "A 5"]);
    assert_eq!(venue.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_with_its_live_side_and_hands_out_nothing_it_cannot_order() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded([trade("A", 1), trade("A", 5)]);
    let a = [channel("A", TRADE)];
    venue.say(gap(Opened, &a, 0, None));
    venue.say(gap(Resumed, &a, 0, Some(5)));
    venue.print("A", 5);
    assert_eq!(at_hand(&mut feed), ["opened disconnected", "healing disconnected"]);
    venue.hang_up();
    assert_eq!(next(&mut feed).await, "lost disconnected: the feed ended before it could be fetched");
    assert_eq!(next(&mut feed).await, "end");
}

/// Returns the page sizes that are requested where `missing` trades did not arrive and the venue's pages hold
/// 49,000.
async fn asked_for(missing: i64) -> Vec<u32> {
    let venue = Venue::with(|can| can.trade_page = 49_000);
    let mut feed = venue.feed(subscription(&["A"], &[TRADE]), Start::Now).await;
    venue.traded((-60_000..missing).map(|number| trade("A", 100 + number)));
    let a = [channel("A", TRADE)];
    let last = 100 + missing;
    venue.print("A", 100);
    venue.say(gap(Opened, &a, 100, None));
    sleep(Duration::from_millis(last.unsigned_abs())).await;
    venue.traded([trade("A", last)]);
    venue.print("A", last);
    venue.say(gap(Resumed, &a, 100, Some(last)));
    let seen = rest(&mut feed).await;
    assert_eq!(seen.last().map(String::as_str), Some("healed disconnected"));
    assert_eq!(seen.iter().filter(|event| event.starts_with("A ")).count() as i64, missing + 1);
    venue.asked.lock().unwrap().iter().map(|(request, _)| request.count).collect()
}

#[tokio::test(start_paused = true)]
async fn seconds_that_are_missing_are_not_asked_for_in_pages_of_a_day() {
    assert_eq!(asked_for(40).await, [1_000]);
    assert_eq!(asked_for(30_000).await, [1_000, 4_000, 16_000, 49_000], "ever more where more is missing");
}

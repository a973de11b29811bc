//! Closed bars: when each is told, what holds one back, what is told of it again, and what cannot be asked for.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Continuity, Feed, Start};
use market_backbone_core::{
    Candle, Delivery, FeedEvent, GapCause, GapState, RevisionPolicy, Series, SourceError, SourceErrorKind,
    StreamKind, Subscription, TimeRange, Timeframe,
};
use tokio::time::sleep;

use crate::feed_rig::{
    CANDLE, Venue, at, at_hand, candle, channel, config, gap, next, rest, subscription, symbol, token,
};

const BAR: StreamKind = StreamKind::Bar(Timeframe::M1);

/// A state of the candle of a minute, heard so many ms after noon.
fn state(minute: i64, (close, volume): (f64, f64), heard_ms: i64) -> FeedEvent {
    let series = Series::new(symbol("A"), Timeframe::M1);
    let candle = Candle { high: close.max(100.0), volume, ..candle(minute, close, false) };
    FeedEvent::Candle { series, candle: Candle { open: 100.0, low: 100.0, ..candle }, received: at(heard_ms) }
}

fn page(minute: i64, close: f64, volume: f64) -> Candle {
    Candle { open: 100.0, low: 100.0, high: close, volume, ..candle(minute, close, true) }
}

fn with_quiet(mut subscription: Subscription) -> Subscription {
    subscription.includes_quiet_bars = true;
    subscription
}

#[tokio::test(start_paused = true)]
async fn a_bar_closes_once_when_a_later_one_begins() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    venue.say(state(0, (102.0, 2.0), 2_000));
    assert_eq!(at_hand(&mut feed), [""; 0], "it is not over");
    venue.say(state(1, (103.0, 1.0), 60_100));
    venue.say(state(1, (104.0, 2.0), 60_200));
    assert_eq!(at_hand(&mut feed), ["bar 0 102"]);
    sleep(Duration::from_secs(61)).await;
    venue.say(state(2, (105.0, 1.0), 120_100));
    assert_eq!(at_hand(&mut feed), ["bar 1 104"]);
    sleep(Duration::from_secs(90)).await;
    assert_eq!(rest(&mut feed).await, ["bar 2 105"], "the clock closes the last one");
}

#[tokio::test(start_paused = true)]
async fn the_clock_closes_a_bar_of_a_market_that_goes_quiet() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    assert_eq!(next(&mut feed).await, "bar 0 101");
    let late = venue.clock_ms() - 62_000;
    assert!((0..2_000).contains(&late), "the grace, and the clock's next look: {late} ms");
}

#[tokio::test(start_paused = true)]
async fn states_that_wait_unread_belong_to_the_bar_that_the_clock_closes() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    assert_eq!(at_hand(&mut feed), [""; 0]);
    venue.say(state(0, (102.0, 2.0), 59_000));
    sleep(Duration::from_secs(70)).await;
    assert_eq!(at_hand(&mut feed), ["bar 0 102"], "a reader who was slow gets no revision for it");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_a_closed_bar_revises_it_and_what_does_not_differ_does_not() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    venue.say(state(1, (103.0, 1.0), 60_100));
    venue.say(state(0, (101.0, 1.0), 60_200));
    venue.say(state(0, (102.0, 2.0), 60_300));
    venue.say(state(0, (99.5, 1.5), 60_400)); // an older state, late
    assert_eq!(at_hand(&mut feed), ["bar 0 101", "bar 0 102 revision 1"]);
}

#[tokio::test(start_paused = true)]
async fn while_its_candle_is_interrupted_a_bar_waits_for_what_is_missing() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    let bars = [channel("A", CANDLE)];
    venue.say(state(0, (101.0, 1.0), 1_000));
    venue.say(gap(GapState::Opened, &bars, 30_000, None));
    venue.closed([page(0, 107.0, 3.0), page(1, 108.0, 1.0)]);
    assert_eq!(rest(&mut feed).await, ["opened disconnected"]);
    assert_eq!(rest(&mut feed).await, [""; 0], "the clock closes nothing");
    venue.say(gap(GapState::Resumed, &bars, 30_000, Some(121_000)));
    venue.say(state(2, (109.0, 1.0), 121_000));
    let seen = rest(&mut feed).await;
    assert_eq!(seen, ["healing disconnected", "bar 0 107", "bar 1 108", "healed disconnected"]);
    assert_eq!(rest(&mut feed).await, ["bar 2 109"]);
}

#[tokio::test(start_paused = true)]
async fn a_bar_that_was_closed_before_the_gap_was_noticed_is_revised() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    let bars = [channel("A", CANDLE)];
    venue.say(state(0, (101.0, 1.0), 1_000));
    assert_eq!(rest(&mut feed).await, [""; 0]);
    assert_eq!(rest(&mut feed).await, ["bar 0 101"]);
    venue.closed([page(0, 107.0, 3.0)]);
    venue.say(gap(GapState::Opened, &bars, 30_000, None));
    venue.say(gap(GapState::Resumed, &bars, 30_000, Some(121_000)));
    let seen = rest(&mut feed).await;
    assert_eq!(seen[2..], ["bar 0 107 revision 1", "healed disconnected"]);
}

#[tokio::test(start_paused = true)]
async fn a_bar_comes_before_the_candle_that_closes_it_and_each_is_named_by_its_kind() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[CANDLE, BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    venue.say(state(1, (103.0, 1.0), 60_100));
    assert_eq!(at_hand(&mut feed), ["candle 0 101", "bar 0 101", "candle 1 103"]);
    let named = |event: Option<FeedEvent>| {
        let Some(FeedEvent::Gap(gap)) = event else { panic!("{event:?}") };
        gap.channels.to_vec()
    };
    let opened = || gap(GapState::Opened, &[channel("A", CANDLE)], 61_000, None);
    venue.say(opened());
    assert_eq!(named(feed.next().await), [channel("A", CANDLE), channel("A", BAR)]);
    let mut bars = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(opened());
    assert_eq!(named(bars.next().await), [channel("A", BAR)]);
}

#[tokio::test(start_paused = true)]
async fn bars_of_the_past_come_first_and_in_order() {
    let venue = Venue::new();
    venue.closed([page(-3, 101.0, 1.0), page(-2, 102.0, 1.0), page(-1, 103.0, 1.0)]);
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), at(-180_000)).await;
    venue.say(state(0, (104.0, 1.0), 500));
    let seen = rest(&mut feed).await;
    assert_eq!(seen, ["bar -3 101", "bar -2 102", "bar -1 103", "caught up 1"]);
    assert_eq!(rest(&mut feed).await, ["bar 0 104"]);
}

/// A feed of which bar 0 has been told as the clock closed it, and bar 1 is forming.
async fn interrupted(venue: &Arc<Venue>) -> Feed {
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    venue.say(state(1, (103.0, 1.0), 60_100));
    assert_eq!(at_hand(&mut feed), ["bar 0 101"]);
    sleep(Duration::from_secs(150)).await;
    feed
}

#[tokio::test(start_paused = true)]
async fn a_later_feed_goes_on_with_the_next_bar_and_delivers_none_twice() {
    let venue = Venue::new();
    let cursor = token(&interrupted(&venue).await);
    assert_eq!(cursor.position(&channel("A", BAR)), Some(at(60_000)));
    assert_eq!(cursor.position(&channel("A", CANDLE)), None, "nobody asked for them");
    venue.closed([page(0, 101.0, 1.0), page(1, 105.0, 4.0)]);
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), cursor).await;
    assert_eq!(rest(&mut feed).await, ["bar 1 105", "caught up 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_later_feed_revises_what_an_earlier_one_delivered_wrong() {
    let venue = Venue::new();
    let cursor = token(&interrupted(&venue).await);
    venue.closed([page(0, 102.0, 2.0), page(1, 105.0, 4.0)]);
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), cursor).await;
    assert_eq!(rest(&mut feed).await, ["bar 0 102 revision 1", "bar 1 105", "caught up 1"]);
    let mut again = venue.feed(subscription(&["A"], &[BAR]), token(&feed)).await;
    assert_eq!(rest(&mut again).await, ["caught up 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_taken_between_two_events_stands_between_them() {
    let venue = Venue::new();
    venue.closed([page(-3, 101.0, 1.0), page(-2, 102.0, 1.0), page(-1, 103.0, 1.0)]);
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), at(-180_000)).await;
    assert_eq!(next(&mut feed).await, "bar -3 101");
    let mut later = venue.feed(subscription(&["A"], &[BAR]), token(&feed)).await;
    assert_eq!(rest(&mut later).await, ["bar -2 102", "bar -1 103", "caught up 1"]);
}

#[tokio::test(start_paused = true)]
async fn quiet_bars_are_told_to_who_asks_and_none_that_was_interrupted() {
    let venue = Venue::new();
    let mut feed = venue.feed(with_quiet(subscription(&["A"], &[BAR])), Start::Now).await;
    venue.say(state(0, (101.0, 1.0), 1_000));
    assert_eq!([next(&mut feed).await, next(&mut feed).await], ["bar 0 101", "bar 1 101 quiet"]);
    venue.say(state(1, (102.0, 1.0), 123_000)); // it was not
    assert_eq!(at_hand(&mut feed), ["bar 1 102 revision 1"]);
    assert_eq!(next(&mut feed).await, "bar 2 102 quiet");
    // What was missed of minute 4 is fetched in minute 5, of which nobody knows the beginning then: it is fetched again.
    break_until_minute_5(&venue, &mut feed).await;
    venue.say(state(7, (104.0, 1.0), 421_000));
    let seen = read_to(&mut feed, "bar 7 104").await;
    let quiet = ["bar 5 102 quiet", "bar 6 102 quiet"];
    let healing = ["healing disconnected", "bar 3 102 quiet", "bar 4 102 quiet", "healed disconnected"];
    assert_eq!(seen, [&healing[..], &quiet, &["bar 7 104"]].concat());
}

/// Breaks a feed that has delivered bar 2 until minute 5 has begun.
async fn break_until_minute_5(venue: &Venue, feed: &mut Feed) {
    let bars = [channel("A", CANDLE)];
    venue.say(gap(GapState::Opened, &bars, 230_000, None));
    assert_eq!(at_hand(feed), ["opened disconnected"]);
    sleep(Duration::from_secs(130)).await;
    assert_eq!(at_hand(feed), [""; 0], "nobody knows of an interrupted one");
    venue.say(gap(GapState::Resumed, &bars, 230_000, Some(312_000)));
}

async fn read_to(feed: &mut Feed, last: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event| event != last) {
        seen.push(next(feed).await);
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_slot_of_which_no_page_shows_whether_it_was_quiet_is_left_out() {
    let venue = Venue::new();
    let minute_5 = TimeRange::new(at(300_000), at(360_000)).unwrap();
    let candles = Arc::new(venue.candle_source.clone().without(minute_5));
    let (live, pages) = (Arc::clone(&venue) as _, Arc::clone(&venue) as _);
    let continuity = Continuity::new(live, pages, candles, Arc::clone(&venue.clock) as _, config());
    let subscription = with_quiet(subscription(&["A"], &[BAR]));
    let mut feed = continuity.subscribe(subscription, Start::Now).await.unwrap();
    venue.say(state(0, (101.0, 1.0), 1_000));
    let bars = [next(&mut feed).await, next(&mut feed).await, next(&mut feed).await];
    assert_eq!(bars, ["bar 0 101", "bar 1 101 quiet", "bar 2 101 quiet"]);
    break_until_minute_5(&venue, &mut feed).await;
    let seen = read_to(&mut feed, "bar 6 101 quiet").await;
    let quiet: Vec<_> = seen.iter().filter(|event| event.ends_with("quiet")).collect();
    assert_eq!(quiet, ["bar 3 101 quiet", "bar 4 101 quiet", "bar 6 101 quiet"]);
    let lost: Vec<_> = seen.iter().filter(|event| event.starts_with("lost")).collect();
    assert_eq!(lost, ["lost absent: the venue did not deliver it: some slots stay unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_bar_that_the_venue_sends_as_a_whole_closes_as_it_comes() {
    let venue = Venue::with(|capabilities| {
        capabilities.revision_policy = RevisionPolicy { live_is_provisional: true, ..RevisionPolicy::NONE };
    });
    let mut feed = venue.feed(subscription(&["A"], &[BAR]), Start::Now).await;
    sleep(Duration::from_secs(60)).await;
    venue.say(state(0, (101.0, 1.0), 60_300));
    assert_eq!(at_hand(&mut feed), ["bar 0 101"]);
    venue.say(state(0, (101.0, 2.0), 70_000));
    assert_eq!(at_hand(&mut feed), ["bar 0 101 revision 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_into_bars_is_refused_with_a_reason() {
    let venue = Venue::new();
    let refuse = async |subscription: Subscription, words: &str| {
        let error = venue.continuity(config()).subscribe(subscription, Start::Now).await.unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Unsupported);
        assert!(error.to_string().contains(words), "{error}");
    };
    refuse(subscription(&["A"], &[StreamKind::Bar(Timeframe::D1)]), "no bars of 1d; it streams those of 1m")
        .await;
    let mut conflated = subscription(&["A"], &[BAR]);
    conflated.delivery = Delivery::Conflated;
    refuse(conflated, "cannot be conflated").await;
    refuse(subscription(&["*"], &[BAR]), "name the markets").await;
    let whole = Venue::with(|capabilities| {
        capabilities.revision_policy = RevisionPolicy { live_is_provisional: true, ..RevisionPolicy::NONE };
    });
    let quiet =
        whole.continuity(config()).subscribe(with_quiet(subscription(&["A"], &[BAR])), Start::Now).await;
    assert!(quiet.unwrap_err().to_string().contains("without the quiet ones"));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_refused_for_good_ends_with_the_reason() {
    let venue = Venue::new();
    let continuity = venue.continuity(config());
    let subscribe = || continuity.subscribe(subscription(&["A"], &[StreamKind::Trade]), Start::Now);
    let mut staying = continuity
        .clone()
        .outlasting_refusals()
        .subscribe(subscription(&["A"], &[CANDLE]), Start::Now)
        .await
        .unwrap();
    let refused = |state, cause| {
        let FeedEvent::Gap(gap) = gap(state, &[channel("A", StreamKind::Trade)], 0, None) else {
            panic!("a gap is a gap")
        };
        FeedEvent::Gap(market_backbone_core::Gap { cause, ..gap })
    };
    venue.say(refused(GapState::Opened, GapCause::Refused));
    assert_eq!(at_hand(&mut staying), ["opened refused"]);

    let mut feed = subscribe().await.unwrap();
    venue.say(refused(GapState::Opened, GapCause::Refused));
    assert_eq!(at_hand(&mut feed), ["opened refused"], "it may pass");
    venue.refuse(SourceError::new(SourceErrorKind::Unauthorized, "wrong key"));
    let mut feed = subscribe().await.unwrap();
    venue.say(refused(GapState::Opened, GapCause::Refused));
    let last = "lost refused: the feed ended before it could be fetched";
    assert_eq!(rest(&mut feed).await, ["opened refused", last, "ended: wrong key"]);
    assert_eq!(next(&mut feed).await, "end");
    assert_eq!(at_hand(&mut staying), [""; 0], "one that waits it out does");
}

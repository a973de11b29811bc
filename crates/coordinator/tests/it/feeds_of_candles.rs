//! Feeds of candles together with trades: a lost last state of a candle is noticed and fetched.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{Candle, FeedEvent, GapState, RevisionPolicy, Series, StreamKind, Timeframe};
use tokio::time::sleep;

use crate::feed_rig::{
    CANDLE, Venue, at, at_hand, candle, channel, gap, live_candle, rest, sized, subscription, symbol, ticker,
    token, trade,
};

const TRADE: StreamKind = StreamKind::Trade;
const TICKER: StreamKind = StreamKind::Ticker;

fn with_volume(minute: i64, volume: f64, is_final: bool) -> Candle {
    Candle { volume, ..candle(minute, 100.0, is_final) }
}

fn live(minute: i64, volume: f64) -> FeedEvent {
    let series = Series::new(symbol("A"), Timeframe::M1);
    FeedEvent::Candle { series, candle: with_volume(minute, volume, false), received: at(minute * 60_000) }
}

/// Two trades of the first minute, of which the candle's second frame was lost, and the first trade of the
/// next.
async fn swallowed(venue: &Arc<Venue>) -> Feed {
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, CANDLE]), Start::Now).await;
    venue.closed([with_volume(0, 2.0, true)]);
    venue.print("A", 10_000);
    venue.say(live(0, 1.0));
    venue.print("A", 50_000);
    assert_eq!(at_hand(&mut feed), ["A 10000", "candle 0 100", "A 50000"]);
    sleep(Duration::from_secs(61)).await;
    venue.print("A", 61_000);
    venue.say(live(1, 1.0));
    feed
}

const HEALED: [&str; 4] =
    ["opened missing_prints", "healing missing_prints", "candle 0 100 final", "healed missing_prints"];

#[tokio::test(start_paused = true)]
async fn a_candle_whose_last_state_never_came_is_a_gap_and_fetched() {
    let venue = Venue::new();
    let mut feed = swallowed(&venue).await;
    assert_eq!(at_hand(&mut feed), ["A 61000", "candle 1 100"]);
    assert_eq!(rest(&mut feed).await, HEALED);
    venue.say(live(0, 1.0)); // from before it closed
    venue.say(live(1, 2.0));
    assert_eq!(rest(&mut feed).await, ["candle 1 100"], "once, and never goes back");
    assert_eq!(venue.requests(), 0, "of the trades nothing was missing");
}

#[tokio::test(start_paused = true)]
async fn a_later_program_fetches_what_was_not_proven_yet() {
    let venue = Venue::new();
    let mut feed = swallowed(&venue).await;
    assert_eq!(at_hand(&mut feed), ["A 61000", "candle 1 100"]);
    let mut feed = venue.feed(subscription(&["A"], &[CANDLE]), token(&feed)).await;
    venue.say(live(1, 1.0));
    assert_eq!(rest(&mut feed).await, ["candle 0 100 final", "caught up 1", "candle 1 100"]);
}

#[tokio::test(start_paused = true)]
async fn states_that_hold_all_trades_are_whole_however_late_either_came() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, CANDLE]), Start::Now).await;
    venue.say(live(0, 5.0)); // of those from before the beginning nothing was heard
    venue.print("A", 59_000);
    sleep(Duration::from_secs(61)).await;
    venue.say(live(1, 3.0));
    venue.print("A", 62_000);
    venue.print("A", 119_000);
    at_hand(&mut feed);
    sleep(Duration::from_secs(60)).await;
    venue.say(live(2, 1.0));
    at_hand(&mut feed);
    sleep(Duration::from_millis(1_900)).await;
    venue.print("A", 118_000); // a late print
    venue.print("A", 120_000);
    let seen = rest(&mut feed).await;
    assert_eq!(seen, ["A 118000", "A 120000"]);
    venue.print("A", 117_000); // of which the candle learns after it
    at_hand(&mut feed);
    sleep(Duration::from_millis(1_900)).await;
    venue.say(live(1, 4.0));
    assert_eq!(rest(&mut feed).await, ["candle 1 100"]);
}

#[tokio::test(start_paused = true)]
async fn a_candle_that_is_silent_while_its_market_trades_is_made_up_for() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, CANDLE]), Start::Now).await;
    venue.closed([with_volume(0, 1.0, true), with_volume(1, 1.0, true), with_volume(2, 1.0, true)]);
    venue.say(live(0, 1.0));
    let mut seen = Vec::new();
    for minute in 0..4 {
        venue.print("A", minute * 60_000 + 500);
        seen.extend(at_hand(&mut feed));
        seen.extend(rest(&mut feed).await);
    }
    let of = |text: &str| seen.iter().filter(|line| line.starts_with(text)).count();
    assert_eq!((of("candle 1 100 final"), of("candle 2 100 final"), of("candle 3 100 final")), (1, 1, 0));
    assert_eq!((of("opened missing_prints"), of("healed missing_prints")), (2, 2), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn candles_that_never_add_up_make_alarms_that_grow_rare() {
    let venue = Venue::new();
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, CANDLE]), Start::Now).await;
    venue.closed((0..120).map(|minute| with_volume(minute, 0.5, true)));
    let mut alarms = 0;
    for minute in 0..120 {
        venue.print("A", minute * 60_000 + 100);
        venue.say(live(minute, 0.5));
        alarms += at_hand(&mut feed).iter().filter(|line| *line == "opened missing_prints").count();
        alarms += rest(&mut feed).await.iter().filter(|line| *line == "opened missing_prints").count();
    }
    assert!((1..=20).contains(&alarms), "{alarms}");
}

#[tokio::test(start_paused = true)]
async fn where_live_candles_are_a_first_word_nothing_is_compared() {
    let venue = Venue::with(|capabilities| {
        capabilities.revision_policy = RevisionPolicy { live_is_provisional: true, ..RevisionPolicy::NONE };
    });
    let mut feed = swallowed(&venue).await;
    assert_eq!(rest(&mut feed).await, ["A 61000", "candle 1 100"]);
}

#[tokio::test(start_paused = true)]
async fn missing_trades_concern_the_candles_of_their_market() {
    let venue = Venue::with(|capabilities| {
        capabilities.revision_policy = RevisionPolicy { live_is_provisional: true, ..RevisionPolicy::NONE };
    });
    let mut feed = venue.feed(subscription(&["A"], &[TRADE, TICKER, CANDLE]), Start::Now).await;
    venue.closed([with_volume(0, 9.0, true)]);
    venue.traded([trade("A", 100), sized("A", 59_000, 0.5), trade("A", 61_000)]);
    venue.print("A", 100);
    venue.say(ticker("A", 100, 51.0));
    venue.say(live_candle(0, 7.0));
    at_hand(&mut feed);
    sleep(Duration::from_secs(61)).await;
    venue.print("A", 61_000);
    venue.say(ticker("A", 61_000, 52.5));
    venue.say(live_candle(1, 8.0));
    let seen = rest(&mut feed).await;
    assert_eq!(
        seen[..5],
        ["A 61000", "ticker 52.5", "candle 1 8", "opened missing_prints", "healing missing_prints"]
    );
    let mut healed = seen[5..7].to_vec();
    healed.sort_unstable();
    assert_eq!(healed, ["A 59000", "candle 0 100 final"]);
    assert_eq!(seen[7..], ["healed missing_prints"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_wrong_before_a_disconnect_is_made_up_for_after_it() {
    let venue = Venue::new();
    let mut feed = swallowed(&venue).await;
    let both = [channel("A", TRADE), channel("A", CANDLE)];
    at_hand(&mut feed);
    venue.traded([trade("A", 10_000), trade("A", 50_000), trade("A", 61_000)]);
    venue.say(gap(GapState::Opened, &both, 61_000, None));
    venue.say(gap(GapState::Resumed, &both, 61_000, Some(61_500)));
    let seen = rest(&mut feed).await;
    assert_eq!(seen[..3], ["opened disconnected", "healing disconnected", "healed disconnected"]);
    assert_eq!(seen[3..], HEALED);
}

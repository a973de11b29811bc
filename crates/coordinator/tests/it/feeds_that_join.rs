//! A gap is healed when the fetched trades join the live ones; a timestamp in the future has no effect.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{FeedEvent, GapState, StreamKind, Trade, TradeCursorKind};
use tokio::time::{sleep, timeout};

use crate::feed_rig::{PageFault, Venue, at, brief, channel, gap, rest, strict, subscription, ticker, trade};

const TRADE: StreamKind = StreamKind::Trade;

/// One trade a second from noon on, of which those between 5 and 11 s did not arrive. Returns the events of the
/// next minute.
async fn after_an_outage(venue: &Arc<Venue>) -> Vec<String> {
    venue.traded((0..120).map(|n| trade("A", 1_000 * n)));
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, strict()).await;
    let a = [channel("A", TRADE)];
    let mut seen = Vec::new();
    for second in 0..90 {
        match second {
            5 => venue.say(gap(GapState::Opened, &a, 4_500, None)),
            11 => venue.say(gap(GapState::Resumed, &a, 4_500, Some(11_000))),
            _ => {}
        }
        if !(5..11).contains(&second) {
            venue.print("A", 1_000 * second);
        }
        read(&mut feed, &mut seen).await;
    }
    seen
}

/// Reads for one second.
async fn read(feed: &mut Feed, seen: &mut Vec<String>) {
    let second = async {
        while let Some(event) = feed.next().await {
            seen.push(brief(&event));
        }
    };
    assert!(timeout(Duration::from_secs(1), second).await.is_err(), "the feed has ended");
}

/// Checks that all trades came, each once and in order, and that the gap is reported as healed after the last
/// one.
fn check_healed(seen: &[String], requests: usize) {
    let trades: Vec<_> = seen.iter().filter(|line| line.starts_with("A ")).cloned().collect();
    let want: Vec<_> = (0..90).map(|n| format!("A {}", 1_000 * n)).collect();
    assert_eq!(trades, want);
    let gaps: Vec<_> = seen.iter().filter(|line| !line.starts_with("A ")).map(String::as_str).collect();
    assert_eq!(gaps, ["opened disconnected", "healing disconnected", "healed disconnected"]);
    let place = |line: &str| seen.iter().position(|other| other == line).unwrap();
    assert!(place("healed disconnected") > place("A 10000"));
    assert!(requests <= 40, "{requests}");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_lags_heals_nothing_before_it_reaches_what_is_live() {
    for lag in [1_500, 3_000, 8_000] {
        let venue = Venue::new();
        venue.with_page_faults(move |_, _| Some(PageFault::Late(lag)));
        check_healed(&after_an_outage(&venue).await, venue.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_empty_once_is_asked_again() {
    for empty in 0..3 {
        let venue = Venue::new();
        let mut asked = 0;
        venue.with_page_faults(move |_, _| {
            asked += 1;
            (asked == empty + 1).then_some(PageFault::Empty)
        });
        check_healed(&after_an_outage(&venue).await, venue.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_from_before_the_gap_is_asked_again() {
    let venue = Venue::new();
    let mut asked = 0;
    venue.with_page_faults(move |_, ms| {
        asked += 1;
        (asked <= 2).then_some(PageFault::Late(ms - 3_000))
    });
    check_healed(&after_an_outage(&venue).await, venue.requests());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_lacks_its_middle_is_found_out_by_another() {
    for hole in 0..3 {
        let venue = Venue::new();
        let mut asked = 0;
        venue.with_page_faults(move |_, _| {
            asked += 1;
            (asked == hole + 1).then_some(PageFault::Hole)
        });
        check_healed(&after_an_outage(&venue).await, venue.requests());
    }
}

/// Four trades of a steady market are neither an unusually long silence nor longer than any before.
#[tokio::test(start_paused = true)]
async fn a_page_that_lacks_a_few_trades_of_an_even_market_is_found_out_by_another() {
    for hole in 0..3 {
        let venue = Venue::new();
        venue.traded((-600..0).map(|n| trade("A", 1_000 * n)));
        let mut asked = 0;
        venue.with_page_faults(move |_, _| {
            asked += 1;
            (asked == hole + 1).then_some(PageFault::Lacking(6_000, 10_000))
        });
        check_healed(&after_an_outage(&venue).await, venue.requests());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_in_a_gap_that_is_strange_for_its_market_is_doubted() {
    let venue = Venue::new();
    // Ten trades a second, and copies that lack the whole outage for six seconds.
    let all: Vec<_> = (0..900).map(|n| trade("A", 100 * n)).collect();
    let is_missed = |trade: &Trade| (at(5_000)..at(11_000)).contains(&trade.time);
    venue.traded(all.iter().filter(|trade| !is_missed(trade)).cloned());
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, strict()).await;
    let a = [channel("A", TRADE)];
    let mut seen = Vec::new();
    for second in 0..40 {
        match second {
            5 => venue.say(gap(GapState::Opened, &a, 4_950, None)),
            11 => venue.say(gap(GapState::Resumed, &a, 4_950, Some(11_000))),
            17 => venue.traded(all.iter().filter(|trade| is_missed(trade)).cloned()),
            _ => {}
        }
        for trade in all.iter().skip(10 * second).take(10).filter(|trade| !is_missed(trade)) {
            venue.say(FeedEvent::Trade(trade.clone()));
        }
        read(&mut feed, &mut seen).await;
    }
    let healed = seen.iter().position(|line| line == "healed disconnected").unwrap();
    let trades = seen[..healed].iter().filter(|line| line.starts_with("A ")).count();
    assert!(trades >= 110, "{trades}");
}

#[tokio::test(start_paused = true)]
async fn what_healed_pages_lacked_in_their_middle_is_found_by_the_volume_of_the_tickers_around_the_gap() {
    for (second_of_telling, outcome) in [(16, "healed missing_prints"), (99, "lost missing_prints")] {
        let venue = Venue::new();
        // One trade a second, none of which arrived between 5 and 11 s, and pages that lack two of those.
        let all: Vec<_> = (0..120).map(|n| trade("A", 1_000 * n)).collect();
        let is_lacking = |trade: &Trade| trade.time == at(7_000) || trade.time == at(9_000);
        venue.traded(all.iter().filter(|trade| !is_lacking(trade)).cloned());
        let mut feed =
            venue.feed_with(subscription(&["A"], &[TRADE, StreamKind::Ticker]), Start::Now, strict()).await;
        let a = [channel("A", TRADE)];
        let (mut seen, mut volume) = (Vec::new(), 50.0);
        for second in 0..90_i64 {
            match second {
                5 => venue.say(gap(GapState::Opened, &a, 4_500, None)),
                11 => venue.say(gap(GapState::Resumed, &a, 4_500, Some(11_000))),
                second if second == second_of_telling => {
                    venue.traded(all.iter().filter(|trade| is_lacking(trade)).cloned())
                }
                _ => {}
            }
            volume += trade("A", 0).size;
            if !(5..11).contains(&second) {
                venue.print("A", 1_000 * second);
                venue.say(ticker("A", 1_000 * second, volume));
            }
            read(&mut feed, &mut seen).await;
        }
        let is_gap = |line: &&String| !line.starts_with("A ") && !line.starts_with("ticker");
        let gaps: Vec<_> = seen.iter().filter(is_gap).map(|line| line.split(':').next().unwrap()).collect();
        let before = ["opened disconnected", "healing disconnected", "healed disconnected"];
        let after = ["opened missing_prints", "healing missing_prints", outcome];
        assert_eq!(gaps, [before, after].concat(), "{seen:?}");
        let trades = seen.iter().filter(|line| line.starts_with("A ")).count();
        assert_eq!(trades, if second_of_telling < 90 { 90 } else { 88 });
    }
}

#[tokio::test(start_paused = true)]
async fn ends_that_never_meet_are_reported_with_what_is_known() {
    let venue = Venue::new();
    venue.with_page_faults(|_, ms| Some(PageFault::Late(ms - 7_500)));
    let seen = after_an_outage(&venue).await;
    let lost = seen.iter().find(|line| line.starts_with("lost")).unwrap();
    assert!(lost.contains("its pages end with the trade of 2027-01-15T12:00:07Z"), "{lost}");
    assert!(!seen.iter().any(|line| line.starts_with("healed")), "{seen:?}");
    assert!(seen.iter().any(|line| line == "A 7000") && !seen.iter().any(|line| line == "A 9000"));
    assert!(seen.iter().any(|line| line == "A 60000"), "the market goes on");
}

#[tokio::test(start_paused = true)]
async fn a_stamp_from_the_future_silences_nothing_and_moves_no_cursor() {
    for ahead in [10_000, 60_000, 3_600_000] {
        let venue = Venue::new();
        let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, strict()).await;
        venue.print("A", 0);
        let stamped = Trade { received: at(0), ..trade("A", ahead) };
        venue.say(FeedEvent::Trade(stamped));
        for second in 1..5 {
            sleep(Duration::from_secs(1)).await;
            venue.print("A", 1_000 * second);
        }
        assert_eq!(rest(&mut feed).await, ["A 0", "A 1000", "A 2000", "A 3000", "A 4000"]);
        let position = feed.cursor().position(&channel("A", TRADE)).unwrap();
        assert!(position <= at(4_000), "{position}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_was_moved_by_such_a_stamp_is_recognised() {
    let venue = Venue::new();
    // An earlier version accepted every timestamp.
    let believing = crate::feed_rig::config();
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, believing).await;
    venue.print("A", 0);
    venue.say(FeedEvent::Trade(Trade { received: at(0), ..trade("A", 3_600_000) }));
    assert_eq!(crate::feed_rig::at_hand(&mut feed), ["A 0", "A 3600000"]);
    let cursor = crate::feed_rig::token(&feed);
    drop(feed);
    sleep(Duration::from_secs(5_000)).await;
    venue.traded([trade("A", 4_000_000), trade("A", 4_500_000)]);
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), cursor.clone(), strict()).await;
    assert_eq!(rest(&mut feed).await, ["A 4000000", "A 4500000", "caught up 1"], "it is no future any more");
    // Before that time it is.
    let venue = Venue::new();
    venue.traded([trade("A", -10), trade("A", 1_000), trade("A", 2_000)]);
    sleep(Duration::from_secs(3)).await;
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), cursor, strict()).await;
    let seen = rest(&mut feed).await;
    assert!(seen[0].starts_with("lost absent: ") && seen[0].contains("had moved the cursor"), "{seen:?}");
    assert!(seen.contains(&"A 2000".to_owned()), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_last_trade_before_a_feed_is_marked_and_of_no_gap() {
    let venue = Venue::new();
    venue.traded([trade("A", -60_000), trade("A", 1_000)]);
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, strict()).await;
    venue.say(FeedEvent::Snapshot(trade("A", -60_000)));
    let first = feed.next().await.unwrap();
    assert!(matches!(first, FeedEvent::Snapshot(_)), "{first:?}");
    let a = [channel("A", TRADE)];
    venue.say(gap(GapState::Opened, &a, 500, None));
    sleep(Duration::from_secs(2)).await;
    venue.say(FeedEvent::Snapshot(trade("A", 1_000)));
    venue.say(gap(GapState::Resumed, &a, 500, Some(2_000)));
    let want = ["opened disconnected", "healing disconnected", "A 1000", "healed disconnected"];
    assert_eq!(rest(&mut feed).await, want, "it shows up to where something was missed");
    assert_eq!(feed.cursor().position(&channel("A", TRADE)), Some(at(0)));
    venue.say(gap(GapState::Opened, &a, 70_000, None));
    venue.say(FeedEvent::Snapshot(trade("A", 1_000)));
    venue.say(gap(GapState::Resumed, &a, 70_000, Some(71_000)));
    let asked = venue.requests();
    let want = ["opened disconnected", "healing disconnected", "healed disconnected"];
    assert_eq!(rest(&mut feed).await, want);
    assert_eq!(venue.requests(), asked + 1, "the venue's latest was known: one page is enough");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_the_venue_repeats_comes_once() {
    let venue = Venue::new();
    venue.traded([trade("A", -60_000), trade("A", -30_000)]);
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), Start::Now, strict()).await;
    // A venue sends it again whenever another subscription changes what its socket carries.
    for millis in [-60_000, -60_000, -30_000, -60_000] {
        venue.say(FeedEvent::Snapshot(trade("A", millis)));
    }
    venue.say(FeedEvent::Trade(trade("A", 1_000)));
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.push(feed.next().await.unwrap());
    }
    let want = [
        FeedEvent::Snapshot(trade("A", -60_000)),
        FeedEvent::Snapshot(trade("A", -30_000)),
        FeedEvent::Trade(trade("A", 1_000)),
    ];
    assert_eq!(seen, want);
}

#[tokio::test(start_paused = true)]
async fn a_past_of_days_comes_as_it_is_fetched_and_says_at_once_how_far_back_it_goes() {
    const HOUR: i64 = 3_600_000;
    let venue = Venue::with(|can| {
        can.trade_page = 50;
        can.trade_cursors = &[TradeCursorKind::Latest, TradeCursorKind::Before, TradeCursorKind::At];
    });
    venue.traded((-24 * 9 * 6..=0).map(|n| trade("A", n * HOUR / 6)));
    let mut feed = venue.feed_with(subscription(&["A"], &[TRADE]), at(-24 * 9 * HOUR), strict()).await;
    let lost = brief(&feed.next().await.unwrap());
    assert_eq!(lost, "lost absent: the venue goes back no more than 7 days");
    assert_eq!(venue.requests(), 0, "before anything is asked");
    let first = brief(&feed.next().await.unwrap());
    assert_eq!(first, format!("A {}", -(24 * 7 + 12) * HOUR), "from midnight on");
    assert!(venue.requests() <= 4, "{}", venue.requests());
    let seen = rest(&mut feed).await;
    assert_eq!(seen.len(), (24 * 7 + 12) * 6 + 1);
    assert!(seen.is_sorted_by_key(|line| line[2..].parse::<i64>().unwrap_or(1)), "{seen:?}");
    assert!(venue.requests() < 120, "{}", venue.requests());
}

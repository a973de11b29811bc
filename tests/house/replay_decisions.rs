//! A bot that ran live and was recorded decides the same in replays at any speed, to the byte of its decision log.

use std::path::Path;

use market_backbone::strategy::broker::BrokerEvent;
use market_backbone::strategy::builtin::{Sizing, SmaCross};
use market_backbone::strategy::decision::JsonDecisionLog;
use market_backbone::strategy::paper::{FeeRates, PaperBroker, PaperConfig};
use market_backbone::strategy::{Decimal, Runner};
use market_backbone::tape::{RecorderLimits, TapeRecorder, TapeSession};
use market_backbone::{
    Channel, FeedEvent, Grid, Priority, ReplayOptions, Series, StreamKind, Symbol, Timeframe, VenueId,
};
use market_backbone_emulator::{Faults, Scenario};
use market_backbone_testkit::soon;
use market_backbone_tests::House;
use serde_json::Value;
use tempfile::tempdir;

const MARKET: &str = "KRW-BTC";
const KIND: StreamKind = StreamKind::Bar(Timeframe::S1);

type Bot = Runner<SmaCross, PaperBroker, JsonDecisionLog<Vec<u8>>>;

/// Averages of one and two bars, which cross every few seconds.
fn bot(venue: VenueId) -> Bot {
    let series = Series::new(Symbol::new(venue, MARKET).unwrap(), Timeframe::S1);
    let strategy = SmaCross::new(series, 1, 2, Sizing::Quantity(Decimal::new(1, 1))).unwrap();
    let config = PaperConfig::new(Decimal::from(100_000_000), FeeRates::quote(Decimal::new(5, 4)));
    Runner::new(strategy, PaperBroker::new(config).unwrap(), Grid::Utc)
        .with_log(JsonDecisionLog::new(Vec::new()))
}

fn log_of(bot: Bot) -> String {
    String::from_utf8(bot.into_parts().2.finish().unwrap()).unwrap()
}

/// Runs the bot live, recorded into `dir`, until `is_over` says so of an event and the fills so far; returns its log.
async fn live(dir: &Path, faults: Faults, mut is_over: impl FnMut(&FeedEvent, usize) -> bool) -> String {
    let recorder = TapeRecorder::prepare(dir, RecorderLimits::default()).unwrap();
    let observer = recorder.observer();
    let scenario = Scenario { faults, ..Scenario::default() };
    let house = House::built(scenario, |builder| builder.in_memory().observer(observer)).await.unwrap();
    let venue = house.backbone.venue();
    let channel =
        Channel { symbol: Symbol::new(venue, MARKET).unwrap(), kind: StreamKind::Candle(Timeframe::S1) };
    recorder.begin(TapeSession { venue, channels: vec![channel] });
    let mut feed = house.backbone.client(Priority::Critical).subscribe([MARKET], [KIND]).await.unwrap();
    let (mut bot, mut fills) = (bot(venue), 0);
    loop {
        let event = soon(feed.next()).await.unwrap();
        fills += bot.on_event(&event).iter().filter(|news| matches!(news, BrokerEvent::Fill(_))).count();
        if is_over(&event, fills) {
            break;
        }
    }
    drop(feed);
    house.close().await;
    assert_eq!(recorder.finish().unwrap().missed, 0);
    log_of(bot)
}

/// The log of a bot on a replay.
fn replayed(dir: &Path, speed: Option<f64>) -> String {
    let mut replay = ReplayOptions::new(dir).kinds([KIND]).speed(speed).start().unwrap();
    let mut bot = bot(replay.session().venue);
    while let Some(event) = replay.next() {
        bot.on_event(&event);
    }
    replay.finish().unwrap();
    log_of(bot)
}

/// Asserts that replays log what the live run did; they go on until the recording was ended.
fn assert_same_decisions(dir: &Path, live: &str) {
    let at_once = replayed(dir, None);
    assert_eq!(at_once, replayed(dir, Some(7.0)), "the speed changes no decision");
    let differs = at_once.lines().zip(live.lines()).find(|(replay, live)| replay != live);
    assert!(at_once.starts_with(live), "{differs:#?}\nlive\n{live}\nin the replay\n{at_once}");
}

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_decides_the_same_live_and_in_replays_at_any_speed() {
    let dir = tempdir().unwrap();
    let log = live(dir.path(), Faults::default(), |_, fills| fills >= 4).await;
    assert!(lines(&log).iter().any(|line| line["decision"] == "fill"), "{log}");
    assert_same_decisions(dir.path(), &log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_in_the_log_and_no_order_is_in_it() {
    let dir = tempdir().unwrap();
    let faults = Faults { drop_after_ms: 4_000, ..Faults::default() };
    let mut healed = 0;
    let log = live(dir.path(), faults, |event, fills| {
        healed += usize::from(matches!(event, FeedEvent::Gap(gap) if gap.state.as_str() == "healed"));
        healed >= 2 && fills >= 2
    });
    let log = log.await;
    let (mut is_open, mut gaps, mut orders) = (false, 0, 0);
    for line in lines(&log) {
        match line["decision"].as_str().unwrap() {
            "gap" => {
                is_open = !matches!(line["state"].as_str().unwrap(), "healed" | "lost");
                gaps += usize::from(!is_open);
            }
            "submit" if !line["order"].is_null() => {
                assert!(!is_open, "an order while events were missing: {line}\n{log}");
                orders += 1;
            }
            _ => {}
        }
    }
    assert!(gaps >= 2 && orders > 0, "{log}");
    assert_same_decisions(dir.path(), &log);
}

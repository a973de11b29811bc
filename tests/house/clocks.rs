//! A machine whose clock is wrong gives the answers of one whose clock is right.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use market_backbone::{
    Backbone, CandleColumns, CandleSet, Clock, FeedEvent, Grid, MASSIVE, ManualClock, MassivePlan, Priority,
    StreamKind, SystemClock, Timeframe, Timestamp, UPBIT, VenueId,
};
use market_backbone_emulator::{
    Emulator, ExchangeHours, RunningEmulator, Scenario, StockActivity, StocksScenario, TickerSet, TickerSpec,
};

/// 2026-08-06T15:00:30Z, a Thursday morning in New York.
const NOW: i64 = 1_786_028_430_000;
const HOUR: i64 = 3_600_000;
/// By how much the machine's clock is ahead of the venue's.
const OFF: [i64; 5] = [-HOUR, -90_000, 0, 90_000, HOUR];

/// A venue and a machine, each with a clock of its own, both moved by hand.
struct World {
    venue: RunningEmulator,
    hands: market_backbone_emulator::EmulatorClock,
    machine: Arc<ManualClock>,
    backbone: Backbone,
}

impl World {
    async fn new(at: VenueId, ahead: i64) -> Self {
        Self::at(at, NOW, ahead, None).await
    }

    async fn at(at: VenueId, now: i64, ahead: i64, folder: Option<&Path>) -> Self {
        let hands = market_backbone_emulator::EmulatorClock::manual(now);
        let tickers = TickerSet::Own(vec![TickerSpec::new("AAPL", StockActivity::Busy)]);
        let massive = StocksScenario { hours: ExchangeHours::Always, tickers, ..StocksScenario::default() };
        let venue =
            Emulator::start(Scenario { clock: hands.clone(), massive, ..Scenario::default() }).await.unwrap();
        let machine = Arc::new(ManualClock::new(Timestamp::from_millis(now + ahead)));
        let backbone = backbone(&venue, at, Arc::clone(&machine) as _, folder).await;
        Self { venue, hands, machine, backbone }
    }

    fn pass(&self, millis: i64) {
        self.hands.advance(millis);
        self.machine.advance(Duration::from_millis(millis.unsigned_abs()));
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.hands.now_ms())
    }

    async fn last(&self, market: &str, frame: Timeframe, count: usize) -> CandleSet {
        self.backbone.client(Priority::Normal).candles(market, frame).last(count).await.unwrap()
    }

    async fn closed(&self, market: &str, frame: Timeframe, count: usize) -> CandleSet {
        self.backbone.client(Priority::Normal).candles(market, frame).last(count).closed().await.unwrap()
    }

    async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

async fn backbone(
    venue: &RunningEmulator,
    at: VenueId,
    clock: Arc<dyn Clock>,
    folder: Option<&Path>,
) -> Backbone {
    let builder = Backbone::builder().clock(clock);
    let builder = match folder {
        Some(folder) => builder.data_dir(folder),
        None => builder.in_memory(),
    };
    let rest = venue.rest_url();
    let builder = if at == MASSIVE {
        builder.massive_at("test-key", MassivePlan::Advanced, &rest, &venue.stocks_ws_url())
    } else {
        builder.upbit_at(&rest, &venue.ws_url())
    };
    builder.build().await.unwrap()
}

fn opens(candles: &CandleColumns) -> Vec<Timestamp> {
    candles.iter().map(|candle| candle.open_time).collect()
}

/// When the `count` slots open that end with the one of `moment`.
fn slots(grid: Grid, frame: Timeframe, moment: Timestamp, count: i64) -> Vec<Timestamp> {
    let last = grid.floor(frame, moment);
    (1 - count..=0).map(|back| grid.step(frame, last, back)).collect()
}

fn before(grid: Grid, frame: Timeframe, moment: Timestamp) -> Timestamp {
    grid.step(frame, grid.floor(frame, moment), -1)
}

#[tokio::test]
async fn closed_is_what_is_closed_at_the_venue_the_first_time_and_the_second() {
    for ahead in OFF {
        for frame in [Timeframe::M1, Timeframe::H1, Timeframe::D1] {
            let world = World::new(UPBIT, ahead).await;
            let want = slots(Grid::Utc, frame, before(Grid::Utc, frame, world.now()), 3);
            for time in ["first", "second"] {
                let set = world.closed("KRW-BTC", frame, 3).await;
                assert_eq!(opens(&set.candles), want, "{frame}, {ahead} ms ahead, the {time} time");
                assert!(set.candles.iter().all(|candle| candle.is_final));
            }
            let asked = world.venue.report().group("candles").asked;
            assert!(asked <= if ahead == 0 { 1 } else { 2 }, "{asked} requests, {ahead} ms ahead");
            world.pass(60_000);
            let want = slots(Grid::Utc, frame, before(Grid::Utc, frame, world.now()), 3);
            assert_eq!(
                opens(&world.closed("KRW-BTC", frame, 3).await.candles),
                want,
                "{frame}, {ahead}, later"
            );
            world.close().await;
        }
    }
}

#[tokio::test]
async fn the_last_candle_is_the_one_in_progress_at_the_venue() {
    for ahead in OFF {
        let world = World::new(UPBIT, ahead).await;
        for _ in 0..3 {
            let set = world.last("KRW-BTC", Timeframe::M1, 3).await;
            assert_eq!(
                opens(&set.candles),
                slots(Grid::Utc, Timeframe::M1, world.now(), 3),
                "{ahead} ms ahead"
            );
            assert_eq!(set.candles.iter().filter(|candle| !candle.is_final).count(), 1);
            world.pass(60_000);
        }
        world.close().await;
    }
}

#[tokio::test]
async fn a_range_without_an_end_ends_now_at_the_venue() {
    for ahead in OFF {
        let world = World::new(UPBIT, ahead).await;
        let from = world.now().minus(Duration::from_secs(600));
        let client = world.backbone.client(Priority::Normal);
        for _ in 0..2 {
            let ask = client.candles("KRW-BTC", Timeframe::M1).range(from..Timestamp::MAX).closed();
            let set = ask.await.unwrap();
            let newest = before(Grid::Utc, Timeframe::M1, world.now());
            assert_eq!(opens(&set.candles).last(), Some(&newest), "{ahead} ms ahead");
            assert!(set.candles.iter().all(|candle| candle.is_final));
            world.pass(60_000);
        }
        world.close().await;
    }
}

#[tokio::test]
async fn shares_are_closed_when_they_have_settled_at_the_venue() {
    const SETTLING: Duration = Duration::from_secs(20 * 60);
    for ahead in OFF {
        let world = World::new(MASSIVE, ahead).await;
        for _ in 0..2 {
            let settled = before(Grid::NewYork, Timeframe::M1, world.now().minus(SETTLING));
            let set = world.closed("AAPL", Timeframe::M1, 3).await;
            assert_eq!(
                opens(&set.candles),
                slots(Grid::NewYork, Timeframe::M1, settled, 3),
                "{ahead} ms ahead"
            );
            assert!(set.candles.iter().all(|candle| candle.is_final));
            let set = world.last("AAPL", Timeframe::M1, 3).await;
            let want = slots(Grid::NewYork, Timeframe::M1, world.now(), 3);
            assert_eq!(opens(&set.candles), want, "{ahead} ms ahead");
            assert!(set.candles.iter().all(|candle| !candle.is_final));
            world.pass(60_000);
        }
        let days = world.closed("AAPL", Timeframe::D1, 2).await;
        let yesterday = before(Grid::NewYork, Timeframe::D1, world.now());
        assert_eq!(opens(&days.candles).last(), Some(&yesterday), "{ahead} ms ahead");
        world.close().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_set_while_the_program_runs_changes_no_answer() {
    for by in [-HOUR, HOUR] {
        let world = World::new(UPBIT, 0).await;
        world.closed("KRW-BTC", Timeframe::M1, 3).await;
        world.machine.set(Timestamp::from_millis(world.machine.now().as_millis() + by));
        world.pass(60_000);
        let want = slots(Grid::Utc, Timeframe::M1, world.now(), 3);
        assert_eq!(opens(&world.last("KRW-BTC", Timeframe::M1, 3).await.candles), want, "set by {by} ms");
        let want = slots(Grid::Utc, Timeframe::M1, before(Grid::Utc, Timeframe::M1, world.now()), 3);
        assert_eq!(opens(&world.closed("KRW-BTC", Timeframe::M1, 3).await.candles), want, "set by {by} ms");
        world.close().await;
    }
}

#[tokio::test]
async fn a_store_that_knows_what_is_still_to_come_shows_that_the_clock_is_behind() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::at(UPBIT, NOW, 0, Some(folder.path())).await;
    // An hour's rows end where the machine's hour will seem to end.
    world.closed("KRW-BTC", Timeframe::M1, 100).await;
    world.backbone.shutdown().await;
    let machine = Arc::new(ManualClock::new(Timestamp::from_millis(NOW - HOUR)));
    let later = backbone(&world.venue, UPBIT, machine, Some(folder.path())).await;
    let asked = world.venue.report().group("candles").asked;
    let ask = later.client(Priority::Normal).candles("KRW-BTC", Timeframe::M1).last(3).closed();
    let want = slots(Grid::Utc, Timeframe::M1, before(Grid::Utc, Timeframe::M1, world.now()), 3);
    assert_eq!(opens(&ask.await.unwrap().candles), want);
    assert_eq!(
        world.venue.report().group("candles").asked,
        asked,
        "what shows the time is asked of the trades"
    );
    assert_eq!(later.metrics().router.requests, 1);
    later.shutdown().await;
    world.venue.stop().await;
}

#[tokio::test]
async fn a_row_that_has_not_settled_is_not_closed() {
    // Four tenths of a second after the minute.
    let world = World::at(UPBIT, NOW - 29_600, 0, None).await;
    let minute = Timeframe::M1;
    let settled =
        before(Grid::Utc, minute, before(Grid::Utc, minute, world.now()).plus(Duration::from_secs(1)));
    for count in [1, 3, 200] {
        let set = world.closed("KRW-BTC", minute, count).await;
        assert_eq!((set.candles.len(), opens(&set.candles).last()), (count, Some(&settled)));
        assert!(set.candles.iter().all(|candle| candle.is_final));
    }
    let asked = world.backbone.client(Priority::Normal).candles("KRW-BTC", Timeframe::M5);
    assert!(asked.last(3).closed().await.unwrap().candles.iter().all(|candle| candle.is_final));
    world.close().await;
}

/// The machine's clock, wrong by so many milliseconds.
#[derive(Debug)]
struct Wrong(i64);

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_received_live_is_stamped_by_the_venues_clock_and_the_offset_is_reported() {
    for ahead in [-HOUR, HOUR] {
        let venue = Emulator::start(Scenario::default()).await.unwrap();
        let house = backbone(&venue, UPBIT, Arc::new(Wrong(ahead)), None).await;
        let client = house.client(Priority::Normal);
        let mut feed = client.subscribe(["KRW-BTC"], [StreamKind::Candle(Timeframe::M1)]).await.unwrap();
        let first = async {
            loop {
                if let Some(FeedEvent::Candle { candle, received, .. }) = feed.next().await {
                    return (candle, received);
                }
            }
        };
        let (candle, received) = tokio::time::timeout(Duration::from_secs(20), first).await.unwrap();
        let off = SystemClock.now().as_millis() - received.as_millis();
        assert!(off.abs() < 3_000, "{off} ms off");
        let set = client.candles("KRW-BTC", Timeframe::M1).last(2).await.unwrap();
        assert!(
            candle.open_time <= set.candles.get(1).unwrap().open_time
                && !set.candles.get(1).unwrap().is_final
        );
        let told = house.metrics().router.clock;
        assert!((told.offset_ms + ahead).abs() < 3_000, "{told:?}");
        house.shutdown().await;
        venue.stop().await;
    }
}

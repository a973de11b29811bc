//! Trades that are told late: the bars they change, and what a program that asks for an earlier moment is shown.

use std::sync::Arc;
use std::time::Duration;

use market_backbone::{
    Backbone, Candle, CandleColumns, CandleSet, Clock as _, ManualClock, MassivePlan, Priority,
    RecorderConfig, Timeframe, Timestamp,
};
use market_backbone_emulator::{
    Emulator, EmulatorClock, RunningEmulator, Scenario, StockActivity, StockBar, StocksScenario, TickerSet,
    TickerSpec,
};
use tokio::time::{sleep, timeout};

use super::rig::{ELEVEN, HOUR, MINUTE, at, range};

/// In so many steps of so many ms the market and the backbone go on together.
const STEP: i64 = 10_000;
/// The first minute that is heard as a whole, and the moment of which is asked afterwards.
const FROM: i64 = ELEVEN + 2 * MINUTE;
const THEN: i64 = ELEVEN + 14 * MINUTE;

/// A market of whose trades off the exchanges some are told up to fifteen minutes late.
struct Late {
    venue: RunningEmulator,
    market: EmulatorClock,
    clock: Arc<ManualClock>,
    backbone: Backbone,
}

impl Late {
    /// With such shares of trades that are told late, and only the next morning.
    async fn start(late_share: f64, overnight_share: f64) -> Self {
        let market = EmulatorClock::manual(ELEVEN);
        let tickers = ["AAPL", "MSFT"].map(|name| TickerSpec::new(name, StockActivity::Busy));
        let tickers = TickerSet::Own(tickers.to_vec());
        let massive = StocksScenario {
            tickers,
            history_days: 5,
            late_share,
            overnight_share,
            ..StocksScenario::default()
        };
        let scenario = Scenario { clock: market.clone(), massive, ..Scenario::default() };
        let venue = Emulator::start(scenario).await.unwrap();
        let clock = Arc::new(ManualClock::new(at(ELEVEN)));
        let recorder = RecorderConfig::default()
            .tick_interval(Duration::from_millis(10))
            .confirm_interval(Some(Duration::from_millis(100)));
        let backbone = Backbone::builder()
            .massive_at("test-key", MassivePlan::Advanced, &venue.rest_url(), &venue.stocks_ws_url())
            .in_memory()
            .recorder(recorder)
            .clock(Arc::clone(&clock) as _)
            .build()
            .await
            .unwrap();
        Self { venue, market, clock, backbone }
    }

    /// Waits until the venue has been told of the login and of what is wanted: time stands still until then, however long
    /// it takes this machine.
    async fn is_listened_to(&self) {
        let wait = async {
            while self.venue.report().sockets.messages < 2 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(60), wait).await.unwrap();
    }

    /// Lets the time pass until then, in steps that both sides can follow.
    async fn until(&self, moment: i64) {
        while self.market.now_ms() < moment {
            self.market.advance(STEP);
            sleep(Duration::from_millis(25)).await; // the venue looks at its clock so often
            self.clock.advance(Duration::from_millis(STEP.unsigned_abs()));
        }
    }

    /// What the tape says of the minutes up to `end`, as it was known at `moment`.
    fn tape(&self, end: i64, moment: i64) -> Vec<(i64, [f64; 4], i128)> {
        self.tape_of("AAPL", end, moment)
    }

    fn tape_of(&self, ticker: &str, end: i64, moment: i64) -> Vec<(i64, [f64; 4], i128)> {
        self.venue.stocks().minutes(ticker, FROM, end, moment).iter().map(row_of).collect()
    }

    async fn asked(&self, as_of: Option<Timestamp>) -> CandleSet {
        self.asked_of("AAPL", as_of).await
    }

    async fn asked_of(&self, ticker: &str, as_of: Option<Timestamp>) -> CandleSet {
        let request = self.backbone.client(Priority::Low).candles(ticker, Timeframe::M1).closed();
        let request = request.range(range(FROM, THEN));
        match as_of {
            Some(moment) => request.as_of(moment).await.unwrap(),
            None => request.await.unwrap(),
        }
    }

    /// Waits until the store has taken in what was told.
    async fn holds(&self, want: &[(i64, [f64; 4], i128)]) {
        self.holds_of("AAPL", want).await;
    }

    async fn holds_of(&self, ticker: &str, want: &[(i64, [f64; 4], i128)]) {
        let wait = async {
            while rows(&self.asked_of(ticker, None).await.candles) != want {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(Duration::from_secs(60), wait).await.is_err() {
            let is = rows(&self.asked_of(ticker, None).await.candles);
            assert_eq!(is, want, "{:?}", self.backbone.metrics().recorder);
        }
    }
}

fn row_of(bar: &StockBar) -> (i64, [f64; 4], i128) {
    let dollars = |e8: i64| e8 as f64 / 1e8;
    (bar.start_ms, [bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8].map(dollars), bar.volume_e8)
}

fn rows(candles: &CandleColumns) -> Vec<(i64, [f64; 4], i128)> {
    let row = |c: Candle| {
        (c.open_time.as_millis(), [c.open, c.high, c.low, c.close], (c.volume * 1e8).round() as i128)
    };
    candles.iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn late_trades_amend_bars_and_before_and_after_differ_exactly_by_them() {
    let house = Late::start(0.05, 0.000_5).await;
    let client = house.backbone.client(Priority::Low);
    let recording = client.record(["AAPL"], [Timeframe::M1]).await.unwrap();
    house.is_listened_to().await;
    house.until(THEN + MINUTE).await;
    let (known, then) = (house.tape(THEN, house.market.now_ms()), house.clock.now());
    house.holds(&known).await;
    let before = house.asked(None).await;

    house.until(THEN + 24 * MINUTE).await;
    let after = house.tape(THEN, house.market.now_ms());
    house.holds(&after).await;
    let as_of = house.asked(Some(then)).await;
    assert_eq!(as_of.candles, before.candles);
    let changed = known.iter().zip(&after).filter(|(was, is)| was != is).count();
    println!("{changed} of {} minutes changed; {:?}", after.len(), house.backbone.metrics().recorder);
    assert!((1..after.len()).contains(&changed), "some, and not all");
    for set in [as_of, house.asked(None).await] {
        assert!(set.coverage.disputes().is_empty(), "corrected, not contradicted");
    }
    let metrics = house.backbone.metrics().recorder;
    assert_eq!((metrics.disputed, metrics.unknown, metrics.withdrawn), (0, 0, 0), "{metrics:?}");
    recording.stop().await;
    house.backbone.shutdown().await;
    house.venue.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overnight_pass_amends_what_was_asked_the_day_before_and_disputes_nothing() {
    let house = Late::start(0.01, 0.02).await;
    let client = house.backbone.client(Priority::Low);
    let recording = client.record(["AAPL"], [Timeframe::M1]).await.unwrap();
    house.is_listened_to().await;
    house.until(THEN + 24 * MINUTE).await;
    let evening = house.market.now_ms();
    house.holds(&house.tape(THEN, evening)).await;
    assert_eq!(rows(&house.asked_of("MSFT", None).await.candles), house.tape_of("MSFT", THEN, evening));
    recording.stop().await;

    let day = 28 * HOUR;
    house.market.advance(day);
    house.clock.advance(Duration::from_millis(day.unsigned_abs()));
    let morning = house.market.now_ms();
    house.holds(&house.tape(THEN, morning)).await;
    assert_ne!(house.tape(THEN, evening), house.tape(THEN, morning));
    assert!(house.asked(None).await.coverage.disputes().is_empty(), "corrected, not contradicted");

    // What was only asked for is known, and corrected when it is recorded.
    let again = house.asked_of("MSFT", None).await;
    let known = house.tape_of("MSFT", THEN, evening);
    assert_eq!((rows(&again.candles), again.stats.requests), (known, 0));
    let recording = client.record(["MSFT"], [Timeframe::M1]).await.unwrap();
    house.holds_of("MSFT", &house.tape_of("MSFT", THEN, morning)).await;
    assert!(house.asked_of("MSFT", None).await.coverage.disputes().is_empty());
    let metrics = house.backbone.metrics().recorder;
    assert!(metrics.amended > 0 && metrics.disputed == 0, "{metrics:?}");
    recording.stop().await;
    house.backbone.shutdown().await;
    house.venue.stop().await;
}

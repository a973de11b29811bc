//! A venue, a backbone, and the hands of their clocks, over sockets or within the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use market_backbone::{Backbone, Clock, MassivePlan, RouterConfig, Timestamp};
use market_backbone_emulator::{
    Emulator, EmulatorClock as Hands, Faults, MarketActivity, MarketSet, RunningEmulator, Scenario,
    StockActivity, StocksScenario, TickerSet, TickerSpec,
};
use market_backbone_tests::Within;
use tokio::time::sleep;

use super::line::Market;

/// 2026-08-06T13:14:00Z, a Thursday.
const UPBIT_MINUTE: i64 = 1_786_022_040_000;
/// 2026-08-06T15:00:00Z, 11:00 in New York.
const SHARES_MINUTE: i64 = 1_786_028_400_000;

/// How a line is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    /// Over real sockets, as fast as time goes. A clock that nobody listens to live is moved by hand.
    Sockets,
    /// Within the process and on paused time.
    Paused,
}

/// Whether the clocks go by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    /// Where time is real they stand until they are moved.
    ByHand,
    ByThemselves,
}

/// Our machine's clock: so far off the scenario's.
#[derive(Debug)]
pub(super) struct Ours {
    hands: Hands,
    off_ms: AtomicI64,
}

impl Ours {
    pub(super) fn set_off(&self, off_ms: i64) {
        self.off_ms.store(off_ms, Ordering::SeqCst);
    }
}

impl Clock for Ours {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos((self.hands.now_us() + self.off_ms.load(Ordering::SeqCst) * 1_000) * 1_000)
    }
}

/// A venue, a backbone, and the hands of both their clocks.
pub(super) struct Scene {
    pub(super) venue: RunningEmulator,
    pub(super) backbone: Backbone,
    pub(super) hands: Hands,
    pub(super) ours: Arc<Ours>,
    pub(super) market: Market,
    pub(super) driver: Driver,
    is_standing: bool,
}

impl Market {
    /// The minute at whose end the scene is set.
    pub(super) const fn minute(self) -> i64 {
        if self.is_of_massive() { SHARES_MINUTE } else { UPBIT_MINUTE }
    }

    /// The requests that count, in the venue's report.
    pub(super) const fn group(self) -> &'static str {
        if self.is_of_massive() { "massive" } else { "candles" }
    }

    pub(super) fn codes(self) -> Vec<String> {
        let codes: &[&str] = match self {
            Self::Btc => &["KRW-BTC"],
            Self::Iota => &["KRW-IOTA"],
            Self::Coins => &["KRW-M000", "KRW-M001"],
            Self::Aapl => &["AAPL"],
            Self::Shares => &["WILD", "LOUD"],
        };
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    fn scenario(self, clock: Hands, faults: Faults) -> Scenario {
        let mut markets = self.codes();
        markets.push("KRW-ADA".to_owned());
        let (markets, history_days) = match self {
            Self::Btc | Self::Iota => (MarketSet::Only(markets), 10),
            Self::Coins => (MarketSet::many(2, MarketActivity::Wild), 1),
            Self::Aapl | Self::Shares => (MarketSet::many(1, MarketActivity::Wild), 1),
        };
        let specs = match self {
            Self::Shares => [("WILD", StockActivity::Wild), ("LOUD", StockActivity::Wild)],
            _ => [("AAPL", StockActivity::Busy), ("MSFT", StockActivity::Busy)],
        };
        let massive = StocksScenario {
            tickers: TickerSet::Own(
                specs.map(|(ticker, thickness)| TickerSpec::new(ticker, thickness)).into(),
            ),
            history_days: 40,
            // Prints that change bars later are another story.
            late_share: 0.0,
            overnight_share: 0.0,
            ..StocksScenario::default()
        };
        Scenario { markets, history_days, faults, clock, massive, ..Scenario::default() }
    }
}

impl Scene {
    pub(super) async fn set(
        driver: Driver,
        market: Market,
        (now_ms, going): (i64, Going),
        faults: Faults,
        mut router: RouterConfig,
    ) -> Self {
        let is_standing = (driver, going) == (Driver::Sockets, Going::ByHand);
        let hands = if is_standing { Hands::manual(now_ms) } else { Hands::running_from(now_ms) };
        let scenario = market.scenario(hands.clone(), faults);
        let venue = match driver {
            Driver::Sockets => Emulator::start(scenario).await.unwrap(),
            Driver::Paused => {
                let (venue, connector) = Emulator::start_in_process(scenario).await.unwrap();
                router = router.transport(Some(Arc::new(Within(connector))));
                venue
            }
        };
        let ours = Arc::new(Ours { hands: hands.clone(), off_ms: AtomicI64::new(0) });
        let builder = Backbone::builder().clock(Arc::clone(&ours) as _).router(router).in_memory();
        let builder = if market.is_of_massive() {
            let (rest, socket) = (venue.rest_url(), venue.stocks_ws_url());
            builder.massive_at("test-key", MassivePlan::Advanced, &rest, &socket)
        } else {
            builder.upbit_at(&venue.rest_url(), &venue.ws_url())
        };
        let backbone = builder.build().await.unwrap();
        Self { venue, backbone, hands, ours, market, driver, is_standing }
    }

    /// Time goes on, to this moment by true time.
    pub(super) async fn go_to(&self, now_ms: i64) {
        let ahead_ms = now_ms - self.hands.now_ms();
        if self.is_standing {
            self.hands.advance(ahead_ms);
        } else {
            sleep(Duration::from_millis(u64::try_from(ahead_ms).unwrap_or(0))).await;
        }
    }

    pub(super) async fn close(self) {
        self.backbone.shutdown().await;
        self.venue.stop().await;
    }
}

//! Everything that a running emulator is made of, shared by its connections.

use std::sync::OnceLock;

use crate::error::EmulatorError;
use crate::faults::FaultController;
use crate::limiter::EmulatorLimiter;
use crate::massive::StockExchange;
use crate::scenario::Scenario;
use crate::socket_registry::SocketRegistry;
use crate::traffic_log::TrafficLog;
use crate::upbit::EmulatedMarkets;

/// A running emulator's state.
#[derive(Debug)]
pub(crate) struct EmulatorWorld {
    pub(crate) scenario: Scenario,
    pub(crate) markets: EmulatedMarkets,
    pub(crate) limiter: EmulatorLimiter,
    pub(crate) faults: FaultController,
    pub(crate) traffic_log: TrafficLog,
    pub(crate) sockets: SocketRegistry,
    /// Set up by the first who asks for US stocks: thousands of tickers are not for every test.
    exchange: OnceLock<StockExchange>,
    started_ms: i64,
}

impl EmulatorWorld {
    /// Sets the stage; the clock of the scenario says when "now" begins.
    pub(crate) fn new(scenario: Scenario) -> Result<Self, EmulatorError> {
        Ok(Self {
            markets: EmulatedMarkets::of(&scenario)?,
            limiter: EmulatorLimiter::new(scenario.limiter, scenario.ban),
            faults: FaultController::new(scenario.faults, scenario.script.clone()),
            traffic_log: TrafficLog::default(),
            sockets: SocketRegistry::default(),
            exchange: OnceLock::new(),
            started_ms: scenario.clock.now_ms(),
            scenario,
        })
    }

    /// The US stock market.
    pub(crate) fn exchange(&self) -> &StockExchange {
        let scenario = &self.scenario;
        self.exchange
            .get_or_init(|| StockExchange::new(scenario.seed, scenario.massive.clone(), self.started_ms))
    }

    /// What time it is at the venue, ms.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_us().div_euclid(1_000)
    }

    /// What time it is at the venue, µs.
    pub(crate) fn now_us(&self) -> i64 {
        self.scenario.clock.now_us().saturating_add(self.offset_ms().saturating_mul(1_000))
    }

    /// How far the venue's clock is ahead of the scenario's.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.faults.get().clock_offset
    }

    /// What time it is by the clock that never steps: ages and limits go by it, ms.
    pub(crate) fn monotonic_ms(&self) -> i64 {
        self.scenario.clock.now_ms()
    }

    /// Forgets what was asked, limits, bans and faults that were set at run time.
    pub(crate) fn reset(&self) {
        self.limiter.reset();
        if let Some(exchange) = self.exchange.get() {
            exchange.quota.reset();
        }
        self.traffic_log.reset();
        self.faults.reset(self.scenario.faults, &self.scenario.script);
    }
}

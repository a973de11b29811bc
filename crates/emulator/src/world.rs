//! The state of a running emulator, shared by its connections.

use std::sync::OnceLock;

use crate::error::EmulatorError;
use crate::faults::FaultController;
use crate::limiter::EmulatorLimiter;
use crate::massive::StockExchange;
use crate::scenario::Scenario;
use crate::single_server::SingleServer;
use crate::socket_registry::SocketRegistry;
use crate::traffic_log::TrafficLog;
use crate::upbit::EmulatedMarkets;

/// The state of a running emulator.
#[derive(Debug)]
pub(crate) struct EmulatorWorld {
    pub(crate) scenario: Scenario,
    pub(crate) markets: EmulatedMarkets,
    pub(crate) limiter: EmulatorLimiter,
    pub(crate) faults: FaultController,
    pub(crate) traffic_log: TrafficLog,
    pub(crate) sockets: SocketRegistry,
    pub(crate) server: SingleServer,
    /// The stock exchange, built at the first request: most tests do not need thousands of tickers.
    exchange: OnceLock<StockExchange>,
    started_ms: i64,
}

impl EmulatorWorld {
    /// Builds the state; the clock of the scenario says when "now" begins.
    pub(crate) fn new(scenario: Scenario) -> Result<Self, EmulatorError> {
        Ok(Self {
            markets: EmulatedMarkets::of(&scenario)?,
            limiter: EmulatorLimiter::new(scenario.limiter, scenario.ban, scenario.limits.clone()),
            faults: FaultController::new(scenario.faults, scenario.script.clone()),
            traffic_log: TrafficLog::default(),
            sockets: SocketRegistry::default(),
            server: SingleServer::default(),
            exchange: OnceLock::new(),
            started_ms: scenario.clock.now_ms(),
            scenario,
        })
    }

    /// Returns the US stock market.
    pub(crate) fn exchange(&self) -> &StockExchange {
        let scenario = &self.scenario;
        self.exchange
            .get_or_init(|| StockExchange::new(scenario.seed, scenario.massive.clone(), self.started_ms))
    }

    /// Returns the venue's current time, in ms.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_us().div_euclid(1_000)
    }

    /// Returns the venue's current time, in µs.
    pub(crate) fn now_us(&self) -> i64 {
        self.scenario.clock.now_us().saturating_add(self.offset_ms().saturating_mul(1_000))
    }

    /// Returns how far the venue's clock is ahead of the scenario's, in ms.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.faults.get().clock_offset
    }

    /// Returns the time by the clock that never steps, in ms, for ages and limits.
    pub(crate) fn monotonic_ms(&self) -> i64 {
        self.scenario.clock.now_ms()
    }

    /// Resets counters, limits, bans and the faults that were set at run time.
    pub(crate) fn reset(&self) {
        self.limiter.reset();
        if let Some(exchange) = self.exchange.get() {
            exchange.quota.reset();
        }
        self.traffic_log.reset();
        self.faults.reset(self.scenario.faults, &self.scenario.script);
    }
}

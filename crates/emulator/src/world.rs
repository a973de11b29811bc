//! Everything that a running emulator is made of, shared by its connections.

use std::sync::OnceLock;

use crate::error::EmulatorError;
use crate::faults::FaultBoard;
use crate::limiter::Limiter;
use crate::massive::Exchange;
use crate::report::Witness;
use crate::scenario::Scenario;
use crate::sockets::Sockets;
use crate::upbit::Markets;

/// A running emulator's state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) markets: Markets,
    pub(crate) limiter: Limiter,
    pub(crate) faults: FaultBoard,
    pub(crate) witness: Witness,
    pub(crate) sockets: Sockets,
    /// Set up by the first who asks for US stocks: thousands of tickers are not for every test.
    exchange: OnceLock<Exchange>,
    started_ms: i64,
}

impl World {
    /// Sets the stage; the clock of the scenario says when "now" begins.
    pub(crate) fn new(scenario: Scenario) -> Result<Self, EmulatorError> {
        Ok(Self {
            markets: Markets::of(&scenario)?,
            limiter: Limiter::new(scenario.limiter, scenario.ban),
            faults: FaultBoard::new(scenario.faults, scenario.script.clone()),
            witness: Witness::default(),
            sockets: Sockets::default(),
            exchange: OnceLock::new(),
            started_ms: scenario.clock.now_ms(),
            scenario,
        })
    }

    /// The US stock market.
    pub(crate) fn exchange(&self) -> &Exchange {
        let scenario = &self.scenario;
        self.exchange.get_or_init(|| Exchange::new(scenario.seed, scenario.massive.clone(), self.started_ms))
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
    pub(crate) fn steady_ms(&self) -> i64 {
        self.scenario.clock.now_ms()
    }

    /// Forgets what was asked, limits, bans and faults that were set at run time.
    pub(crate) fn reset(&self) {
        self.limiter.reset();
        if let Some(exchange) = self.exchange.get() {
            exchange.quota.reset();
        }
        self.witness.reset();
        self.faults.reset(self.scenario.faults, &self.scenario.script);
    }
}

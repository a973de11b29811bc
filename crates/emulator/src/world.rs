//! Everything that a running emulator is made of, shared by its connections.

use crate::error::EmulatorError;
use crate::faults::FaultBoard;
use crate::limiter::Limiter;
use crate::report::Witness;
use crate::scenario::Scenario;
use crate::upbit::Markets;

/// A running emulator's state.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) markets: Markets,
    pub(crate) limiter: Limiter,
    pub(crate) faults: FaultBoard,
    pub(crate) witness: Witness,
}

impl World {
    /// Sets the stage; the clock of the scenario says when "now" begins.
    pub(crate) fn new(scenario: Scenario) -> Result<Self, EmulatorError> {
        Ok(Self {
            markets: Markets::of(&scenario)?,
            limiter: Limiter::new(scenario.limiter, scenario.ban),
            faults: FaultBoard::new(scenario.faults),
            witness: Witness::default(),
            scenario,
        })
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.scenario.clock.now_ms()
    }

    /// Forgets what was asked, limits, bans and faults that were set at run time.
    pub(crate) fn reset(&self) {
        self.limiter.reset();
        self.witness.reset();
        self.faults.set(self.scenario.faults);
    }
}

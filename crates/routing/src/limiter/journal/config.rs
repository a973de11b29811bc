//! The place of the journal, and the clocks that date its lines.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::Clock;

use super::record::ClockStamp;
use crate::limiter::since_boot::BootClock;

/// The place of a journal of sent requests, and the clocks that date its lines.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// The path of the file; it and its folder are created.
    pub path: PathBuf,
    /// The clock that shows the time of day.
    pub clock: Arc<dyn Clock>,
    /// A clock that nobody sets and that starts with the machine, where there is one.
    pub steady: Option<Arc<dyn Clock>>,
}

impl JournalConfig {
    /// Returns a journal in this file, dated by `clock` and by the system's steady clock if it has one.
    #[must_use]
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let steady = BootClock::find().map(|found| Arc::new(found) as _);
        Self { path, clock, steady }
    }

    pub(super) fn now(&self) -> ClockStamp {
        ClockStamp { wall: self.clock.now(), steady: self.steady.as_ref().map(|clock| clock.now()) }
    }
}

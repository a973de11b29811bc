//! The venue's clock, and what this machine takes it for.
//!
//! In some histories what a program takes it for is the venue's clock with an error, which changes when it is measured anew.
//! In the others it is what the program has by itself: a machine whose clock is up to an hour off and is set, and the dates
//! on the venue's answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone_core::{Clock, ManualClock, Timestamp, VenueClock};

/// By how many milliseconds a measured clock may be wrong.
pub(crate) const ERROR: i64 = 2_000;

/// By how many milliseconds a machine's own clock may be wrong.
pub(crate) const HOUR: i64 = 3_600_000;

/// The clock that a program goes by.
#[derive(Debug)]
pub(crate) struct Clocks {
    /// The venue's own.
    pub(crate) venue: Arc<ManualClock>,
    error_ms: AtomicI64,
    /// The machine, and what a program on it has measured so far.
    machine: Option<(Arc<Machine>, Mutex<Arc<VenueClock>>)>,
}

/// A machine, which knows how long it has been running: as long as the venue, so to speak.
#[derive(Debug)]
struct Machine {
    venue: Arc<ManualClock>,
    /// By how many milliseconds its clock is ahead of the venue's.
    ahead_ms: AtomicI64,
}

impl Clock for Machine {
    fn now(&self) -> Timestamp {
        moved(self.venue.now(), self.ahead_ms.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Option<Timestamp> {
        Some(self.venue.now())
    }
}

impl Clocks {
    /// At `now`, wrong by `error_ms`; or of a machine whose clock is ahead by so many milliseconds.
    pub(crate) fn new(now: Timestamp, error_ms: i64, ahead_ms: Option<i64>) -> Self {
        let venue = Arc::new(ManualClock::new(now));
        let machine = ahead_ms.map(|ahead| {
            let machine = Arc::new(Machine { venue: Arc::clone(&venue), ahead_ms: AtomicI64::new(ahead) });
            (Arc::clone(&machine), Mutex::new(Arc::new(VenueClock::new(machine))))
        });
        Self { venue, error_ms: AtomicI64::new(error_ms), machine }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.venue.advance(by);
    }

    /// The measured clock is wrong by so much from now on.
    pub(crate) fn measured(&self, error_ms: i64) {
        self.error_ms.store(error_ms, Ordering::SeqCst);
    }

    /// The machine's clock is set to so many milliseconds ahead.
    pub(crate) fn set(&self, ahead_ms: i64) {
        if let Some((machine, _)) = &self.machine {
            machine.ahead_ms.store(ahead_ms, Ordering::SeqCst);
        }
    }

    /// Another program begins: it has measured nothing yet.
    pub(crate) fn restart(&self) {
        if let Some((machine, clock)) = &self.machine {
            *clock.lock().unwrap() = Arc::new(VenueClock::new(Arc::clone(machine) as _));
        }
    }

    /// Whether the program has to find out by itself what time it is.
    pub(crate) fn is_found_out(&self) -> bool {
        self.machine.is_some()
    }

    /// What it surely is at the venue for a program that is right to within the error.
    pub(crate) fn cautious(&self) -> Timestamp {
        match &self.machine {
            Some(_) => moved(self.venue.now(), -ERROR),
            None => self.venue.now().min(self.now()),
        }
    }

    /// What the machine's clock shows when something is sent.
    pub(crate) fn sending(&self) -> Timestamp {
        self.machine.as_ref().map_or_else(|| self.now(), |(machine, _)| machine.now())
    }

    /// An answer that the venue gave at `venue` by its own clock, and that was sent for at `sent` by the machine's: returns
    /// when the venue was asked, as adapters have it.
    pub(crate) fn answered(&self, venue: Timestamp, sent: Timestamp) -> Timestamp {
        let Some(clock) = self.program() else { return venue.min(sent) };
        let date = Timestamp::from_secs(venue.as_secs());
        clock.observe_reply_date(date, sent, clock.machine().now());
        clock.lower_bound_at(sent).map_or(date, |asked| date.min(asked))
    }

    fn program(&self) -> Option<Arc<VenueClock>> {
        self.machine.as_ref().map(|(_, clock)| Arc::clone(&clock.lock().unwrap()))
    }
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        match self.program() {
            Some(clock) => clock.now(),
            None => moved(self.venue.now(), self.error_ms.load(Ordering::SeqCst)),
        }
    }

    fn step_count(&self) -> u64 {
        self.program().map_or(0, |clock| clock.step_count())
    }

    fn is_measured(&self) -> bool {
        self.program().is_none_or(|clock| clock.is_measured())
    }
}

fn moved(moment: Timestamp, by_ms: i64) -> Timestamp {
    Timestamp::from_nanos(moment.as_nanos() + by_ms * 1_000_000)
}

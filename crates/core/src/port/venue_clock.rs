//! The venue's clock, as far as it can be known from here: this machine's clock and the difference between
//! the two.
//!
//! Code that needs to know which candle is forming, whether a slot has ended or which day it is *at the
//! venue* reads this clock. It begins as the machine's own, and each answer of the venue corrects it. A
//! correct machine clock is not disturbed: as long as the difference may be zero, it is taken to be zero.

mod clock_reading;
mod offset_bounds;
mod offset_estimate;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::clock_reading::ClockReading;
use self::offset_bounds::OffsetBounds;
use self::offset_estimate::OffsetEstimate;
use super::Clock;
use crate::Timestamp;

/// The value for a machine whose start time is not known.
const UNKNOWN_START: i64 = i64::MIN;

/// A venue's clock: the machine's, corrected by measurements.
#[derive(Debug)]
pub struct VenueClock {
    machine: Arc<dyn Clock>,
    /// The latest time it has shown.
    latest: AtomicI64,
    /// The time it showed when the machine was started, as found last; unknown where the machine does not tell.
    machine_start: AtomicI64,
    /// The current estimate, for readers that must not wait.
    offset: AtomicI64,
    steps: AtomicU64,
    is_measured: AtomicBool,
    needs_event_times: AtomicBool,
    estimate: Mutex<OffsetEstimate>,
}

impl VenueClock {
    /// Creates a clock that shows what `machine` does until something is measured.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        Self {
            machine,
            latest: AtomicI64::new(i64::MIN),
            machine_start: AtomicI64::new(UNKNOWN_START),
            offset: AtomicI64::new(0),
            steps: AtomicU64::new(0),
            is_measured: AtomicBool::new(false),
            needs_event_times: AtomicBool::new(true),
            estimate: Mutex::default(),
        }
    }

    /// Returns this machine's clock, which knows nothing about the venue's.
    #[must_use]
    pub fn machine(&self) -> &Arc<dyn Clock> {
        &self.machine
    }

    /// Records the `date` of an answer, truncated to the second, that was requested at `sent` and began to arrive
    /// at `received`, both by the machine's clock. At some moment between the two, the venue's clock showed that
    /// second.
    ///
    /// An answer that contradicts all earlier ones is accepted when a second one agrees with it: a proxy may have
    /// cached it.
    pub fn observe_reply_date(&self, date: Timestamp, sent: Timestamp, received: Timestamp) {
        let Some(bounds) = OffsetBounds::from_date(date, sent, received) else { return };
        let mut estimate = self.lock();
        let is_uncertain = estimate.ingest_reply(bounds);
        self.needs_event_times.store(false, Ordering::Relaxed);
        self.publish(&estimate, is_uncertain);
    }

    /// Records the date of an answer to something other than a request, such as a handshake, which another server
    /// may have written. It counts as long as no request was answered.
    pub fn observe_handshake_date(&self, date: Timestamp, sent: Timestamp, received: Timestamp) {
        let Some(bounds) = OffsetBounds::from_date(date, sent, received) else { return };
        let mut estimate = self.lock();
        if estimate.ingest_handshake(bounds) {
            self.publish(&estimate, false);
        }
    }

    /// Returns whether the times of trades are useful for [`observe_event_time`](Self::observe_event_time): they
    /// are where no answer carries a date.
    #[must_use]
    pub fn needs_event_times(&self) -> bool {
        self.needs_event_times.load(Ordering::Relaxed)
    }

    /// Records that an event that has just arrived happened at `time` by the venue's clock, which therefore shows
    /// at least that. One such time proves nothing; many that agree do.
    pub fn observe_event_time(&self, time: Timestamp) {
        let ahead = time.as_nanos().saturating_sub(self.machine.now().as_nanos());
        let mut estimate = self.lock();
        if estimate.ingest_event_lead(ahead) {
            self.publish(&estimate, false);
        }
    }

    /// Records the times, by the venue's clock, of a market's latest trades, which have just been fetched.
    ///
    /// If the page shows nothing, the machine's clock is taken to be right, because there is nothing better. It
    /// shows that the clock is behind if trades lie in the future, and that it is ahead if a market that trades
    /// all the time seems to have stopped.
    pub fn observe_latest_trades(&self, times: impl IntoIterator<Item = Timestamp>) {
        let now = self.machine.now().as_nanos();
        let ahead = times.into_iter().map(|time| time.as_nanos().saturating_sub(now)).collect();
        let mut estimate = self.lock();
        estimate.ingest_latest_trades(ahead);
        self.publish(&estimate, false);
    }

    /// Restores the measurement of an earlier process: the venue's clock was ahead of this machine's by `from` to
    /// `to` nanoseconds. The first answer of the venue replaces it.
    pub fn restore(&self, from: i64, to: i64) {
        let mut estimate = self.lock();
        if from <= to && estimate.restore(OffsetBounds { from, to }) {
            self.offset.store(estimate.offset(), Ordering::Release);
        }
    }

    /// Records that the machine's clock may have been set since the last comparison, so that the estimate has to
    /// be checked.
    pub fn invalidate(&self) {
        self.is_measured.store(false, Ordering::Release);
        self.steps.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the bounds, in nanoseconds, of the venue's lead over the machine's clock, if an answer has shown
    /// them.
    #[must_use]
    pub fn bounds(&self) -> Option<(i64, i64)> {
        self.lock().bounds().map(|bounds| (bounds.from, bounds.to))
    }

    /// Returns the least time the venue's clock showed when the machine's showed `moment`, by the dates of
    /// answers, or else by the times of events; `None` where there are neither.
    #[must_use]
    pub fn lower_bound_at(&self, moment: Timestamp) -> Option<Timestamp> {
        let ahead = self.lock().lower_bound()?;
        Some(Timestamp::from_nanos(moment.as_nanos().saturating_add(ahead)))
    }

    /// Returns the measured difference between the two clocks.
    #[must_use]
    pub fn reading(&self) -> ClockReading {
        let estimate = self.lock();
        ClockReading {
            offset_ms: estimate.offset() / 1_000_000,
            uncertainty: estimate.uncertainty(),
            samples: estimate.samples(),
            steps: self.steps.load(Ordering::Acquire),
        }
    }

    /// Returns the machine's time, in nanoseconds.
    fn machine_now(&self) -> i64 {
        let now = self.machine.now().as_nanos();
        let latest = self.latest.fetch_max(now, Ordering::AcqRel);
        if offset_estimate::is_step(now, latest.max(now)) && latest > i64::MIN {
            self.on_set_back(now);
        }
        now
    }

    /// Checks whether the machine's clock was set since the last check, by the time since its start, or because
    /// it ran backwards.
    fn detect_step(&self) {
        let Some(steady) = self.machine.monotonic() else {
            self.machine_now();
            return;
        };
        let now = self.machine.now().as_nanos();
        let shown = now.saturating_sub(steady.as_nanos());
        let before = self.machine_start.swap(shown, Ordering::AcqRel);
        if before != UNKNOWN_START && offset_estimate::is_step(before, shown) {
            self.latest.store(now, Ordering::Release);
            self.on_step(&mut self.lock(), before.saturating_sub(shown));
        }
    }

    fn on_set_back(&self, now: i64) {
        let mut estimate = self.lock();
        let by = self.latest.swap(now, Ordering::AcqRel).saturating_sub(now);
        if by > 0 {
            if let Some(steady) = self.machine.monotonic() {
                self.machine_start.store(now.saturating_sub(steady.as_nanos()), Ordering::Release);
            }
            self.on_step(&mut estimate, by);
        }
    }

    /// Handles that the machine's clock was set back by `by` and the venue's was not: the venue's clock continues
    /// from where it was, as far as that is known, until the next answer.
    fn on_step(&self, estimate: &mut OffsetEstimate, by: i64) {
        estimate.reset(by);
        self.offset.store(estimate.offset(), Ordering::Release);
        self.needs_event_times.store(true, Ordering::Relaxed);
        self.is_measured.store(false, Ordering::Release);
        self.steps.fetch_add(1, Ordering::AcqRel);
    }

    fn publish(&self, estimate: &OffsetEstimate, is_uncertain: bool) {
        let before = self.offset.swap(estimate.offset(), Ordering::AcqRel);
        if is_uncertain || offset_estimate::is_step(before, estimate.offset()) {
            self.steps.fetch_add(1, Ordering::AcqRel);
        }
        self.is_measured.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, OffsetEstimate> {
        self.estimate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VenueClock {
    fn now(&self) -> Timestamp {
        let machine = self.machine_now();
        Timestamp::from_nanos(machine.saturating_add(self.offset.load(Ordering::Acquire)))
    }

    fn step_count(&self) -> u64 {
        self.detect_step(); // or that it was set would be noticed too late
        self.steps.load(Ordering::Acquire)
    }

    fn is_measured(&self) -> bool {
        self.detect_step();
        self.is_measured.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests;

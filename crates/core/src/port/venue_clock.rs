//! The venue's clock, as far as it can be known from here: this machine's clock and the difference between
//! the two.
//!
//! Code that needs to know which candle is forming, whether a slot has ended or which day it is *at the
//! venue* reads this clock. It begins as the machine's own, and each answer of the venue corrects it. A
//! correct machine clock is not disturbed: as long as the difference may be zero, it is taken to be zero.

mod offset_estimate;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::offset_estimate::OffsetEstimate;
use super::Clock;
use crate::Timestamp;

/// The measured difference between a venue's clock and this machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockReading {
    /// The lead of the venue's clock over this machine's, in milliseconds; negative if it is behind.
    pub offset_ms: i64,
    /// The error bound of the lead, or `None` as long as nothing was measured.
    pub uncertainty: Option<Duration>,
    /// The number of observations.
    pub samples: u64,
    /// The number of times one of the two clocks was found to have been set, or may have been.
    pub steps: u64,
}

/// The value for a machine whose start time is not known.
const UNKNOWN_START: i64 = i64::MIN;

/// The bounds of the venue's lead over the machine's clock, in nanoseconds, and the value assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OffsetBounds {
    from: i64,
    to: i64,
}

impl OffsetBounds {
    /// Returns what a date shows that was written between two moments of the machine's clock, or `None` if that
    /// clock was set in between.
    fn from_date(date: Timestamp, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let second = Duration::from_secs(1);
        let ahead = |of: Timestamp, than: Timestamp| of.as_nanos().saturating_sub(than.as_nanos());
        let bounds = Self { from: ahead(date, received), to: ahead(date.plus(second), sent) };
        (sent <= received).then_some(bounds)
    }
}

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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ManualClock;

    const HOUR: i64 = 3_600_000;

    /// A machine and a venue whose clocks differ.
    struct ClockFixture {
        machine: Arc<ManualClock>,
        clock: VenueClock,
        /// The lead of the venue's clock, in ms.
        ahead: i64,
    }

    impl ClockFixture {
        fn new(ahead: i64) -> Self {
            let machine = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
            let clock = VenueClock::new(Arc::clone(&machine) as _);
            Self { machine, clock, ahead }
        }

        fn venue(&self) -> Timestamp {
            Timestamp::from_millis(self.machine.now().as_millis() + self.ahead)
        }

        /// Sends a request that travels `there` ms and `back` ms.
        fn ask(&self, there: u64, back: u64) {
            let sent = self.machine.now();
            self.machine.advance(Duration::from_millis(there));
            let date = Timestamp::from_secs(self.venue().as_secs());
            self.machine.advance(Duration::from_millis(back));
            self.clock.observe_reply_date(date, sent, self.machine.now());
        }

        fn wait(&self, millis: u64) {
            self.machine.advance(Duration::from_millis(millis));
        }

        /// Returns the error of the clock, in ms.
        fn error(&self) -> i64 {
            self.clock.now().as_millis() - self.venue().as_millis()
        }
    }

    #[test]
    fn a_machine_whose_clock_is_right_is_not_disturbed() {
        let world = ClockFixture::new(0);
        for _ in 0..100 {
            world.ask(40, 90);
            world.wait(777);
            assert_eq!((world.error(), world.clock.step_count()), (0, 0));
        }
    }

    #[test]
    fn the_first_answer_brings_a_clock_that_is_an_hour_off_within_a_second() {
        for ahead in [-HOUR, HOUR, -90_000, 90_000] {
            let world = ClockFixture::new(ahead);
            assert!(!world.clock.is_measured());
            world.ask(20, 20);
            assert!(world.error().abs() <= 1_000, "{}", world.error());
            assert_eq!((world.clock.step_count(), world.clock.is_measured()), (1, true));
        }
    }

    #[test]
    fn one_odd_answer_is_doubted_and_a_second_one_believed() {
        let world = ClockFixture::new(0);
        (0..5).for_each(|_| world.ask(20, 20));
        let stale = Timestamp::from_secs(world.venue().as_secs() - 600);
        world.clock.observe_reply_date(stale, world.machine.now(), world.machine.now());
        assert_eq!((world.error(), world.clock.step_count()), (0, 1), "it is doubted");
        world.ask(20, 20);
        assert_eq!((world.error(), world.clock.step_count()), (0, 1));
        // The machine's clock is set back.
        let world = ClockFixture { ahead: HOUR, ..world };
        world.ask(20, 20);
        assert_eq!(world.clock.step_count(), 2);
        world.ask(20, 20);
        assert!(world.error().abs() <= 1_000, "{}", world.error());
        assert_eq!(world.clock.step_count(), 3);
    }

    #[test]
    fn the_venues_clock_goes_on_though_the_machines_is_set_back() {
        let world = ClockFixture::new(0);
        (0..5).for_each(|_| world.ask(20, 20));
        let before = world.clock.now();
        world.machine.set(world.machine.now().minus(Duration::from_secs(3_600)));
        assert_eq!(
            (world.clock.now(), world.clock.is_measured(), world.clock.step_count()),
            (before, false, 1)
        );
        let world = ClockFixture { ahead: HOUR, ..world };
        world.wait(300_000);
        world.ask(20, 20);
        assert!(world.error().abs() <= 1_000 && world.clock.is_measured());
    }

    #[test]
    fn a_date_that_stands_still_is_believed_by_nobody_who_knows_better() {
        let world = ClockFixture::new(0);
        world.ask(20, 20);
        let kept = Timestamp::from_secs(world.venue().as_secs());
        for _ in 0..20 {
            world.wait(30_000);
            world.clock.observe_reply_date(kept, world.machine.now(), world.machine.now());
            assert_eq!(world.error(), 0);
        }
    }

    #[test]
    fn a_handshake_counts_until_a_question_was_answered() {
        let world = ClockFixture::new(HOUR);
        let (now, of_another) = (world.machine.now(), world.machine.now());
        world.clock.observe_handshake_date(world.venue(), now, now);
        assert!(world.error().abs() <= 1_000 && world.clock.is_measured());
        world.ask(20, 20);
        assert_eq!(world.clock.step_count(), 1, "they agree");
        world.clock.observe_handshake_date(of_another, now, now);
        world.clock.observe_handshake_date(of_another, now, now);
        assert!(world.error().abs() <= 1_000);
    }

    #[test]
    fn without_dates_many_times_that_agree_say_it_and_one_says_nothing() {
        for ahead in [-HOUR, HOUR] {
            let world = ClockFixture::new(ahead);
            world.clock.observe_event_time(world.venue().plus(Duration::from_secs(86_400)));
            assert_eq!(world.clock.now(), world.machine.now());
            for number in 0..40 {
                world.wait(100);
                let lag = Duration::from_millis(5 + number % 7 * 20);
                world.clock.observe_event_time(world.venue().minus(lag));
            }
            assert!(world.error().abs() <= 1_000, "{}", world.error());
        }
    }

    #[test]
    fn without_dates_a_page_of_trades_says_it_and_a_market_that_was_halted_says_nothing() {
        let page = |world: &ClockFixture, ago: u64, apart: u64| {
            let times =
                (0..100).map(|number| world.venue().minus(Duration::from_millis(ago + number * apart)));
            world.clock.observe_latest_trades(times);
        };
        for ahead in [-HOUR, -90_000, 90_000, HOUR] {
            let world = ClockFixture::new(ahead);
            page(&world, 300, 1_000);
            assert!(world.error().abs() <= 3_000, "{}", world.error());
        }
        for (ago, apart) in [(300, 500), (90_000, 20_000), (20 * 3_600_000, 1_000), (600_000, 1)] {
            let world = ClockFixture::new(0);
            page(&world, ago, apart);
            assert_eq!((world.error(), world.clock.is_measured()), (0, true));
        }
    }

    #[test]
    fn without_dates_nothing_is_over_before_something_has_happened_since() {
        // A clock that is a day ahead looks the same as a market that nobody has traded for a day.
        for (ahead, ago) in [(-24 * HOUR, 300), (0, 24 * 3_600_000), (-HOUR, 300), (HOUR, 300)] {
            let world = ClockFixture::new(ahead);
            assert_eq!(world.clock.lower_bound_at(world.machine.now()), None, "nobody knows");
            let newest = world.venue().minus(Duration::from_millis(ago));
            // Two trades of a page may be stamped in the future.
            let wild = newest.plus(Duration::from_secs(2 * 86_400));
            let times = (0..100).map(|number| newest.minus(Duration::from_secs(number)));
            world.clock.observe_latest_trades([wild, wild].into_iter().chain(times));
            assert_eq!(world.clock.lower_bound_at(world.machine.now()), Some(newest));
            world.wait(5_000);
            assert_eq!(
                world.clock.lower_bound_at(world.machine.now()),
                Some(newest.plus(Duration::from_secs(5)))
            );
            for _ in 0..10 {
                world.clock.observe_event_time(world.venue());
            }
            let shown = world.clock.lower_bound_at(world.machine.now()).unwrap();
            assert!(newest.plus(Duration::from_secs(5)) <= shown && shown <= world.venue(), "{shown}");
        }
    }

    #[test]
    fn times_of_markets_that_were_quiet_for_minutes_move_nothing() {
        let world = ClockFixture::new(0);
        for number in 0..60 {
            world.clock.observe_event_time(world.venue().minus(Duration::from_secs(7 * number)));
            assert_eq!(world.error(), 0);
        }
    }

    #[test]
    fn what_an_earlier_process_measured_holds_until_the_first_answer() {
        let world = ClockFixture::new(0);
        world.clock.restore(-HOUR * 1_000_000 - 1, -HOUR * 1_000_000 + 1);
        assert_eq!((world.error(), world.clock.is_measured()), (-HOUR, false));
        world.ask(20, 20);
        assert_eq!((world.error(), world.clock.step_count()), (0, 1));
    }

    proptest! {
        /// However long the travel times are and whichever clock is set: after two answers the clock is right to
        /// within the second that a date is truncated to plus the round trip, and its lower bound never comes too
        /// early.
        #[test]
        fn after_two_answers_it_is_right_again(
            steps in prop::collection::vec((-HOUR..HOUR, 1_usize..20), 1..6),
            ways in prop::collection::vec((0_u64..400, 0_u64..400, 0_u64..5_000), 120),
        ) {
            let mut world = ClockFixture::new(0);
            let mut ways = ways.into_iter();
            for (ahead, answers) in steps {
                world.ahead = ahead;
                for (number, (there, back, pause)) in ways.by_ref().take(answers + 1).enumerate() {
                    world.wait(pause);
                    let (sent, asked) = (world.machine.now(), world.venue());
                    world.ask(there, back);
                    if number > 0 {
                        let bound = 1_000 + (there + back).cast_signed() + 2 * 250 + 1_000;
                        prop_assert!(world.error().abs() <= bound, "{} ms off", world.error());
                        let slack = Duration::from_millis(1_250);
                        prop_assert!(world.clock.lower_bound_at(sent).unwrap() <= asked.plus(slack));
                    }
                }
            }
        }
    }
}

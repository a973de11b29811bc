//! Tests of a clock that begins as the machine's and is corrected by what the venue shows.

use std::time::Duration;

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
    assert_eq!((world.clock.now(), world.clock.is_measured(), world.clock.step_count()), (before, false, 1));
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
        let times = (0..100).map(|number| world.venue().minus(Duration::from_millis(ago + number * apart)));
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

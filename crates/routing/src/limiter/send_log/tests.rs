//! Tests of what counts in a window, and for how long.

use market_backbone_core::RateLimitGroup;

use super::*;
use crate::limiter::rule_set::RuleSet;

const GROUP: RateLimitGroup = RateLimitGroup("x");
const WINDOW: Duration = Duration::from_secs(1);
const ALL: CountedShare = CountedShare::All;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The log of a group with these rules.
struct TestLog {
    rules: RuleSet,
    log: SendLog,
}

impl TestLog {
    fn of(rules: &[RateLimitRule], margin: u64) -> Self {
        let config = LimiterConfig { margin: ms(margin), ..LimiterConfig::default() };
        Self { rules: RuleSet::new(rules, config.margin), log: SendLog::new(rules, &config) }
    }

    fn push(&mut self, id: u64, at: Instant, share: WindowShare) {
        self.log.push(id, at, share, 1);
    }

    fn resolve(&mut self, id: u64, outcome: SendOutcome) {
        self.log.resolve(id, outcome);
    }

    fn remove(&mut self, id: u64) {
        self.log.remove(id);
    }

    fn next_slot(&self, now: Instant, allowed: u32, counts: CountedShare) -> NextSlot {
        self.log.next_slot(now, self.rules.reported(None).unwrap(), allowed, 1, counts)
    }

    /// Returns when every rule has room for a request of `weight`.
    fn room(&mut self, now: Instant, weight: u32) -> NextSlot {
        self.rules.next_slot(&self.log, (now, weight), false, &LimiterConfig::default())
    }

    fn possibly_counted(&self, sent: Instant) -> u64 {
        self.log.possibly_counted(self.rules.reported(None).unwrap(), sent)
    }
}

fn sends(max: u32, margin: u64) -> TestLog {
    TestLog::of(&[RateLimitRule::new(GROUP, max, WINDOW)], margin)
}

#[test]
fn a_request_under_way_holds_its_place_until_it_is_answered() {
    let start = Instant::now();
    let mut sends = sends(1, 3);
    sends.push(0, start, WindowShare::Others);
    assert_eq!(sends.next_slot(start + ms(5_000), 1, ALL), NextSlot::AfterResponse);
    sends.resolve(0, SendOutcome::Answered(start + ms(5_000)));
    assert_eq!(sends.next_slot(start + ms(5_000), 1, ALL), NextSlot::At(start + ms(6_003)));
    assert_eq!(sends.next_slot(start + ms(6_003), 1, ALL), NextSlot::Now);
}

#[test]
fn what_was_given_up_may_still_arrive_a_little_later() {
    let start = Instant::now();
    let mut sends = sends(1, 3);
    sends.push(0, start, WindowShare::Others);
    sends.resolve(0, SendOutcome::Lost(start + ms(10)));
    assert_eq!(sends.next_slot(start + ms(10), 1, ALL), NextSlot::At(start + ms(10 + 500 + 1_003)));
}

#[test]
fn a_permit_never_used_leaves_no_trace() {
    let start = Instant::now();
    let mut sends = sends(1, 3);
    sends.push(0, start, WindowShare::Others);
    sends.remove(0);
    assert_eq!(sends.next_slot(start, 1, ALL), NextSlot::Now);
}

#[test]
fn room_comes_when_enough_have_left() {
    let start = Instant::now();
    let mut sends = sends(3, 0);
    for id in 0..3 {
        let at = start + ms(id * 100);
        sends.push(id, at, WindowShare::Others);
        sends.resolve(id, SendOutcome::Answered(at));
    }
    let now = start + ms(300);
    assert_eq!(sends.next_slot(now, 3, ALL), NextSlot::At(start + ms(1_000)));
    assert_eq!(sends.next_slot(now, 2, ALL), NextSlot::At(start + ms(1_100)));
    assert_eq!(sends.next_slot(now, 4, ALL), NextSlot::Now);
}

#[test]
fn our_own_requests_side_by_side_are_not_taken_for_others() {
    let start = Instant::now();
    let mut sends = sends(10, 3);
    for id in 0..10 {
        sends.push(id, start + ms(id), WindowShare::Others);
    }
    // The first is answered while the others are under way: the venue may have seen all ten before.
    assert_eq!(sends.possibly_counted(start), 10);
    sends.resolve(0, SendOutcome::Answered(start + ms(40)));
    assert_eq!(sends.possibly_counted(start + ms(1_500)), 9);
}

#[test]
fn a_heavy_request_waits_until_enough_weight_has_left() {
    let start = Instant::now();
    let mut sends = sends(10, 0);
    for (id, weight) in [(0, 4), (1, 3), (2, 2)] {
        let at = start + ms(id * 100);
        sends.log.push(id, at, WindowShare::Others, weight);
        sends.resolve(id, SendOutcome::Answered(at));
    }
    let now = start + ms(300);
    let rooms = [1, 2, 5, 6, 8, 9, 10].map(|weight| sends.room(now, weight));
    let at = |millis| NextSlot::At(start + ms(millis));
    assert_eq!(
        rooms,
        [NextSlot::Now, at(1_000), at(1_000), at(1_100), at(1_100), at(1_200), at(1_200)],
        "9 are used: 4 leave at 1,000 ms, 3 at 1,100 ms, 2 at 1,200 ms"
    );
}

#[test]
fn what_weighs_nothing_is_counted_by_rules_for_requests_alone() {
    let start = Instant::now();
    let by_weight = RateLimitRule::new(GROUP, 1, WINDOW);
    let by_requests = RateLimitRule::new(GROUP, 2, WINDOW).counting_requests();
    let mut sends = TestLog::of(&[by_weight, by_requests], 0);
    sends.log.push(0, start, WindowShare::Others, 1);
    assert_eq!(sends.room(start, 1), NextSlot::AfterResponse);
    assert_eq!(sends.room(start, 0), NextSlot::Now);
    sends.log.push(1, start, WindowShare::Others, 0);
    assert_eq!(sends.room(start, 0), NextSlot::AfterResponse);
}

#[test]
fn all_rules_hold_and_the_last_to_have_room_decides() {
    let start = Instant::now();
    let short = RateLimitRule::new(GROUP, 2, WINDOW);
    let long = RateLimitRule::new(GROUP, 3, 10 * WINDOW);
    let mut sends = TestLog::of(&[short, long], 0);
    for id in 0..2 {
        sends.push(id, start, WindowShare::Others);
        sends.resolve(id, SendOutcome::Answered(start));
    }
    assert_eq!(sends.room(start, 1), NextSlot::At(start + ms(1_000)), "the short window is full");
    let later = start + ms(1_000);
    sends.push(2, later, WindowShare::Others);
    sends.resolve(2, SendOutcome::Answered(later));
    assert_eq!(sends.room(later, 1), NextSlot::At(start + ms(10_000)), "the long window is full");
    sends.log.prune(start + ms(5_000));
    assert_eq!(sends.room(start + ms(5_000), 1), NextSlot::At(start + ms(10_000)), "nothing is forgotten");
}

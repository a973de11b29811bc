//! Rules by the venue's clock, where its time is known within bounds: each of its windows holds at most what it takes, and
//! no more is promised.

use market_backbone_core::RateLimitRule;
use proptest::prelude::*;

use super::model::GROUP;
use super::weights::weighted;
use super::*;

prop_compose! {
    /// What the venue's clock shows at the start, in ms, and how well that is known.
    fn venue_clock()(
        offset in 0_u64..8_000,
        less in prop_oneof![0_u64..20, 0_u64..3_000],
        more in prop_oneof![0_u64..20, 0_u64..3_000],
    ) -> (u64, [u64; 2]) {
        (offset, [less, more])
    }
}

proptest! {
    #![proptest_config(cases())]

    /// The first rule slides, and holds as ever. The second goes by the clock.
    #[test]
    fn no_window_of_the_venues_clock_takes_too_much(
        schedule in weighted(),
        (offset, bounds) in venue_clock(),
    ) {
        let more = schedule.more.iter().map(|rule| rule.by_clock()).collect();
        let schedule = Schedule { more, venue_clock: Some((offset, bounds)), ..schedule };
        let run = play(&schedule);
        prop_assert_eq!(run.arrivals.calendar_by(&schedule.more[0], run.origin, at_start(offset)), 0);
        prop_assert_eq!(rejected(&run, schedule.max, offset), [0; 3]);
    }
}

/// What the venue's clock shows at the start.
fn at_start(offset: u64) -> Duration {
    Duration::from_secs(86_400) + ms(offset)
}

#[test]
fn a_window_by_the_clock_may_be_used_up_at_its_end_and_the_next_at_its_beginning() {
    // The clock shows 9.0 s of ten at the start, known to 100 ms: ten go at once and ten when the next ten seconds begin.
    let rule = RateLimitRule::new(GROUP, 10, ms(10_000));
    let times = [rule, rule.by_clock()].map(|rule| {
        let network = Network { cold: false, ..Network::of((20, 0), (20, 0)) };
        let venue_clock = Some((9_000, [50, 50]));
        let schedule = Schedule { more: vec![rule], venue_clock, ..Schedule::plain(100, 30, network) };
        let run = play(&schedule);
        assert_eq!(run.arrivals.calendar_by(&rule, run.origin, at_start(9_000)), 0);
        run.took
    });
    assert!(times[0] > ms(20_000), "{times:?}");
    assert!(ms(11_000) < times[1] && times[1] < ms(11_250), "{times:?}");
}

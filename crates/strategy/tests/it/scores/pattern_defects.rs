//! The defects on record of the pattern detector, each with a test that fails without its cure.

use std::time::Duration;

use market_backbone_core::Timestamp;
use market_backbone_strategy::pattern::{
    FallbackDetector, FallbackSwitch, PatternDetector, PatternKind, PatternRules, PatternSource,
};
use proptest::prelude::*;

use super::patterns::{minute, symbol, tick};

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// Defect: a flat range divided by zero, which ended the loop of the detector.
#[test]
fn a_flat_range_has_no_pattern() {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    for number in 0..30 {
        detector.on_trade(&tick(number * 1_000, 100.0, 1.0), |found| panic!("{found:?}"));
        detector.on_candle(&minute(number, [100.0; 4]), |found| panic!("{found:?}"));
    }
}

/// Defect: without a cooldown the oscillation was reported on nearly every trade.
#[test]
fn a_pattern_is_reported_once_in_its_cooldown() {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    let mut times = Vec::new();
    for second in 0..200 {
        let price = 100.0 + [0.0, 1.0, 0.0, -1.0][second as usize % 4];
        detector.on_trade(&tick(second * 1_000, price, 1.0), |found| times.push(found.time));
    }
    assert_eq!(times, [secs(6), secs(66), secs(126), secs(186)]);
}

/// Defect: a minimum of five bars for all patterns delayed the short ones by minutes.
#[test]
fn each_pattern_has_its_own_minimum() {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    let mut found = Vec::new();
    detector.on_candle(&minute(0, [108.0, 110.0, 100.0, 110.0]), |detection| found.push(detection.pattern));
    assert_eq!(found, [PatternKind::Hammer]);
    assert_eq!(PatternKind::ALL.map(PatternKind::min_bars), [1, 1, 4, 1, 2, 2, 3, 3, 5, 7, 3]);
}

/// Defect: the producer beat once a minute and was taken for dead after thirty seconds, so that the fallback flapped.
#[test]
fn a_producer_that_beats_in_time_is_alive() {
    let mut switch = FallbackSwitch::minutely(secs(0));
    for second in 0..3_600 {
        // Each beat comes a second late, and one is lost.
        if second % 60 == 1 && second / 60 != 30 {
            switch.beat(secs(second));
        }
        assert!(!switch.is_active(secs(second)), "{second}");
    }
    assert!(!switch.is_active(secs(3_541 + 150)));
    assert!(switch.is_active(secs(3_541 + 151)));
    switch.beat(secs(3_700));
    assert!(!switch.is_active(secs(3_701)));
    // A beat that was held up does not move the last one back.
    switch.beat(secs(100));
    assert!(!switch.is_active(secs(3_701)));
    let error = FallbackSwitch::new(Duration::from_secs(60), Duration::from_secs(30), secs(0)).unwrap_err();
    assert_eq!(error.to_string(), "profile `fallback`: bound_secs is 30; it must be between 90 and inf");
}

/// Defect: while the producer was alive trades queued up, and the fallback began with stale ones.
#[test]
fn the_fallback_begins_with_the_present() {
    let switch = FallbackSwitch::minutely(secs(0));
    let rules = PatternRules { tick_cooldown_secs: 5.0, ..PatternRules::default() };
    let mut fallback = FallbackDetector::new(symbol(), rules);
    let mut found = Vec::new();
    for second in 0..200 {
        // A gap while the producer is alive, and another one in the first second of its silence.
        let price = if (100..151).contains(&second) { 110.0 } else { 100.0 };
        fallback.on_trade(&tick(second * 1_000, price, 1.0), &switch, |detection| found.push(detection));
    }
    let found: Vec<_> = found.iter().map(|found| (found.pattern, found.time, found.source)).collect();
    assert_eq!(found[0], (PatternKind::PriceGap, secs(151), PatternSource::Fallback));
    assert!(found.iter().all(|(_, time, source)| *time >= secs(151) && *source == PatternSource::Fallback));
    // The price before the silence was seen, or there would be no gap at its beginning.
    assert_eq!(found.iter().filter(|(pattern, ..)| *pattern == PatternKind::PriceGap).count(), 1);
}

/// Defect: a revision of a bar was taken for another bar, and its patterns were reported twice.
#[test]
fn a_revision_completes_nothing_again() {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    let mut count = 0;
    let hammer = [108.0, 110.0, 100.0, 110.0];
    detector.on_candle(&minute(5, hammer), |_| count += 1);
    detector.on_candle(&minute(5, hammer), |_| count += 1);
    detector.on_candle(&minute(4, hammer), |_| count += 1);
    assert_eq!(count, 1);
}

/// Defect: one impossible value ended the detector.
#[test]
fn impossible_values_are_left_out() {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    for (number, price) in [100.0, f64::NAN, 0.0, f64::INFINITY, 100.0].into_iter().enumerate() {
        detector.on_trade(&tick(number as i64 * 1_000, price, 1.0), |found| panic!("{found:?}"));
    }
    detector.on_candle(&minute(0, [f64::NAN; 4]), |found| panic!("{found:?}"));
    let mut found = 0;
    detector.on_trade(&tick(9_000, 110.0, 1.0), |_| found += 1);
    assert_eq!(found, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn detections_are_sure_enough_repeat_and_respect_the_cooldown(
        candles in prop::collection::vec((90.0_f64..110.0, 0.0_f64..5.0, 0.0_f64..1.0, 0.0_f64..1.0), 1..100),
        ticks in prop::collection::vec((0_i64..20_000, 90.0_f64..110.0, 0.0_f64..1_000.0), 1..200),
    ) {
        let run = || {
            let mut detector = PatternDetector::new(symbol(), PatternRules::default());
            let mut found = Vec::new();
            for (number, (low, width, open, close)) in candles.iter().enumerate() {
                let prices = [low + width * open, low + width, *low, low + width * close];
                let clamped = prices.map(|price| price.clamp(*low, low + width));
                detector.on_candle(&minute(number as i64, clamped), |detection| found.push(detection));
            }
            let mut millis = 0;
            for (wait, price, size) in &ticks {
                millis += wait;
                detector.on_trade(&tick(millis, *price, *size), |detection| found.push(detection));
            }
            found
        };
        let found = run();
        prop_assert_eq!(&found, &run());
        for detection in &found {
            prop_assert!((0.6..=1.0).contains(&detection.confidence), "{:?}", detection);
        }
        for kind in PatternKind::ALL.into_iter().filter(|kind| kind.is_of_trades()) {
            let times: Vec<_> = found.iter().filter(|found| found.pattern == kind).map(|found| found.time).collect();
            prop_assert!(times.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_secs(60)));
        }
    }
}

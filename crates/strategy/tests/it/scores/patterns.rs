//! Patterns of candles and trades against vectors worked by hand.

use std::time::Duration;

use PatternDirection::{Bearish, Bullish, Neutral, Reversal};
use PatternKind::{
    Doji, Engulfing, EveningStar, Hammer, HangingMan, Harami, MorningStar, PriceGap, PriceOscillation,
    ShootingStar, VolumeSurge,
};
use market_backbone_core::{Candle, Symbol, Timestamp, Trade, TradeId};
use market_backbone_strategy::pattern::{
    PatternDetection, PatternDetector, PatternDirection, PatternKind, PatternRules, PatternSource,
};
use market_backbone_testkit::UPBIT;

use super::days::near;

pub(super) fn symbol() -> Symbol {
    Symbol::new(UPBIT, "KRW-BTC").unwrap()
}

/// The candle of minute `number`: open, high, low, close.
pub(super) fn minute(number: i64, [open, high, low, close]: [f64; 4]) -> Candle {
    let open_time = Timestamp::from_secs(number * 60);
    Candle { open_time, open, high, low, close, volume: 1.0, turnover: close, is_final: true }
}

/// What the last of these candles completes.
fn completed(candles: &[[f64; 4]]) -> Vec<(PatternKind, PatternDirection, f64)> {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    let mut found = Vec::new();
    for (number, prices) in candles.iter().enumerate() {
        found.clear();
        detector.on_candle(&minute(number as i64, *prices), |detection| {
            found.push((detection.pattern, detection.direction, detection.confidence));
        });
    }
    found
}

#[track_caller]
fn check(candles: &[[f64; 4]], pattern: PatternKind, direction: PatternDirection, confidence: f64) {
    let found = completed(candles);
    let [(kind, way, sure)] = found[..] else { panic!("{found:?} instead of {pattern}") };
    assert_eq!((kind, way), (pattern, direction));
    near(sure, confidence);
}

#[test]
fn a_doji_has_hardly_a_body() {
    // A body of 0.5 in a range of 10: half of a tenth. Shadows too even for anything else.
    check(&[[100.0, 105.0, 95.0, 100.5]], Doji, Reversal, 0.6 + 0.4 * 0.5);
    check(&[[100.0, 105.0, 95.0, 100.0]], Doji, Reversal, 1.0);
    assert_eq!(completed(&[[100.0, 105.0, 95.0, 101.0]]), []);
}

#[test]
fn a_hammer_hangs_after_a_rise() {
    // Range 10, lower shadow 8, body 2.
    let hammer = [108.0, 110.0, 100.0, 110.0];
    check(&[hammer], Hammer, Bullish, 0.6 + 0.4 * 0.5);
    let rise = [[100.0, 104.0, 99.0, 103.0], [103.0, 106.0, 102.0, 105.0], [105.0, 108.0, 104.0, 107.0]];
    check(&[rise[0], rise[1], rise[2], hammer], HangingMan, Bearish, 0.6 + 0.4 * 0.5);
    // Two rising candles are no rise.
    check(&[rise[0], rise[1], hammer], Hammer, Bullish, 0.6 + 0.4 * 0.5);
}

#[test]
fn a_shooting_star_is_a_hammer_upside_down() {
    check(&[[102.0, 110.0, 100.0, 100.0]], ShootingStar, Bearish, 0.6 + 0.4 * 0.5);
    // An upper shadow of 5 in 10 is too short.
    assert_eq!(completed(&[[102.0, 107.0, 97.0, 100.0]]), []);
}

#[test]
fn a_body_covers_the_one_before() {
    let falling = [102.0, 103.0, 99.0, 100.0];
    check(&[falling, [99.8, 103.5, 99.5, 102.8]], Engulfing, Bullish, 0.6 + 0.4 * 0.5);
    check(&[[100.0, 103.0, 99.0, 102.0], [102.2, 102.5, 99.0, 99.2]], Engulfing, Bearish, 0.6 + 0.4 * 0.5);
    // Of the same colour it covers nothing.
    assert_eq!(completed(&[falling, [102.8, 103.5, 99.5, 99.8]]), []);
}

#[test]
fn a_small_body_inside_a_large_one() {
    // A body of 1 in one of 4: a quarter, half of the allowed half.
    check(&[[104.0, 105.0, 99.0, 100.0], [101.0, 103.0, 100.5, 102.0]], Harami, Bullish, 0.6 + 0.4 * 0.5);
    check(&[[100.0, 105.0, 99.0, 104.0], [103.0, 103.5, 101.0, 102.0]], Harami, Bearish, 0.6 + 0.4 * 0.5);
    // Three quarters are too much.
    assert_eq!(completed(&[[104.0, 105.0, 99.0, 100.0], [100.5, 104.0, 100.2, 103.5]]), []);
}

#[test]
fn stars_turn_the_price() {
    let fall = [110.0, 111.0, 99.0, 100.0];
    let small = [99.0, 101.0, 97.0, 100.0];
    // Closes 7.5 of 10 back into the first body.
    check(&[fall, small, [100.0, 108.0, 99.5, 107.5]], MorningStar, Bullish, 0.6 + 0.4 * 0.5);
    assert_eq!(completed(&[fall, small, [100.0, 105.0, 99.5, 104.0]]), []);
    let rise = [100.0, 111.0, 99.0, 110.0];
    check(
        &[rise, [110.0, 112.0, 108.0, 111.0], [110.0, 110.5, 102.0, 102.5]],
        EveningStar,
        Bearish,
        0.6 + 0.4 * 0.5,
    );
}

pub(super) fn tick(millis: i64, price: f64, size: f64) -> Trade {
    let time = Timestamp::from_millis(millis);
    let (id, side) = (TradeId::Number(millis), None);
    Trade { symbol: symbol(), id, price, size, side, time, received: time }
}

/// What these trades (price and size), one each second, complete.
fn seen(ticks: &[(f64, f64)]) -> Vec<PatternDetection> {
    let mut detector = PatternDetector::new(symbol(), PatternRules::default());
    let mut found = Vec::new();
    for (number, (price, size)) in ticks.iter().enumerate() {
        detector.on_trade(&tick(number as i64 * 1_000, *price, *size), |detection| found.push(detection));
    }
    found
}

#[test]
fn a_surge_is_three_times_the_mean() {
    let rising: Vec<_> = (0..9).map(|number| (100.0 + number as f64, 150.0)).collect();
    let with = |size| [&rising[..], &[(109.0, size)]].concat();
    assert_eq!(seen(&with(450.0)), []);
    let found = seen(&with(451.0));
    assert_eq!(
        (found.len(), found[0].pattern, found[0].direction, found[0].confidence),
        (1, VolumeSurge, Neutral, 0.75)
    );
    near(found[0].relative_volume.unwrap(), 451.0 / 150.0);
    assert_eq!((found[0].volume, found[0].source, found[0].price), (451.0, PatternSource::Detector, 109.0));
    assert_eq!(found[0].expires_at(), found[0].time + Duration::from_secs(3 * 86_400));
    // Small trades do not surge.
    let small: Vec<_> = with(451.0).iter().map(|(price, size)| (*price, size / 2.0)).collect();
    assert_eq!(seen(&small), []);
}

#[test]
fn a_price_that_is_back_in_the_middle() {
    let found = seen(&[
        (100.0, 1.0),
        (100.5, 1.0),
        (100.0, 1.0),
        (99.5, 1.0),
        (100.5, 1.0),
        (99.5, 1.0),
        (100.0, 1.0),
    ]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].pattern, found[0].direction, found[0].confidence),
        (PriceOscillation, Reversal, 0.6)
    );
    // At the edge of its range it is not.
    let at_edge = seen(&[
        (100.0, 1.0),
        (100.5, 1.0),
        (100.0, 1.0),
        (99.5, 1.0),
        (100.5, 1.0),
        (99.5, 1.0),
        (100.5, 1.0),
    ]);
    assert_eq!(at_edge, []);
}

#[test]
fn a_jump_of_two_percent_is_a_gap() {
    let direction = |last| {
        seen(&[(100.0, 1.0), (100.0, 1.0), (last, 1.0)]).first().map(|found| (found.pattern, found.direction))
    };
    assert_eq!(direction(102.0), None);
    assert_eq!(direction(102.1), Some((PriceGap, Bullish)));
    assert_eq!(direction(97.9), Some((PriceGap, Bearish)));
    near(seen(&[(100.0, 1.0), (100.0, 1.0), (103.0, 1.0)])[0].price_change.unwrap(), 3.0);
}

#[test]
fn impossible_rules_are_refused() {
    assert!(PatternRules::default().validate().is_ok());
    let error = PatternRules { gap_fraction: 2.0, ..PatternRules::default() }.validate().unwrap_err();
    assert_eq!(error.to_string(), "profile `pattern`: gap_fraction is 2; it must be between 0.000001 and 1");
}

//! The defects on record of the accumulation scores, each with a test that fails without its cure.

use market_backbone_strategy::seismograph::{
    AccumulationProfile, DAILY_BARS_NEEDED, PartReason, Stage, classic_signals,
};

use super::days::{day, near, quiet_days};

/// Defect: the tight range of V3 needs 21 candles, callers loaded 20, and it was 0 for ever without a word.
#[test]
fn too_few_candles_for_a_signal_are_said() {
    let refactored = AccumulationProfile::refactored();
    let part = refactored.score(&quiet_days(20), None).pinpoint.tight_range;
    assert_eq!((part.intensity, part.reason), (None, PartReason::TooFewBars { have: 20, need: 21 }));
    assert!(refactored.score(&quiet_days(21), None).pinpoint.tight_range.intensity.is_some());
    // The number that callers are told to load is enough for all of it, whatever the float.
    for profile in [AccumulationProfile::pinpoint(), refactored] {
        for float in [None, Some(0.0), Some(1e12)] {
            assert!(profile.score(&quiet_days(DAILY_BARS_NEEDED), float).is_complete());
        }
    }
}

/// Defect: an exception inside a signal turned into an intensity of 0.5, or of 0.
#[test]
fn an_impossible_candle_is_no_half_score() {
    let mut days = quiet_days(61);
    days[40].close = f64::NAN;
    let score = AccumulationProfile::pinpoint().score(&days, None);
    assert_eq!((score.v1, score.v2, score.v3, score.can_trade), (None, None, None, false));
    assert_eq!(score.pinpoint.absorption.reason, PartReason::BadCandle);
}

/// Defect: names pinned to an offer, and dead ones, have the tightest range of all and were taken for accumulated.
#[test]
fn a_pinned_market_may_not_be_traded() {
    let pinned: Vec<_> = (0..61)
        .map(|number| {
            let reach = if number < 56 { 0.05 } else { 0.005 };
            day(number, [100.0, 100.0 + reach, 100.0 - reach, 100.0], 100.0)
        })
        .collect();
    let score = AccumulationProfile::pinpoint().score(&pinned, None);
    assert_eq!((score.stage, score.is_pinned, score.can_trade), (Stage::TightRange, true, false));
    // The same shape with ranges of a living market may.
    let living: Vec<_> = (0..61)
        .map(|number| {
            let reach = if number < 56 { 1.0 } else { 0.1 };
            day(number, [100.0, 100.0 + reach, 100.0 - reach, 100.0], 100.0)
        })
        .collect();
    let score = AccumulationProfile::pinpoint().score(&living, None);
    assert_eq!((score.is_pinned, score.can_trade), (false, true));
}

/// Defect: prices that do not move at all divided by zero, or counted as perfectly tight.
#[test]
fn a_flat_market_is_flagged() {
    let flat: Vec<_> = (0..61).map(|number| day(number, [100.0; 4], 100.0)).collect();
    let score = AccumulationProfile::pinpoint().score(&flat, None);
    assert_eq!(score.classic.tight_range.reason, PartReason::Flat);
    assert_eq!(score.pinpoint.tight_range.reason, PartReason::Flat);
    assert!(score.is_pinned && !score.can_trade);
    let silent: Vec<_> = (0..61).map(|number| day(number, [100.0; 4], 0.0)).collect();
    let score = AccumulationProfile::pinpoint().score(&silent, None);
    assert_eq!((score.v1, score.v2), (Some(0.0), Some(0.0)));
    assert_eq!(score.pinpoint.absorption.reason, PartReason::Flat);
}

/// Defect: the third stage was never given.
#[test]
fn the_third_stage_exists() {
    let mut days = quiet_days(20);
    days[19].volume = 1_000.0;
    assert_eq!(AccumulationProfile::pinpoint().score(&days, None).stage, Stage::AccumulationBar);
}

/// Defect: accumulation bars and dry-out looked at the same days and cancelled each other.
#[test]
fn the_days_of_the_dry_out_are_no_accumulation_bars() {
    let mut days = quiet_days(61);
    let profile = AccumulationProfile::pinpoint();
    let before = profile.score(&days, None).pinpoint;
    days[58..].iter_mut().for_each(|day| day.volume = 1.0);
    let after = profile.score(&days, None).pinpoint;
    assert_eq!(before.accumulation_bar, after.accumulation_bar);
    assert!(after.dry_out.counted() > before.dry_out.counted());
}

/// Defect: the change of OBV in percent of itself was unstable, for OBV may begin anywhere, near 0 too.
#[test]
fn flow_is_measured_against_the_volume() {
    let mut days = quiet_days(20);
    for day in days.iter_mut().skip(1).step_by(2) {
        (day.open, day.close, day.volume) = (101.0, 101.0, 110.0);
    }
    let small = classic_signals(&days).absorption.counted();
    days.iter_mut().for_each(|day| day.volume *= 1e6);
    near(classic_signals(&days).absorption.counted(), small);
}

/// Defect: the sigmoid saturates, so that strong markets could not be told from very strong ones.
#[test]
fn a_saturated_signal_still_has_its_measure() {
    let rising = |volume: f64| {
        let mut days = quiet_days(21);
        for (number, day) in days[11..18].iter_mut().enumerate() {
            day.close = 100.0 + 0.01 * (number + 1) as f64;
            day.volume = volume;
        }
        days[18..].iter_mut().for_each(|day| day.close = 100.07);
        AccumulationProfile::pinpoint().score(&days, None).pinpoint.absorption
    };
    let (strong, stronger) = (rising(1_000.0), rising(5_000.0));
    near(strong.counted(), stronger.counted());
    assert!(stronger.measure > strong.measure);
}

/// Defect: two versions of V3 had one name, and nobody knew which had computed a score.
#[test]
fn a_score_names_its_rules() {
    let (pinpoint, refactored) = (AccumulationProfile::pinpoint(), AccumulationProfile::refactored());
    let days = quiet_days(61);
    let tags = [pinpoint.score(&days, None).profile, refactored.score(&days, None).profile];
    assert_eq!(tags.each_ref().map(|tag| &*tag.name), ["pinpoint", "refactored"]);
    assert_ne!(tags[0].hash, tags[1].hash);
    // Another name for the same rules has the same hash; it is written down here, so that it cannot change unnoticed.
    let renamed = AccumulationProfile::new("mine", *pinpoint.rules()).unwrap();
    assert_eq!(renamed.tag().hash, tags[0].hash);
    let shown = tags.map(|tag| tag.to_string());
    assert_eq!(shown, ["pinpoint@5c41a58f0f4b25b4", "refactored@a5811c62e3655fe8"]);
}

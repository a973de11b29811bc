//! The accumulation scores against vectors worked by hand.

use market_backbone_core::Candle;
use market_backbone_strategy::seismograph::{
    AccumulationProfile, AccumulationScore, AccumulationWeights, PartReason, ProfileError, Stage,
    classic_signals, daily_atr,
};

use super::days::{day, near, quiet_days, textbook_accumulation};

fn pinpoint(days: &[Candle]) -> AccumulationScore {
    AccumulationProfile::pinpoint().score(days, None)
}

fn refactored(days: &[Candle]) -> AccumulationScore {
    AccumulationProfile::refactored().score(days, None)
}

/// The last five ranges are 1 where the fourteen before were 2: 1 / (33 / 19) = 0.5757…
fn narrowing() -> Vec<Candle> {
    let mut days = quiet_days(20);
    for day in &mut days[15..] {
        (day.high, day.low) = (100.5, 99.5);
    }
    days
}

/// Odd days close at 101 with a volume of `up`, even ones at 100 with 100.
fn alternating(up: f64) -> Vec<Candle> {
    let mut days = quiet_days(20);
    for day in days.iter_mut().skip(1).step_by(2) {
        (day.close, day.open, day.volume) = (101.0, 101.0, up);
    }
    days
}

/// The last three volumes are 20 where the seventeen before were 100: 20 / 88.
fn drying() -> Vec<Candle> {
    let mut days = quiet_days(20);
    days[17..].iter_mut().for_each(|day| day.volume = 20.0);
    days
}

#[test]
fn the_tight_range_of_v2() {
    let signals = classic_signals(&narrowing());
    near(signals.tight_range.measure.unwrap(), 19.0 / 33.0);
    near(signals.tight_range.counted(), (0.7 - 19.0 / 33.0) / 0.4);
    // 30 points of 0.3106, to one decimal.
    assert_eq!(pinpoint(&narrowing()).v2, Some(9.3));
    assert_eq!(classic_signals(&quiet_days(20)).tight_range.counted(), 0.0);
    let short = classic_signals(&narrowing()[1..]).tight_range;
    assert_eq!((short.intensity, short.reason), (None, PartReason::TooFewBars { have: 19, need: 20 }));
}

#[test]
fn the_divergence_of_v2() {
    // 10 rising days of 110, 9 falling ones of 100, the first of 100: (1100 - 900) / 2100; 1 % up.
    let signals = classic_signals(&alternating(110.0));
    near(signals.absorption.measure.unwrap(), 200.0 / 2100.0);
    near(signals.absorption.counted(), 0.1 + 5.0 * 200.0 / 2100.0);
    assert_eq!(pinpoint(&alternating(110.0)).v2, Some(20.2));
    // Selling outweighs.
    assert_eq!(classic_signals(&alternating(80.0)).absorption.reason, PartReason::Absent);
    // The price rose by more than 2 %.
    let mut days = alternating(110.0);
    days[0].close = 99.0;
    let risen = classic_signals(&days).absorption;
    assert_eq!((risen.intensity, risen.reason), (Some(0.0), PartReason::PriceRose));
}

#[test]
fn the_accumulation_bar_of_v2() {
    let mut days = quiet_days(20);
    days[19] = day(19, [100.0, 101.0, 99.0, 101.0], 350.0);
    near(classic_signals(&days).accumulation_bar.counted(), 0.5);
    days[19].volume = 200.0;
    near(classic_signals(&days).accumulation_bar.counted(), 0.0);
    days[19].volume = 500.0;
    near(classic_signals(&days).accumulation_bar.counted(), 1.0);
    days[19].open = 98.0;
    days[19].low = 98.0;
    assert_eq!(classic_signals(&days).accumulation_bar.reason, PartReason::LargeBody);
}

#[test]
fn the_dry_out_of_v2() {
    let signals = classic_signals(&drying());
    near(signals.dry_out.counted(), 1.0 - (20.0 / 88.0) / 0.4);
    assert_eq!(pinpoint(&drying()).v2, Some(4.3));
    assert_eq!(classic_signals(&quiet_days(20)).dry_out.reason, PartReason::Absent);
}

/// Days that show the wanted signals fully, and the others not at all.
fn showing(tight: bool, flow: bool, bar: bool, dry: bool) -> Vec<Candle> {
    let mut days = quiet_days(20);
    if flow {
        for day in days.iter_mut().skip(1).step_by(2) {
            (day.open, day.close, day.volume) = (100.1, 100.1, 200.0);
        }
    }
    if tight {
        days[15..].iter_mut().for_each(|day| (day.high, day.low) = (100.2, 99.8));
    }
    if dry {
        days[17..].iter_mut().for_each(|day| day.volume = 1.0);
    }
    if bar {
        days[19].volume = 1_000.0;
    }
    days
}

#[test]
fn the_ladder_of_v1() {
    let v1 = |tight, flow, bar, dry| pinpoint(&showing(tight, flow, bar, dry)).v1;
    assert_eq!(v1(true, true, true, false), Some(100.0));
    assert_eq!(v1(true, true, false, false), Some(100.0));
    assert_eq!(v1(true, false, true, false), Some(80.0));
    assert_eq!(v1(false, true, true, false), Some(70.0));
    assert_eq!(v1(false, false, true, false), Some(50.0));
    assert_eq!(v1(false, true, false, false), Some(30.0));
    assert_eq!(v1(false, false, false, true), Some(10.0));
    assert_eq!(v1(false, false, false, false), Some(0.0));
}

#[test]
fn stages_by_each_rule() {
    let stages = |tight, flow, bar, dry| {
        let days = showing(tight, flow, bar, dry);
        let mut rules = *AccumulationProfile::pinpoint().rules();
        rules.stage = market_backbone_strategy::seismograph::StageRule::Ladder;
        rules.tradeable = market_backbone_strategy::seismograph::TradeableRule::LastTwoStages;
        let ladder = AccumulationProfile::new("ladder", rules).unwrap().score(&days, None);
        ((pinpoint(&days).stage, refactored(&days).stage, ladder.stage), ladder.can_trade)
    };
    use Stage::{AccumulationBar, Divergence, DryOut, TightRange};
    assert_eq!(stages(true, false, false, false), ((TightRange, TightRange, TightRange), true));
    assert_eq!(stages(false, false, true, false), ((AccumulationBar, DryOut, AccumulationBar), true));
    assert_eq!(stages(false, true, false, false), ((Divergence, Divergence, Divergence), false));
    assert_eq!(stages(false, false, false, true), ((DryOut, DryOut, DryOut), false));
    assert_eq!(stages(false, false, false, false), ((Stage::None, DryOut, Stage::None), false));
}

#[test]
fn the_tight_range_of_v3_ranks_the_present_range() {
    // Sixty true ranges: 15 of 0.5, 40 of 2, and the last five of 1: a quarter of them is below.
    let mut days = quiet_days(61);
    days[1..16].iter_mut().for_each(|day| (day.high, day.low) = (100.25, 99.75));
    days[56..].iter_mut().for_each(|day| (day.high, day.low) = (100.5, 99.5));
    near(pinpoint(&days).pinpoint.tight_range.counted(), 0.75);
    // The first day falls out of the sixty.
    days.insert(0, day(0, [100.0, 100.0, 100.0, 100.0], 1.0));
    near(pinpoint(&days).pinpoint.tight_range.counted(), 0.75);
}

/// Twenty-one days with a volume of 100 whose last ten closes rise (`U`) and fall (`D`) by one percent.
fn moving(pattern: &str) -> Vec<Candle> {
    let mut days = quiet_days(21);
    let mut close = 100.0;
    for (day, step) in days[11..].iter_mut().zip(pattern.chars()) {
        close *= if step == 'U' { 1.01 } else { 0.99 };
        (day.open, day.close, day.high, day.low) = (close, close, close * 1.01, close * 0.99);
    }
    days
}

#[test]
fn the_absorption_of_v3() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    // Seven up, three down: 400 over the median of 100; moves of 1 %.
    let part = pinpoint(&moving("UUUUUUDDUD")).pinpoint.absorption;
    near(part.measure.unwrap(), 4.0);
    near(part.counted(), 0.5 + 0.5 * sigmoid(4.0 / (0.01 / 0.02 + 0.1) - 3.0));
    let part = pinpoint(&moving("DDDDDDUUDU")).pinpoint.absorption;
    near(part.counted(), 0.5 * sigmoid(-8.0));
    // Nothing moved: neither flow nor movement.
    near(pinpoint(&quiet_days(21)).pinpoint.absorption.counted(), 0.25);
    // Four days up by more than 5 % in all.
    let mut days = moving("UUUUUUDDUD");
    days[20].close = days[16].close * 1.06;
    days[20].high = days[20].close;
    let part = pinpoint(&days).pinpoint.absorption;
    assert_eq!((part.intensity, part.reason), (Some(0.3), PartReason::PriceRose));
}

#[test]
fn the_accumulation_bars_of_v3() {
    let mut days = quiet_days(30);
    days.iter_mut().for_each(|day| day.open = 99.9);
    // All rise (+0.15), all are quiet below 3 % (+0.15), bodies are a twentieth (-0.1), the volume is the usual one.
    near(pinpoint(&days).pinpoint.accumulation_bar.counted(), 0.7);
    // All rise (+0.15), none is below 2 % (-0.05).
    near(refactored(&days).pinpoint.accumulation_bar.counted(), 0.6);
    // Twice the volume in the ten days that are searched: 200 / 150 (+0.1).
    days[14..24].iter_mut().for_each(|day| day.volume = 200.0);
    near(pinpoint(&days).pinpoint.accumulation_bar.counted(), 0.8);
    // With a float of 100 million shares the dry-out takes ten days, and the search ends before: 6 of 10 days doubled.
    let wide = AccumulationProfile::pinpoint().score(&days, Some(100e6)).pinpoint.accumulation_bar;
    near(wide.counted(), 0.8);
    days[16..20].iter_mut().for_each(|day| day.volume = 100.0);
    let wide = AccumulationProfile::pinpoint().score(&days, Some(100e6)).pinpoint.accumulation_bar;
    near(wide.counted(), 0.7);
}

#[test]
fn the_dry_out_of_v3_asks_where_the_close_lies() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let dry = 1.0 - (20.0 / 88.0) / 0.4;
    let mut days = drying();
    days[19].close = 99.8;
    // 0.8 of 2 above the low: 0.4.
    near(pinpoint(&days).pinpoint.dry_out.counted(), dry * 0.5);
    near(refactored(&days).pinpoint.dry_out.counted(), dry * 0.5);
    // One day of the twenty reached 103: 0.8 of 4 above the low.
    days[5].high = 103.0;
    near(pinpoint(&days).pinpoint.dry_out.counted(), dry * 0.5);
    near(refactored(&days).pinpoint.dry_out.counted(), dry * sigmoid(3.0 * (0.2 - 0.4) / 0.6));
}

#[test]
fn the_whole_of_v3_with_harmony() {
    let score = pinpoint(&textbook_accumulation());
    let [tight, flow, bars, dry] = score.pinpoint.named().map(|(_, part)| part.counted());
    near(tight, 1.0);
    assert!(flow > 0.999_999);
    near(bars, 0.7);
    let ratio = 1.0 / ((17.0 * 100.0 + 3.0) / 20.0);
    near(dry, (1.0 - ratio / 0.4) / (1.0 + (-3.0_f64).exp()));
    near(score.harmony, 2.0);
    near(score.redundancy, 1.0);
    near(score.v3.unwrap(), 30.0 + 35.0 * flow + 14.0 + 15.0 * dry + 2.0);
    assert!(score.is_complete() && score.can_trade);
    // The refactored version adds 15 points and stops at 100.
    let score = refactored(&textbook_accumulation());
    assert_eq!((score.harmony, score.v3), (15.0, Some(100.0)));
}

#[test]
fn a_tight_range_without_flow_counts_less() {
    let mut days = quiet_days(61);
    days[56..].iter_mut().for_each(|day| (day.high, day.low) = (100.5, 99.5));
    let score = pinpoint(&days);
    // No close differs: no flow, 0.25. All are quiet, none rises; no bodies: 0.5 + 0.15 - 0.15 - 0.1.
    near(score.pinpoint.accumulation_bar.counted(), 0.4);
    assert_eq!((score.harmony, score.redundancy), (0.0, 0.7));
    near(score.v3.unwrap(), 0.7 * (30.0 + 35.0 * 0.25 + 20.0 * 0.4));
}

#[test]
fn fewer_than_five_days_have_no_score() {
    let score = pinpoint(&quiet_days(4));
    assert_eq!((score.v1, score.v2, score.v3, score.can_trade), (None, None, None, false));
    assert_eq!(score.classic.dry_out.reason, PartReason::TooFewBars { have: 4, need: 5 });
    // From the fifth on, what can be known counts, and the rest is named.
    let score = pinpoint(&quiet_days(5));
    assert_eq!((score.v1, score.v2, score.is_complete()), (Some(0.0), Some(0.0), false));
}

#[test]
fn a_display_shows_signals_above_a_third_less_a_bit() {
    // 0.3106 is shown, and is too little for V1.
    let score = pinpoint(&narrowing());
    assert_eq!((score.shown_signals(), score.v1), ([true, false, false, false], Some(0.0)));
}

#[test]
fn weights_that_do_not_add_up_are_refused() {
    let mut rules = *AccumulationProfile::pinpoint().rules();
    rules.weights = AccumulationWeights { dry_out: 0.5, ..rules.weights };
    let error: ProfileError = AccumulationProfile::new("mine", rules).unwrap_err();
    assert_eq!(error.to_string(), "profile `mine`: sum of weights is 1.35; it must be between 1 and 1");
}

#[test]
fn the_average_range_is_seeded_as_ta_lib_does() {
    // Day 0 counts for nothing but its close; 14 ranges of 2, then one of 5: (13 * 2 + 5) / 14.
    let mut days = quiet_days(15);
    (days[0].high, days[0].low) = (150.0, 50.0);
    near(daily_atr(&days).unwrap(), 2.0);
    days.push(day(15, [100.0, 103.0, 98.0, 100.0], 100.0));
    near(daily_atr(&days).unwrap(), (13.0 * 2.0 + 5.0) / 14.0);
    assert_eq!(daily_atr(&days[..14]), None);
    days[3].high = f64::NAN;
    assert_eq!(daily_atr(&days), None);
}

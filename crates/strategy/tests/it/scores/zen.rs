//! zenV and zenP against vectors worked by hand.

use market_backbone_core::{Candle, Timestamp};
use market_backbone_strategy::seismograph::SessionPlan;
use market_backbone_strategy::zen::{
    DivergenceEdge, DivergenceWatch, PriceMeasure, TimeOfDayVolume, ZenBaseline, ZenProfile, ZenScore,
    ZenUnknown, composite_rank,
};

use super::days::{DAY, day, near, quiet_days};

/// Nineteen days. Volumes: one of 95, nine of 90, nine of 100 (mean 95, variance 9 * 50 / 19). Closes alternate between
/// 100 and 101.
fn history() -> Vec<Candle> {
    let mut days = quiet_days(19);
    for (number, day) in days.iter_mut().enumerate() {
        day.volume = if number == 0 {
            95.0
        } else if number % 2 == 0 {
            100.0
        } else {
            90.0
        };
        day.close = if number % 2 == 0 { 100.0 } else { 101.0 };
    }
    days
}

fn deviation() -> f64 {
    (18.0 * 25.0 / 19.0_f64).sqrt()
}

#[test]
fn a_day_against_the_nineteen_before() {
    let baseline = ZenBaseline::new(&history()).unwrap();
    let today = day(19, [100.0, 103.0, 99.0, 102.0], 120.0);
    let score = baseline.day(&today, PriceMeasure::Change);
    near(score.volume.unwrap(), 25.0 / deviation());
    // Nine changes of +1 % and nine of -0.990099 %: the mean lies half way, the deviation is half of the distance.
    let (up, down) = (1.0, 100.0 / 101.0);
    near(score.price.unwrap(), (2.0 - (up + down) / 2.0) / ((up - down) / 2.0));
    let (volume, price) = score.rounded().unwrap();
    assert_eq!((volume, price), (5.14, 203.0));
}

#[test]
fn the_level_is_another_profile() {
    let baseline = ZenBaseline::new(&history()).unwrap();
    let today = day(19, [100.0, 103.0, 99.0, 102.0], 120.0);
    // Ten closes of 100, nine of 101, and 102.
    let mean = (1000.0 + 909.0 + 102.0) / 20.0;
    let squares =
        10.0 * (100.0_f64 - mean).powi(2) + 9.0 * (101.0_f64 - mean).powi(2) + (102.0_f64 - mean).powi(2);
    let score = baseline.day(&today, PriceMeasure::Level);
    near(score.price.unwrap(), (102.0 - mean) / (squares / 20.0).sqrt());
    assert_ne!(ZenProfile::level().tag().hash, ZenProfile::change().tag().hash);
}

#[test]
fn the_day_so_far_grows_with_the_session() {
    let baseline = ZenBaseline::new(&history()).unwrap();
    let score = baseline.day_so_far(60.0, 102.0, 100.0, 0.25, PriceMeasure::Change);
    near(score.volume.unwrap(), (60.0 - 95.0 * 0.25) / (deviation() * 0.5));
    // At the end of the session it is the score of the day.
    let whole = baseline.day_so_far(120.0, 102.0, 100.0, 1.0, PriceMeasure::Change);
    near(whole.volume.unwrap(), 25.0 / deviation());
    let early = baseline.day_so_far(60.0, 102.0, 100.0, 0.0, PriceMeasure::Change);
    assert_eq!(early.volume, Err(ZenUnknown::NotOpen));
}

/// Defect: unknown scores were 0, as if a market were perfectly usual.
#[test]
fn what_cannot_be_scored_says_why() {
    assert_eq!(ZenBaseline::new(&history()[1..]), Err(ZenUnknown::TooFewDays { have: 18 }));
    let flat = ZenBaseline::new(&quiet_days(19)).unwrap();
    assert_eq!(
        flat.day(&day(19, [100.0; 4], 100.0), PriceMeasure::Change),
        ZenScore::unknown(ZenUnknown::Flat)
    );
    let mut bad = history();
    bad[7].volume = f64::NAN;
    assert_eq!(ZenBaseline::new(&bad), Err(ZenUnknown::BadCandle));
}

fn score(volume: f64, price: f64) -> ZenScore {
    ZenScore { volume: Ok(volume), price: Ok(price) }
}

/// Defect: an alert was sent on every tick for as long as the condition held.
#[test]
fn a_divergence_is_reported_once() {
    let profile = ZenProfile::change();
    let mut watch = DivergenceWatch::default();
    let mut update = |score: ZenScore| watch.update(&score, profile.rules());
    assert_eq!(update(score(1.99, 0.0)), None);
    assert_eq!(update(score(2.0, 0.49)), Some(DivergenceEdge::Began));
    assert_eq!(update(score(2.5, 0.1)), None);
    // Not knowing is no end.
    assert_eq!(update(ZenScore::unknown(ZenUnknown::GapOpen)), None);
    assert_eq!(update(score(2.5, 0.5)), Some(DivergenceEdge::Ended));
    assert_eq!(update(score(2.5, 0.4)), Some(DivergenceEdge::Began));
    assert_eq!(
        DivergenceWatch::default().update(&score(2.0, 0.9), ZenProfile::wide().rules()),
        Some(DivergenceEdge::Began)
    );
}

#[test]
fn the_rank_is_the_better_of_two() {
    near(composite_rank(40.0, &score(3.0, 0.5)), 40.0);
    near(composite_rank(20.0, &score(3.0, 0.5)), 25.0);
    near(composite_rank(20.0, &ZenScore::unknown(ZenUnknown::Flat)), 20.0);
}

#[test]
fn the_time_of_day_says_how_much_is_usual() {
    // Six days; each trades three quarters of its volume in its first quarter of an hour, and the rest at noon.
    let minutes = |days: i64| -> Vec<Candle> {
        (0..days)
            .flat_map(|number| {
                [(0, 75.0), (DAY / 2, 25.0)].map(|(second, volume)| (number * DAY + second, volume))
            })
            .map(|(second, volume)| Candle {
                open_time: Timestamp::from_secs(second),
                ..day(0, [100.0; 4], volume)
            })
            .collect()
    };
    let profile = TimeOfDayVolume::new(&SessionPlan::RoundTheClock, &minutes(6)).unwrap();
    near(profile.share(0.0), 0.0);
    near(profile.share(0.5 / 96.0), 0.375);
    near(profile.share(1.0 / 96.0), 0.75);
    near(profile.share(0.5), 0.75);
    near(profile.share(0.6), 1.0);
    near(profile.share(7.0), 1.0);
    assert_eq!(TimeOfDayVolume::new(&SessionPlan::RoundTheClock, &minutes(4)), None);
}

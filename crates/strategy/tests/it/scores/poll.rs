//! The ignition score of polled markets.

use market_backbone_core::Timestamp;
use market_backbone_strategy::seismograph::{PollIgnition, PollObservation, Stage};

fn seen(price: f64, change_percent: f64, volume_ratio: Option<f64>, stage: Stage) -> PollObservation {
    PollObservation { time: Timestamp::from_secs(1), price, change_percent, volume_ratio, stage }
}

#[track_caller]
fn check(change: f64, ratio: Option<f64>, stage: Stage, score: f64) {
    let got = PollIgnition::new().score(&seen(10.0, change, ratio, stage)).score;
    assert!((got - score).abs() < 1e-9, "{got} instead of {score}");
}

#[test]
fn worked_by_hand() {
    check(5.0, None, Stage::None, 70.0);
    check(-5.0, Some(3.0), Stage::None, 15.0);
    check(1.0, Some(2.0), Stage::TightRange, 14.0 + 10.0 + 20.0);
    check(2.0, Some(1.5), Stage::AccumulationBar, 28.0 + 5.0 + 10.0);
    check(0.0, Some(1.4), Stage::Divergence, 0.0);
    check(20.0, Some(9.0), Stage::TightRange, 100.0);
}

#[test]
fn only_news_is_published() {
    let mut poll = PollIgnition::new();
    let publish = |poll: &mut PollIgnition, price, change| {
        poll.observe(&seen(price, change, None, Stage::None)).map(|score| score.score)
    };
    assert_eq!(publish(&mut poll, 100.0, 1.0), Some(14.0));
    // The price did not move; it moved, and the score hardly changed; it changed.
    assert_eq!(publish(&mut poll, 100.05, 3.0), None);
    assert_eq!(publish(&mut poll, 100.2, 1.2), None);
    assert_eq!(publish(&mut poll, 101.0, 2.0), Some(28.0));
    // From 50 on every move is news.
    assert_eq!(publish(&mut poll, 103.0, 4.0), Some(56.0));
    assert_eq!(publish(&mut poll, 103.2, 4.1), Some(4.1 * 14.0));
}

/// Defect: a score did not say that it rests on a poll, or that the volume was missing.
#[test]
fn a_poll_says_what_it_is() {
    let score = PollIgnition::new().score(&seen(10.0, 1.0, None, Stage::None));
    assert_eq!((&*score.profile.name, score.volume_points), ("poll", None));
}

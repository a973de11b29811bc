//! Indicators against numbers that were worked out by hand or published.

use market_backbone_strategy::indicator::{Indicator, RefusedBar};

use super::bars::{bar, point};

fn values(spec: &str, bars: &[market_backbone_core::Candle]) -> Vec<Option<f64>> {
    let mut indicator = Indicator::new(spec.parse().unwrap());
    bars.iter().map(|bar| indicator.update(bar).unwrap().value()).collect()
}

#[track_caller]
fn check(spec: &str, closes: &[f64], expected: &[f64]) {
    let bars: Vec<_> = closes.iter().enumerate().map(|(row, close)| point(row as i64, *close)).collect();
    let found = values(spec, &bars);
    let first = found.len() - expected.len();
    assert!(found[..first].iter().all(Option::is_none), "{spec}: a value before it is warm: {found:?}");
    for (row, (found, expected)) in found[first..].iter().zip(expected).enumerate() {
        assert!(
            (found.unwrap() - expected).abs() < 1e-9,
            "{spec}, value {row}: {found:?}, expected {expected}"
        );
    }
}

#[test]
fn averages_begin_where_their_window_is_full() {
    check("sma(3)", &[1.0, 2.0, 6.0, 7.0], &[3.0, 5.0]);
    // Seeded by the mean of the first three, 2; then half of the way to each close.
    check("ema(3)", &[1.0, 2.0, 3.0, 8.0, 1.0], &[2.0, 5.0, 3.0]);
    // (1·1 + 2·2 + 3·6) / 6 and (1·2 + 2·6 + 3·7) / 6.
    check("wma(3)", &[1.0, 2.0, 6.0, 7.0], &[23.0 / 6.0, 35.0 / 6.0]);
    // Wilder: the mean of the first two, then half of it and half of the close.
    check("rma(2)", &[1.0, 3.0, 6.0], &[2.0, 4.0]);
    check("max(2)", &[1.0, 3.0, 2.0], &[3.0, 3.0]);
    check("min(2)", &[1.0, 3.0, 2.0], &[1.0, 2.0]);
    check("roc(1)", &[4.0, 5.0, 4.0], &[25.0, -20.0]);
}

#[test]
fn wilders_rsi_averages_gains_and_losses() {
    // Changes +1, +1, -1, +3. Averages over two: gain 1, loss 0; gain 0.5, loss 0.5; gain 1.75, loss 0.25.
    check("rsi(2)", &[10.0, 11.0, 12.0, 11.0, 14.0], &[100.0, 50.0, 87.5]);
}

#[test]
fn the_rsi_of_the_textbook() {
    // The worked example of StockCharts' ChartSchool, to the two places that it prints.
    let closes = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
        46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521,
        45.7137,
    ];
    let published = [70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06];
    let bars: Vec<_> = closes.iter().enumerate().map(|(row, close)| point(row as i64, *close)).collect();
    let found: Vec<f64> = values("rsi(14)", &bars).into_iter().flatten().collect();
    assert_eq!(found.len(), published.len());
    for (found, published) in found.iter().zip(published) {
        assert!((found - published).abs() < 0.01, "{found} is not {published}");
    }
}

#[test]
fn the_range_of_the_first_bar_is_not_part_of_an_atr() {
    // True ranges from bar 1 on: 2 (9 to 11), 4 (from 10 up to 14), 3 (from 14 down to 11).
    let bars = [
        bar(0, [5.0, 20.0, 1.0, 10.0], 1.0),
        bar(1, [10.0, 11.0, 9.0, 10.0], 1.0),
        bar(2, [12.0, 14.0, 12.0, 14.0], 1.0),
        bar(3, [13.0, 13.0, 11.0, 12.0], 1.0),
    ];
    assert_eq!(values("atr(2)", &bars), [None, None, Some(3.0), Some(3.0)]);
    assert_eq!(values("trange", &bars), [None, Some(2.0), Some(4.0), Some(3.0)]);
}

#[test]
fn bands_and_scores_use_the_deviation_of_the_population() {
    // Mean 5, variance ((3² + 1² + 1² + 3²) / 4) = 5.
    let closes = [2.0, 4.0, 6.0, 8.0];
    check("bbands(4, 2).upper", &closes, &[5.0 + 2.0 * 5.0_f64.sqrt()]);
    check("bbands(4, 2).middle", &closes, &[5.0]);
    check("zscore(4)", &closes, &[3.0 / 5.0_f64.sqrt()]);
    check("stddev(4)", &closes, &[5.0_f64.sqrt()]);
}

#[test]
fn volume_is_added_up_and_weighed() {
    let bars = [
        bar(0, [10.0, 10.0, 10.0, 10.0], 1.0),
        bar(1, [11.0, 11.0, 11.0, 11.0], 3.0),
        bar(2, [10.5, 10.5, 10.5, 10.5], 2.0),
    ];
    assert_eq!(values("obv", &bars), [Some(1.0), Some(4.0), Some(2.0)]);
    assert_eq!(values("sma(volume, 2)", &bars), [None, Some(2.0), Some(2.5)]);
    // The day of the epoch begins with the first bar: (10 + 33 + 21) / 6 at the end.
    assert_eq!(values("vwap", &bars), [Some(10.0), Some(43.0 / 4.0), Some(64.0 / 6.0)]);
}

#[test]
fn a_session_vwap_begins_with_the_day_and_only_with_a_whole_one() {
    let day = 24 * 60;
    let bars = [point(day - 2, 7.0), point(day - 1, 8.0), point(day + 3, 9.0), point(day + 4, 11.0)];
    // Where the day began before the first bar, there is no value; the next day is whole, though its first slots are empty.
    assert_eq!(values("vwap", &bars), [None, None, Some(9.0), Some(10.0)]);
    let mut vwap = Indicator::new("vwap".parse().unwrap());
    vwap.update(&bars[0]).unwrap();
    vwap.unknown_slot();
    assert_eq!(vwap.update(&bars[2]).unwrap().value(), None);
}

#[test]
fn prices_that_stand_still_are_a_convention_and_flagged() {
    let flat: Vec<_> = (0..40).map(|minute| point(minute, 5.0)).collect();
    for (spec, convention) in
        [("rsi(14)", 50.0), ("stoch(5)", 0.0), ("willr", 0.0), ("zscore(20)", 0.0), ("adx(5)", 0.0)]
    {
        let mut indicator = Indicator::new(spec.parse().unwrap());
        let last = flat.iter().map(|bar| indicator.update(bar).unwrap()).last().unwrap();
        assert_eq!((last.value(), last.is_flat()), (Some(convention), true), "{spec}");
        let moved = indicator.update(&bar(40, [5.0, 6.0, 5.0, 6.0], 1.0)).unwrap();
        assert!(!moved.is_flat(), "{spec} after a movement");
    }
    // A moving average of a flat series is what it is: nothing to flag.
    let mut average = Indicator::new("sma(5)".parse().unwrap());
    assert!(flat.iter().all(|bar| !average.update(bar).unwrap().is_flat()));
    // An RSI of 50 that comes from movement is a real one.
    let mut rsi = Indicator::new("rsi(2)".parse().unwrap());
    let real = [1.0, 2.0, 1.0]
        .iter()
        .zip(0..)
        .map(|(price, at)| rsi.update(&point(at, *price)).unwrap())
        .last()
        .unwrap();
    assert_eq!((real.value(), real.is_flat()), (Some(50.0), false));
}

#[test]
fn a_bar_that_cannot_be_used_is_refused_and_changes_nothing() {
    for spec in ["rsi(3)", "vwap", "zscore(3)", "atr(3)"] {
        let mut fed = Indicator::new(spec.parse().unwrap());
        let mut spared = fed.clone();
        for minute in 0..8 {
            let good = point(minute, 3.0 + (minute % 3) as f64);
            let bad = bar(minute, [f64::NAN; 4], 1.0);
            assert_eq!(fed.update(&bad), Err(RefusedBar::NotFinite(bad.open_time)), "{spec}");
            assert!(fed.update(&bar(minute, [f64::INFINITY; 4], 1.0)).is_err(), "{spec}");
            assert_eq!(fed.update(&good).unwrap(), spared.update(&good).unwrap(), "{spec}");
            assert!(matches!(fed.update(&good), Err(RefusedBar::NotNewer { .. })), "{spec}");
        }
    }
    let mut rsi = Indicator::new("rsi".parse().unwrap());
    let forming = market_backbone_core::Candle { is_final: false, ..point(0, 1.0) };
    assert_eq!(rsi.update(&forming), Err(RefusedBar::Forming(forming.open_time)));
    assert!(rsi.peek(&forming).is_ok());
}

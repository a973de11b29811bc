//! What scores promise whatever the market does: bounds, order, repetition, and no allocation.

use market_backbone_core::{Candle, FeedEvent, Side, Symbol, Timestamp, Trade, TradeId};
use market_backbone_strategy::seismograph::{
    AccumulationProfile, IgnitionProfile, MinuteBars, Seismograph, SeismographProfile, SessionPlan,
    TickWindow,
};
use market_backbone_testkit::UPBIT;
use proptest::prelude::*;

use super::days::{day, quiet_days};

/// A trade of a made-up market: milliseconds after the one before, price, size, side.
type Step = (i64, f64, f64, Option<bool>);

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0_i64..4_000, 50.0..200.0, 0.0..1e6, any::<Option<bool>>()), 1..most)
}

fn side(bought: Option<bool>) -> Option<Side> {
    bought.map(|bought| if bought { Side::Buy } else { Side::Sell })
}

fn random_days() -> impl Strategy<Value = Vec<Candle>> {
    let one = (0.5_f64..200.0, 0.0_f64..0.2, 0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1e9);
    prop::collection::vec(one, 0..70).prop_map(|days| {
        let candles = days.into_iter().enumerate().map(|(number, (low, width, open, close, volume))| {
            let high = low * (1.0 + width);
            let inside = |share: f64| (low + (high - low) * share).clamp(low, high);
            day(number, [inside(open), high, low, inside(close)], volume)
        });
        candles.collect()
    })
}

/// The trades of `market`, in order of time.
fn events(market: &str, steps: &[Step]) -> Vec<FeedEvent> {
    let symbol = Symbol::new(UPBIT, market).unwrap();
    let mut millis = 0;
    let event = |(number, (wait, price, size, bought)): (usize, &Step)| {
        millis += wait;
        let time = Timestamp::from_millis(millis);
        let (id, side) = (TradeId::Number(number as i64), side(*bought));
        FeedEvent::Trade(Trade {
            symbol: symbol.clone(),
            id,
            price: *price,
            size: *size,
            side,
            time,
            received: time,
        })
    };
    steps.iter().enumerate().map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn accumulation_lies_in_its_bounds(days in random_days(), float in prop::option::of(0.0..1e12)) {
        for profile in [AccumulationProfile::pinpoint(), AccumulationProfile::refactored()] {
            let score = profile.score(&days, float);
            for points in [score.v1, score.v2, score.v3].into_iter().flatten() {
                prop_assert!((0.0..=100.0).contains(&points), "{points}");
            }
            prop_assert_eq!(score.v3.is_some(), days.len() >= 5);
            for (name, part) in score.pinpoint.named().into_iter().chain(score.classic.named()) {
                prop_assert!(part.intensity.is_none_or(|part| (0.0..=1.0).contains(&part)), "{} {:?}", name, part);
            }
        }
    }

    #[test]
    fn the_unit_of_volume_does_not_matter(days in random_days()) {
        let profile = AccumulationProfile::pinpoint();
        // A power of two scales exactly.
        let scaled: Vec<Candle> = days.iter().map(|day| Candle { volume: day.volume * 1_024.0, ..*day }).collect();
        prop_assert_eq!(profile.score(&days, None), profile.score(&scaled, None));
    }

    #[test]
    fn ignition_lies_in_its_bounds_and_repeats_bit_for_bit(steps in steps(300)) {
        let run = || {
            let mut seismograph = Seismograph::new(SeismographProfile::default(), SessionPlan::RoundTheClock);
            events("KRW-BTC", &steps).iter().map(|event| {
                let reading = seismograph.on_event(event).unwrap();
                (reading.ignition.score.to_bits(), reading.rank.to_bits(), reading.vwap.map(f64::to_bits))
            }).collect::<Vec<_>>()
        };
        let scores = run();
        prop_assert!(scores.iter().all(|(score, ..)| (0.0..=100.0).contains(&f64::from_bits(*score))));
        prop_assert_eq!(scores, run());
    }

    #[test]
    fn a_window_counts_what_a_list_counts(steps in steps(300)) {
        let mut window = TickWindow::new();
        let (mut millis, mut list) = (0_i64, Vec::new());
        for (wait, _, size, bought) in &steps {
            millis += wait;
            window.add(Timestamp::from_millis(millis), *size, side(*bought));
            list.push((millis / 100, *size, *bought));
            let newest = millis / 100;
            let within = |buckets: i64| list.iter().filter(move |(at, ..)| newest - at < buckets);
            prop_assert_eq!(window.ticks(), within(600).count() as u64);
            prop_assert_eq!(window.recent_ticks(), within(100).count() as u64);
            let bought: f64 = within(600).filter(|(.., bought)| *bought == Some(true)).map(|(_, size, _)| size).sum();
            prop_assert!((window.bought() - bought).abs() <= 1e-6 * bought.max(1.0));
        }
    }

    #[test]
    fn the_order_within_a_window_does_not_matter(steps in steps(100), seed in any::<u64>()) {
        let trades: Vec<_> = steps.iter().map(|(wait, _, size, bought)| (wait * 14, *size, side(*bought))).collect();
        let mut shuffled = trades.clone();
        let mut random = seed;
        for at in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (random >> 33) as usize % (at + 1));
        }
        let figures = |trades: &[(i64, f64, Option<Side>)]| {
            let mut window = TickWindow::new();
            window.watch_from(Timestamp::EPOCH);
            trades.iter().for_each(|(millis, size, side)| window.add(Timestamp::from_millis(*millis), *size, *side));
            window.advance(Timestamp::from_millis(59_999));
            let score = IgnitionProfile::ramps().score(&window, &MinuteBars::new(30), 1.0).score;
            (window.ticks(), window.recent_ticks(), window.bought().to_bits(), window.sold().to_bits(), score.to_bits())
        };
        prop_assert_eq!(figures(&trades), figures(&shuffled));
    }

    #[test]
    fn more_trades_a_higher_price_and_more_volume_never_lower_a_score(
        more in 0_u64..200, price in 90.0..110.0, higher in 0.0..10.0, volume in 0.0..5_000.0, added in 0.0..5_000.0,
    ) {
        for profile in [IgnitionProfile::ramps(), IgnitionProfile::steps(), IgnitionProfile::legacy()] {
            let score = |extra: u64, price: f64, volume: f64| {
                let mut window = TickWindow::new();
                window.watch_from(Timestamp::EPOCH);
                for second in 0..100 {
                    window.add(Timestamp::from_secs(second), 1.0, Some(Side::Buy));
                }
                (0..extra).for_each(|_| window.add(Timestamp::from_secs(99), 1.0, Some(Side::Buy)));
                let mut minutes = MinuteBars::new(30);
                (0..6).for_each(|minute| minutes.trade(Timestamp::from_secs(minute * 60), 100.0, 100.0));
                minutes.trade(Timestamp::from_secs(360), 100.0, volume);
                profile.score(&window, &minutes, price).score
            };
            let base = score(0, price, volume);
            prop_assert!(score(more, price, volume) >= base);
            prop_assert!(score(0, price + higher, volume) >= base);
            prop_assert!(score(0, price, volume + added) >= base);
        }
    }
}

/// Promise of the issue: no allocation for a trade, once a market is known.
#[test]
fn a_trade_allocates_nothing() {
    let mut seismograph = Seismograph::new(SeismographProfile::default(), SessionPlan::RoundTheClock);
    let markets: Vec<String> = (0..20).map(|number| format!("KRW-M{number}")).collect();
    let steps: Vec<Step> = (0..3_000)
        .map(|number| {
            (
                37 * number % 1_000,
                100.0 + (number % 17) as f64,
                1.0,
                (number % 3 > 0).then_some(number % 2 == 0),
            )
        })
        .collect();
    let feeds: Vec<Vec<FeedEvent>> = markets.iter().map(|market| events(market, &steps)).collect();
    for market in &markets {
        seismograph.load_days(&Symbol::new(UPBIT, market).unwrap(), &quiet_days(61), None);
    }
    let mut run = |range: std::ops::Range<usize>| {
        let mut readings = 0;
        for at in range {
            for feed in &feeds {
                readings += usize::from(seismograph.on_event(&feed[at]).is_some());
            }
        }
        readings
    };
    run(0..1_000);
    let mut readings = 0;
    let count = allocation_counter::measure(|| readings = run(1_000..3_000));
    assert_eq!((readings, count.count_total), (40_000, 0));
}

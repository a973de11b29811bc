//! What is said before a fetch is what happens then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone::{Clock, Priority, Progress, SystemClock, Timeframe, Timestamp};
use market_backbone_emulator::MarketSpec;
use market_backbone_emulator::{Faults, MarketActivity, MarketSet, Scenario};
use market_backbone_tests::{FROZEN_AT, House};
use tokio::time::Instant;

/// Markets that trade in every minute, behind a wire of 40 ms.
fn busy(codes: &[&str]) -> Scenario {
    paced(codes, MarketActivity::Busy)
}

fn paced(codes: &[&str], pace: MarketActivity) -> Scenario {
    let spec = |code: &&str| MarketSpec {
        code: (*code).to_owned(),
        korean_name: (*code).to_owned(),
        english_name: (*code).to_owned(),
        price: 50_000.0,
        activity: pace,
    };
    let faults = Faults { latency_ms: 40, ..Faults::default() };
    Scenario { markets: MarketSet::Own(codes.iter().map(spec).collect()), faults, ..Scenario::default() }
}

/// A minute that is over and settled.
fn end() -> Timestamp {
    let now = SystemClock.now().as_secs();
    Timestamp::from_secs(now - now.rem_euclid(60) - 60)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_costs_nothing_and_the_fetch_costs_and_takes_what_it_said() {
    // The number of requests holds every time. How long it takes is also up to what else this machine does, so
    // one undisturbed fetch of five is enough.
    let count = if crate::is_full() { 20_000 } else { 4_000 };
    let pages = count as u64 / 200;
    let codes = ["KRW-A", "KRW-B", "KRW-C", "KRW-D", "KRW-E"];
    let house = House::on(busy(&codes)).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let mut off = Vec::new();
    for code in codes {
        let ask = || client.candles(code, Timeframe::M1).last(count).before(end());
        let before = house.asked("candles");
        let plan = ask().plan().await.unwrap();
        assert_eq!(house.asked("candles"), before, "nothing is asked for a plan");
        assert_eq!((plan.known_slots, plan.unknown_slots, plan.pages), (0, count as u64, pages));
        assert_eq!(plan.requests.len(), 1);
        assert_eq!((plan.requests[0].0.to_string(), plan.requests[0].1), ("candles".to_owned(), pages));
        let started = Instant::now();
        assert_eq!(ask().await.unwrap().candles.len(), count);
        let took = started.elapsed().as_secs_f64();
        assert_eq!(house.asked("candles") - before, pages);
        println!("{count} candles: said {:?}, took {took:.3} s", plan.eta);
        off.push((took - plan.eta.as_secs_f64()).abs() / took);
        assert!(plan.eta > Duration::from_millis(1_000));
        if off.last().is_some_and(|off| *off <= 0.05) {
            break;
        }
    }
    assert!(off.iter().any(|off| *off <= 0.05), "{off:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_taken_off() {
    let house = House::on(busy(&["KRW-A"])).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let end = end();
    let last = |count| client.candles("KRW-A", Timeframe::M1).last(count).before(end);
    last(600).await.unwrap();
    let plan = last(1_000).plan().await.unwrap();
    assert_eq!((plan.known_slots, plan.unknown_slots, plan.pages, plan.exact), (600, 400, 2, true));
    assert!((plan.known_share() - 0.6).abs() < 1e-9);
    assert_eq!((plan.at_least, plan.at_most), (2, 2));

    let range = |from: u64, to: u64| {
        let minutes = |count: u64| end.minus(Duration::from_secs(60 * count));
        client.candles("KRW-A", Timeframe::M1).range(minutes(from)..minutes(to))
    };
    let hole = range(1_000, 500).plan().await.unwrap();
    assert_eq!((hole.known_slots, hole.unknown_slots, hole.pages, hole.exact), (100, 400, 2, true));
    let nothing = range(500, 100).plan().await.unwrap();
    assert_eq!((nothing.unknown_slots, nothing.pages, nothing.eta), (0, 0, Duration::ZERO));
    assert!(nothing.requests.is_empty());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_goes_on_begins_where_it_was() {
    let house = House::on(busy(&["KRW-A"])).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let end = end();
    let minutes = |count: u64| end.minus(Duration::from_secs(60 * count));
    client.candles("KRW-A", Timeframe::M1).range(minutes(600)..end).await.unwrap();
    let told = Arc::new(Mutex::new(Vec::<Progress>::new()));
    for ranged in [true, false] {
        let heard = Arc::clone(&told);
        let ask = client.candles("KRW-A", Timeframe::M1);
        let ask = if ranged {
            ask.range(minutes(1_000)..end).any_window()
        } else {
            ask.last(1_200).before(end).any_window()
        };
        ask.on_progress(move |progress| heard.lock().unwrap().push(progress)).await.unwrap();
        let told = std::mem::take(&mut *told.lock().unwrap());
        let (first, last) = (told[0], told[told.len() - 1]);
        let (known, total) = if ranged { (600, 1_000) } else { (1_000, 1_200) };
        assert_eq!((first.done, first.total, first.requests), (known, total, 0));
        assert_eq!((last.done, last.total), (total, total));
        assert!(told.is_sorted_by_key(|progress| progress.done), "it never goes back");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_planned_as_the_worst_case_and_said_so() {
    let scenario = Scenario { faults: Faults::default(), ..busy(&["KRW-A"]) };
    let house = House::on(scenario).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let from = end().minus(Duration::from_secs(60 * 2_000));
    let plan = client.candles("KRW-A", Timeframe::M1).range(from..end()).plan().await.unwrap();
    assert_eq!((plan.at_least, plan.pages, plan.at_most, plan.exact), (1, 10, 11, false));
    assert!(!plan.round_trip_measured);
    assert_eq!(house.venue.report().asked(), 0);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn up_to_now_the_candle_in_progress_is_one_request_more_at_most() {
    let house = House::on(busy(&["KRW-A", "KRW-B"])).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    for ranged in [true, false] {
        let ask = || {
            let ask = client.candles(if ranged { "KRW-A" } else { "KRW-B" }, Timeframe::M1);
            let from = end().minus(Duration::from_secs(60 * 1_500));
            if ranged {
                ask.range(from..SystemClock.now().plus(Duration::from_secs(90))).any_window()
            } else {
                ask.last(1_500).any_window()
            }
        };
        let before = (house.asked("candles"), end());
        let plan = ask().plan().await.unwrap();
        let set = ask().await.unwrap();
        assert!(set.candles.last().is_some_and(|newest| !newest.is_final));
        let asked = house.asked("candles") - before.0;
        // A minute that ends meanwhile is a page of its own.
        let at_most = plan.pages + 1 + u64::from(end() != before.1);
        assert!(plan.at_most > plan.pages, "{plan:?}");
        assert!(plan.pages <= asked && asked <= at_most, "{asked} asked, {plan:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thin_market_is_planned_by_what_is_known_of_it() {
    let scenario = Scenario { faults: Faults::default(), ..paced(&["KRW-A"], MarketActivity::Thin) };
    // Ten days tell how often it trades, give or take: by another clock the plan is off by one page more.
    let house = House::begun_at(FROZEN_AT, scenario).await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let end = Timestamp::from_millis(FROZEN_AT - 90_000);
    let days = |from: u64, to: u64| {
        let day = |count: u64| end.minus(Duration::from_secs(86_400 * count));
        client.candles("KRW-A", Timeframe::M1).range(day(from)..day(to))
    };
    let blind = days(60, 10).plan().await.unwrap();
    assert_eq!((blind.pages, blind.exact), (360, false), "as if every minute had a candle");
    days(10, 0).await.unwrap();
    let plan = days(60, 10).plan().await.unwrap();
    let before = house.asked("candles");
    days(60, 10).await.unwrap();
    let asked = house.asked("candles") - before;
    assert!(plan.pages.abs_diff(asked) <= 2 && !plan.exact, "{asked} asked, {plan:?}");
    assert!(plan.at_least <= asked && asked <= plan.at_most);
    house.close().await;
}

//! The plan of a query compared with the requests of the fetch.

use market_backbone_core::{CandleQuery, Selection, Timestamp};

use crate::venue::{House, Model, last, range, thin, this_minute};

const HISTORY: i64 = 60_000;

fn house(percent: u64, seed: u64) -> House {
    let now = this_minute();
    House::new(Model::new(thin(now - HISTORY..=now, percent, seed)))
}

/// Returns ranges and counts, closed and up to now, from less than a page to very many.
fn questions() -> Vec<CandleQuery> {
    let now = this_minute();
    let ranges = [(100, 10), (200, 0), (900, 100), (5_000, 1), (30_000, 2_000)];
    let ranges = ranges.map(|(from, to)| range(now - from, now - to));
    let counts = [1, 200, 201, 1_000, 2_000].map(last);
    let open = ranges.iter().chain(&counts).cloned();
    let closed = ranges.iter().chain(&counts).map(|query| query.clone().closed());
    open.chain(closed).collect()
}

#[tokio::test(start_paused = true)]
async fn the_fetch_keeps_within_what_was_said() {
    for percent in [100, 99, 97, 60, 20, 4, 1] {
        for seed in 0..2 {
            for query in questions() {
                let house = house(percent, seed);
                let blind = house.coordinator.plan(&query, None);
                let informed = house.coordinator.plan(&query, Some(percent as f64 / 100.0));
                assert_eq!((house.requests(), house.formed()), (0, 0), "a plan asks nothing");
                let set = house.ask(query.clone()).await.unwrap();
                let asked = house.requests() as u64;
                for plan in [blind, informed] {
                    let said = format!("{percent} % {query:?}: {asked} asked, {plan:?}");
                    assert!(plan.at_least <= asked && asked <= plan.at_most, "{said}");
                    assert!(!plan.exact || asked == plan.pages, "{said}");
                    assert_eq!(usize::from(plan.forming_apart), house.formed(), "{said}");
                }
                // The beginning of a market is not known in advance.
                let ended =
                    matches!(query.selection(), Selection::Last { count, .. } if set.candles.len() < count);
                let off = informed.pages.abs_diff(asked);
                assert!(ended || off <= 2 + asked / 5, "{percent} % {query:?}: {asked} asked, {informed:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_coordinator_saw_itself_comes_before_what_it_is_told() {
    let house = house(100, 1);
    house.ask(last(1_000).closed()).await.unwrap();
    let before = Timestamp::from_secs((this_minute() - 1_000) * 60);
    let query = last(4_000).before(before);
    let plan = house.coordinator.plan(&query, Some(0.01));
    assert_eq!((plan.pages, plan.exact, plan.sequential_round_trips), (20, true, 0));
    let asked = house.requests();
    house.ask(query).await.unwrap();
    assert_eq!(house.requests() - asked, 20);
}

#[tokio::test(start_paused = true)]
async fn nothing_costs_nothing() {
    let house = house(100, 1);
    let now = this_minute();
    let future = house.coordinator.plan(&range(now + 10, now + 20), None);
    assert_eq!((future.pages, future.exact, future.forming_apart), (0, true, false));
}

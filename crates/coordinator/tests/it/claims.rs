//! Claims passed on by a store: a claim that is repeated costs one request, proven or not.

use std::time::Duration;

use market_backbone_core::{AbsenceClaim, MAX_ROW_DELAY, PriorClaims, Slot, TimeRange, Timestamp};

use crate::venue::{Fault, House, Model, minute, range, this_minute};

/// The age in minutes of the market's newest row; the query reaches to the last closed minute.
const QUIET: i64 = 30;

fn quiet(minutes: i64) -> House {
    House::new(Model::new((this_minute() - 1_000..this_minute() - minutes).step_by(2)))
}

/// Queries a market that is quiet for `minutes`, given a claim that was requested this long ago. Returns the
/// first and the last of these slots, and the number of requests.
async fn asked(minutes: i64, ago: Duration) -> (Slot, Slot, usize) {
    let house = quiet(minutes);
    let (from, to) = (this_minute() - minutes, this_minute());
    let stretch = TimeRange::new(minute(from), minute(to)).unwrap();
    let claims = vec![AbsenceClaim::of(stretch, minute(to).minus(ago))];
    let query = range(from, to).closed().prior_claims(PriorClaims { claims, has_rows: true });
    let set = house.ask(query).await.unwrap();
    (set.slot(minute(from)), set.slot(minute(to - 1)), house.requests())
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_some_age_is_proven_by_one_answer_that_says_it_again() {
    for minutes in [4, QUIET] {
        assert_eq!(asked(minutes, MAX_ROW_DELAY).await, (Slot::Empty, Slot::Empty, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_young_claim_is_not_proven_and_not_looked_at_twice() {
    assert_eq!(asked(4, Duration::from_secs(60)).await, (Slot::Unknown, Slot::Unknown, 1));
    let old = asked(QUIET, Duration::from_secs(60)).await;
    assert_eq!(old, (Slot::Empty, Slot::Unknown, 2), "what was old when it was claimed is proven now");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_claimed_is_looked_at_twice() {
    let house = quiet(QUIET);
    let set = house.ask(range(this_minute() - QUIET, this_minute()).closed()).await.unwrap();
    let [old, young] = [10, 1].map(|back| set.slot(minute(this_minute() - back)));
    assert_eq!((old, young, house.requests()), (Slot::Empty, Slot::Unknown, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_row_says_nothing_again_where_rows_are_known() {
    let to = this_minute() - QUIET;
    let stretch = TimeRange::new(minute(to - 10), minute(to)).unwrap();
    let old = AbsenceClaim::of(stretch, minute(to));
    let ask =
        |has_rows| range(to - 10, to).closed().prior_claims(PriorClaims { claims: vec![old], has_rows });
    // The first answer lacks all rows; the claim was made when they were late.
    let empty_once =
        || Model::new(this_minute() - 1_000..to).failing(|number, _| (number == 0).then_some(Fault::Empty));
    let house = House::new(empty_once());
    let set = house.ask(ask(true)).await.unwrap();
    assert_eq!((set.candles.len(), house.requests()), (10, 2));
    // Where no row is known there is no reason to doubt the answer.
    let house = House::new(Model::new([]));
    let set = house.ask(ask(false)).await.unwrap();
    assert_eq!((set.slot(minute(to - 1)), house.requests()), (Slot::Empty, 1));
}

#[tokio::test(start_paused = true)]
async fn that_a_market_was_not_listed_is_not_believed_for_an_old_claim_and_an_empty_answer() {
    let house = House::new(Model::new([]));
    let ever = TimeRange::new(Timestamp::MIN, minute(this_minute() - 60)).unwrap();
    let hearsay =
        PriorClaims { claims: vec![AbsenceClaim::of(ever, minute(this_minute() - 60))], has_rows: false };
    house.ask(range(this_minute() - 90, this_minute() - 60).closed().prior_claims(hearsay)).await.unwrap();
    assert_eq!(house.requests(), 2);
}

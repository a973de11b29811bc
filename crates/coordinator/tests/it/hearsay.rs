//! What the ledger hands down: a claim that is said again costs one request, proven or not.

use std::time::Duration;

use market_backbone_core::{Claim, Hearsay, LATE_ROWS, Slot, TimeRange, Timestamp};

use crate::venue::{Fault, House, Model, minute, range, this_minute};

/// A market whose newest row is this many minutes old; what is asked reaches to the last closed minute.
const QUIET: i64 = 30;

fn quiet() -> Model {
    Model::new(this_minute() - 1_000..this_minute() - QUIET)
}

/// What an answer left out that was asked for so long ago.
fn claimed(ago: Duration, has_rows: bool) -> Hearsay {
    let stretch = TimeRange::new(minute(this_minute() - QUIET), minute(this_minute())).unwrap();
    Hearsay { claims: vec![Claim::of(stretch, minute(this_minute()).minus(ago))], has_rows }
}

async fn asked(house: &House, hearsay: Hearsay) -> (Slot, usize) {
    let query = range(this_minute() - QUIET, this_minute()).closed().hearsay(hearsay);
    let set = house.ask(query).await.unwrap();
    (set.slot(minute(this_minute() - 1)), house.requests())
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_some_age_is_proven_by_one_answer_that_says_it_again() {
    let told = asked(&House::new(quiet()), claimed(LATE_ROWS, true)).await;
    assert_eq!(told, (Slot::Empty, 1));
}

#[tokio::test(start_paused = true)]
async fn a_young_claim_is_not_proven_and_not_looked_at_twice() {
    let told = asked(&House::new(quiet()), claimed(Duration::from_secs(60), true)).await;
    assert_eq!(told, (Slot::Unknown, 1));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_claimed_is_looked_at_twice() {
    let told = asked(&House::new(quiet()), Hearsay::default()).await;
    assert_eq!(told, (Slot::Unknown, 2), "the last minute is too young to be believed");
    let house = House::new(quiet());
    let set = house.ask(range(this_minute() - QUIET, this_minute() - 10).closed()).await.unwrap();
    assert_eq!((set.slot(minute(this_minute() - 11)), house.requests()), (Slot::Empty, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_row_says_nothing_again_where_rows_are_known() {
    let to = this_minute() - QUIET;
    let stretch = TimeRange::new(minute(to - 10), minute(to)).unwrap();
    let old = Claim::of(stretch, minute(to));
    let ask = |has_rows| range(to - 10, to).closed().hearsay(Hearsay { claims: vec![old], has_rows });
    // The first answer lacks all rows; the claim was made when they were late.
    let empty_once =
        || Model::new(this_minute() - 1_000..to).failing(|number, _| (number == 0).then_some(Fault::Empty));
    let house = House::new(empty_once());
    let set = house.ask(ask(true)).await.unwrap();
    assert_eq!((set.candles.len(), house.requests()), (10, 2));
    // Where none is known there is nothing to doubt it by.
    let house = House::new(Model::new([]));
    let set = house.ask(ask(false)).await.unwrap();
    assert_eq!((set.slot(minute(to - 1)), house.requests()), (Slot::Empty, 1));
}

#[tokio::test(start_paused = true)]
async fn that_a_market_was_not_listed_is_not_believed_for_an_old_claim_and_an_empty_answer() {
    let house = House::new(Model::new([]));
    let ever = TimeRange::new(Timestamp::MIN, minute(this_minute() - 60)).unwrap();
    let hearsay = Hearsay { claims: vec![Claim::of(ever, minute(this_minute() - 60))], has_rows: false };
    house.ask(range(this_minute() - 90, this_minute() - 60).closed().hearsay(hearsay)).await.unwrap();
    assert_eq!(house.requests(), 2);
}

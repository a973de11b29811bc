//! What is known of longer candles: what an answer would be made of without a request.

use market_backbone_core::{
    Candle, CandleQuery, CandleSource, Coverage, DerivationPolicy, Grid, Origin, TimeRange,
};
use proptest::prelude::*;

use crate::derived::{FIVE, House, NOW, five, stretches};
use crate::material::{candle, minute, minute_of, minutes, proof};

async fn known(house: &House) -> Coverage {
    house.source.known(&CandleQuery::last(five(), 1).unwrap(), None).await.unwrap()
}

/// A range on the grid of five minutes.
fn slots(ago: i64, count: i64) -> TimeRange {
    let from = minute_of(Grid::Utc.floor(FIVE, minute(NOW - ago)));
    minutes(from, from + 5 * count)
}

async fn store_own(house: &House, range: TimeRange) {
    let (from, to) = (minute_of(range.from()), minute_of(range.to()));
    let own: Vec<Candle> = (from..to).step_by(5).map(candle).collect();
    house.store.commit(&five(), &own, &proof(from, to)).await.unwrap();
}

#[tokio::test]
async fn stored_spans_keep_their_origin_and_computed_ones_are_marked() {
    let house = House::knowing(&[slots(100, 10)], 100, DerivationPolicy::Intraday).await;
    store_own(&house, slots(60, 5)).await;
    let known = known(&house).await;
    assert_eq!(known.ranges(), [TimeRange::new(slots(100, 1).from(), slots(60, 5).to()).unwrap()]);
    let origin = |ago| known.provenance_at(slots(ago, 1).from()).map(|proof| proof.origin);
    assert_eq!((origin(100), origin(60), origin(20)), (Some(Origin::Derived), Some(Origin::Rest), None));
}

#[tokio::test]
async fn nothing_is_derivable_where_nothing_may_be_derived() {
    let house = House::knowing(&[slots(100, 10)], 100, DerivationPolicy::Never).await;
    assert!(known(&house).await.is_empty());
}

proptest! {
    #[test]
    fn a_range_costs_no_request_exactly_if_it_is_known(
        minutes in stretches(),
        own in prop::option::of((10_i64..3_000, 1_i64..200)),
        (ago, count) in (10_i64..3_000, 1_i64..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::knowing(&minutes, 60, DerivationPolicy::Intraday).await;
            if let Some((ago, count)) = own {
                store_own(&house, slots(ago, count.min(ago / 5))).await;
            }
            let asked = slots(ago, count.min(ago / 5));
            let is_known = known(&house).await.covers(asked);
            let set = house.source.candles(CandleQuery::within(five(), asked)).await.unwrap();
            prop_assert_eq!(house.pages() == 0, is_known);
            prop_assert!(set.coverage.covers(asked));
            Ok(())
        })?;
    }
}

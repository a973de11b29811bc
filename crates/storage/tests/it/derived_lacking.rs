//! Candles of a timeframe that the venue lacks: what its shorter ones add up to, and no more known than those are.

use std::collections::BTreeMap;
use std::sync::Arc;

use market_backbone_core::{
    Candle, CandleQuery, CandleSource, CandleStore, Capabilities, DerivationPolicy, Grid, ManualClock,
    Origin, Series, Slot, SourceErrorKind, TimeRange, Timeframe, Timestamp,
};
use market_backbone_storage::{DerivedSource, MemoryStore, StoredSource};
use market_backbone_testkit::{OBSERVED_AT, ScriptedCandles, has_trade};
use proptest::prelude::*;

use crate::derived::CAPABILITIES;
use crate::material::{candle, minute, minute_of, minutes, series};

/// Not on the grid of a quarter of an hour: ten minutes of the running one are over.
const NOW: i64 = 28_000_000;
const FIVE: Timeframe = Timeframe::M5;
const QUARTER: Timeframe = Timeframe::M15;

/// A venue with candles of one and five minutes and of a day.
const LACKING: Capabilities =
    Capabilities { timeframes: &[Timeframe::M1, FIVE, Timeframe::D1], ..CAPABILITIES };

/// A venue of five-minute candles, of which some slots have none, and some are not told of.
#[derive(Clone, Copy)]
struct FiveMinutes {
    density: u64,
    /// Minutes of slots of which the answers prove nothing.
    untold: Option<(i64, i64)>,
}

impl FiveMinutes {
    /// The candle that opens at this minute, if there was a trade.
    fn truth(self, number: i64) -> Option<Candle> {
        has_trade(number, self.density).then(|| candle(number))
    }

    fn within(self, range: TimeRange) -> Vec<Candle> {
        let open = |moment| minute_of(Grid::Utc.ceil(FIVE, moment));
        (open(range.from())..open(range.to())).step_by(5).filter_map(|number| self.truth(number)).collect()
    }

    /// The quarters of an hour in `range`, folded in another way than the code under test does it.
    fn quarters(self, range: TimeRange) -> Vec<Candle> {
        let mut quarters: BTreeMap<i64, Candle> = BTreeMap::new();
        for part in self.within(range) {
            let number = minute_of(part.open_time);
            let open_time = minute(number - number.rem_euclid(15));
            let whole =
                quarters.entry(minute_of(open_time)).or_insert(Candle { open_time, volume: 0.0, ..part });
            (whole.high, whole.low) = (whole.high.max(part.high), whole.low.min(part.low));
            whole.close = part.close;
            whole.volume += part.volume;
        }
        quarters.into_values().collect()
    }
}

impl FiveMinutes {
    fn source(self) -> ScriptedCandles {
        let rows = move |query: &CandleQuery, range| {
            assert_eq!(query.series.timeframe, FIVE, "the venue was asked for what it lacks");
            self.within(range)
        };
        let source = ScriptedCandles::new(rows).reaching(minutes(NOW - 5_000, NOW));
        self.untold.into_iter().fold(source, |source, (from, to)| source.without(minutes(from, to)))
    }
}

struct House {
    store: Arc<dyn CandleStore>,
    source: DerivedSource,
}

fn house(venue: FiveMinutes, derive: DerivationPolicy) -> House {
    let store: Arc<dyn CandleStore> = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::new(minute(NOW)));
    let stored = StoredSource::new(
        Arc::clone(&store),
        Arc::new(venue.source()),
        Arc::clone(&clock) as _,
        LACKING.grid,
    );
    let source = DerivedSource::new(Arc::clone(&store), Arc::new(stored), clock, &LACKING, derive);
    House { store, source }
}

fn of(timeframe: Timeframe) -> Series {
    Series::new(series("KRW-BTC").symbol, timeframe)
}

/// The figures that are exact.
fn prices(candles: &[Candle]) -> Vec<(Timestamp, [f64; 4])> {
    candles.iter().map(|c| (c.open_time, [c.open, c.high, c.low, c.close])).collect()
}

const DENSE: FiveMinutes = FiveMinutes { density: 100, untold: None };

#[tokio::test]
async fn what_the_venue_lacks_is_what_its_shorter_candles_add_up_to() {
    let house = house(DENSE, DerivationPolicy::Intraday);
    let range = minutes(NOW - 1_000, NOW - 100);
    let set = house.source.candles(CandleQuery::within(of(QUARTER), range)).await.unwrap();
    let whole = Grid::Utc.whole_slots(QUARTER, minutes(NOW - 1_000, NOW - 100)).unwrap();
    assert_eq!(prices(&set.candles.to_vec()), prices(&DENSE.quarters(whole)));
    assert!(set.candles.iter().all(|candle| candle.is_final));
    assert!(set.coverage.covers(whole), "{:?}", set.coverage);
    let proof = set.coverage.spans()[0].provenance;
    assert_eq!((proof.origin, proof.observed_at), (Origin::Derived, OBSERVED_AT));
    assert!(house.store.coverage(&of(QUARTER)).await.unwrap().spans().is_empty(), "not stored");
    assert!(house.store.coverage(&of(FIVE)).await.unwrap().covers(whole), "its parts are");
    let again = house.source.candles(CandleQuery::within(of(QUARTER), range)).await.unwrap();
    assert_eq!((prices(&again.candles.to_vec()), again.stats.requests), (prices(&set.candles.to_vec()), 0));
}

#[tokio::test]
async fn what_the_venue_lacks_is_known_as_far_as_its_parts_are() {
    let house = house(DENSE, DerivationPolicy::Intraday);
    let query = CandleQuery::last(of(QUARTER), 1).unwrap();
    let known = async || house.source.known(&query, None).await.unwrap();
    assert!(known().await.is_empty());
    let parts = minutes(NOW - 1_000, NOW - 100);
    house.source.candles(CandleQuery::within(of(FIVE), parts)).await.unwrap();
    let known = known().await;
    assert_eq!(known.ranges(), [Grid::Utc.whole_slots(QUARTER, parts).unwrap()]);
    assert!(known.spans().iter().all(|span| span.provenance.origin == Origin::Derived));
    let seconds = CandleQuery::last(of(Timeframe::S1), 1).unwrap();
    assert_eq!(house.source.known(&seconds, None).await.unwrap_err().kind(), SourceErrorKind::Unsupported);
}

#[tokio::test]
async fn a_slot_with_an_unknown_part_is_unknown_whatever_candles_it_has() {
    // The second of the three parts of a quarter that begins at a multiple of 15.
    let quarter = NOW - NOW.rem_euclid(15) - 150;
    let venue = FiveMinutes { untold: Some((quarter + 5, quarter + 10)), ..DENSE };
    let house = house(venue, DerivationPolicy::Intraday);
    let range = minutes(quarter - 30, quarter + 45);
    let set = house.source.candles(CandleQuery::within(of(QUARTER), range)).await.unwrap();
    let opens: Vec<_> = set.candles.iter().map(|candle| minute_of(candle.open_time) - quarter).collect();
    assert_eq!(opens, [-30, -15, 15, 30]);
    assert_eq!(set.slot(minute(quarter)), Slot::Unknown);
}

#[tokio::test]
async fn the_candle_in_progress_is_made_of_what_is_over_of_it_and_is_not_final() {
    let house = house(DENSE, DerivationPolicy::Intraday);
    let query = CandleQuery::last(of(QUARTER), 3).unwrap();
    let set = house.source.candles(query.clone()).await.unwrap();
    let finals: Vec<_> = set.candles.iter().map(|candle| candle.is_final).collect();
    assert_eq!(finals, [true, true, false]);
    let forming = set.candles.get(2).unwrap();
    assert_eq!((minute_of(forming.open_time), forming.close), (NOW - 10, candle(NOW - 5).close));
    assert!(!set.coverage.is_known(forming.open_time));
    let closed = house.source.candles(query.closed()).await.unwrap();
    assert_eq!(minute_of(closed.candles.get(2).unwrap().open_time), NOW - 25);
}

#[tokio::test]
async fn what_nothing_divides_is_refused_with_what_there_is() {
    let refused = async |house: &House, timeframe| {
        let query = CandleQuery::within(of(timeframe), minutes(NOW - 100, NOW));
        let error = house.source.candles(query.clone()).await.unwrap_err();
        assert_eq!(house.source.estimate(&query).await.unwrap_err().kind(), error.kind());
        assert_eq!(error.kind(), SourceErrorKind::Unsupported);
        assert!(error.to_string().ends_with("it has 1m 5m 1d"), "{error}");
    };
    refused(&house(DENSE, DerivationPolicy::All), Timeframe::S1).await;
    refused(&house(DENSE, DerivationPolicy::Never), QUARTER).await;
}

#[tokio::test]
async fn an_estimate_counts_longer_candles_and_asks_for_shorter_ones() {
    let house = house(DENSE, DerivationPolicy::Intraday);
    let quarter = NOW - NOW.rem_euclid(15);
    let query = CandleQuery::within(of(QUARTER), minutes(quarter - 300, quarter));
    let estimate = house.source.estimate(&query).await.unwrap();
    assert_eq!((estimate.wanted, estimate.known), (20, 0));
    assert!(estimate.queries.iter().all(|asked| asked.series.timeframe == FIVE));
    house.source.candles(query.clone()).await.unwrap();
    let estimate = house.source.estimate(&query).await.unwrap();
    assert_eq!((estimate.wanted, estimate.known, estimate.queries), (20, 20, Vec::new()));
}

proptest! {
    #[test]
    fn counts_are_the_newest_there_are(
        count in 1_usize..60,
        ago in 15_i64..2_000,
        density in prop_oneof![Just(100_u64), Just(40), Just(5)],
    ) {
        let venue = FiveMinutes { density, untold: None };
        let house = house(venue, DerivationPolicy::Intraday);
        let before = Grid::Utc.floor(QUARTER, minute(NOW - ago));
        let query = CandleQuery::last(of(QUARTER), count).unwrap().before(before).closed();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let set = runtime.block_on(house.source.candles(query)).unwrap();
        // The venue's past begins 5,000 minutes ago, at a slot that is not whole.
        let past = Grid::Utc.whole_slots(QUARTER, TimeRange::new(minute(NOW - 5_000), before).unwrap()).unwrap();
        let truth = venue.quarters(past);
        let want = &truth[truth.len().saturating_sub(count)..];
        prop_assert_eq!(prices(&set.candles.to_vec()), prices(want));
        if let Some(oldest) = want.first() {
            prop_assert!(set.coverage.covers(TimeRange::new(oldest.open_time, before).unwrap()));
        }
    }
}

//! Longer candles from known minutes: equal to an independent fold, and never more expensive than fetching.

use std::collections::BTreeMap;
use std::sync::Arc;

use market_backbone_core::{
    Candle, CandleQuery, CandleSource, CandleStore, Capabilities, Coverage, DerivationPolicy, Dispute, Grid,
    ManualClock, Origin, Provenance, Selection, Series, Span, TimeRange, Timeframe, Timestamp,
};
use market_backbone_storage::{DerivedSource, MemoryStore, StoredSource};
use market_backbone_testkit::{ScriptedCandles, has_trade};
use proptest::prelude::*;

use crate::material::{candle, minute, minute_of, minutes, proof, series};

pub(crate) const NOW: i64 = 28_000_000;
const PAGE: u32 = 20;
pub(crate) const FIVE: Timeframe = Timeframe::M5;

pub(crate) const CAPABILITIES: Capabilities =
    Capabilities { candle_page: PAGE, ..market_backbone_testkit::CAPABILITIES };

/// The minute's candle, if there was a trade in it.
fn truth(number: i64, density: u64) -> Option<Candle> {
    has_trade(number, density).then(|| candle(number))
}

/// Five-minute candles that open in `range`, folded in another way than the code under test does it.
fn folded(range: TimeRange, density: u64) -> Vec<Candle> {
    let mut slots: BTreeMap<i64, Candle> = BTreeMap::new();
    let slot = |moment| minute_of(Grid::Utc.ceil(FIVE, moment));
    for number in slot(range.from())..slot(range.to()) {
        let Some(part) = truth(number, density) else { continue };
        let open = number - number.rem_euclid(5);
        let whole = slots.entry(open).or_insert(Candle {
            volume: 0.0,
            turnover: 0.0,
            open_time: minute(open),
            ..part
        });
        whole.close = part.close;
        whole.high = if part.high > whole.high { part.high } else { whole.high };
        whole.low = if part.low < whole.low { part.low } else { whole.low };
        whole.volume += part.volume;
        whole.turnover += part.turnover;
    }
    slots.into_values().collect()
}

#[track_caller]
fn assert_same(got: &[Candle], want: &[Candle]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        let prices = |candle: &Candle| Candle { volume: 0.0, turnover: 0.0, ..*candle };
        assert_eq!(prices(got), prices(want));
        assert!((got.volume - want.volume).abs() <= want.volume * 1e-12);
        assert!((got.turnover - want.turnover).abs() <= want.turnover * 1e-12);
    }
}

/// A venue that is asked for five-minute candles.
fn venue(density: u64) -> ScriptedCandles {
    ScriptedCandles::new(move |_, range| folded(range, density)).reaching(minutes(NOW - 5_000, NOW))
}

pub(crate) struct House {
    pub(crate) store: Arc<dyn CandleStore>,
    venue: ScriptedCandles,
    pub(crate) source: DerivedSource,
}

impl House {
    pub(crate) async fn knowing(known: &[TimeRange], density: u64, derive: DerivationPolicy) -> Self {
        let store: Arc<dyn CandleStore> = Arc::new(MemoryStore::new());
        for range in known {
            let (from, to) = (minute_of(range.from()), minute_of(range.to()));
            let rows: Vec<_> = (from..to).filter_map(|number| truth(number, density)).collect();
            store.commit(&series("KRW-BTC"), &rows, &proof(from, to)).await.unwrap();
        }
        let venue = venue(density);
        let clock = Arc::new(ManualClock::new(minute(NOW)));
        let upstream = Arc::new(venue.clone());
        let stored = StoredSource::new(Arc::clone(&store), upstream, Arc::clone(&clock) as _, Grid::Utc);
        let source = DerivedSource::new(Arc::clone(&store), Arc::new(stored), clock, &CAPABILITIES, derive);
        Self { store, venue, source }
    }

    /// How many slots each question since the last call spans.
    fn asked(&self) -> Vec<u64> {
        let slots = |query: CandleQuery| {
            let within = self.venue.range_of(&query).map_or(0, |range| Grid::Utc.slots(FIVE, range));
            let Selection::Last { count, .. } = query.selection() else { return within };
            within.min(count as u64)
        };
        self.venue.take_asked().into_iter().map(slots).collect()
    }

    /// What those questions took, in pages.
    pub(crate) fn pages(&self) -> u64 {
        self.asked().iter().map(|slots| slots.div_ceil(u64::from(PAGE))).sum()
    }
}

pub(crate) fn five() -> Series {
    Series::new(series("KRW-BTC").symbol, FIVE)
}

#[tokio::test]
async fn a_stretch_whose_minutes_are_known_is_not_asked_for() {
    let house = House::knowing(&[minutes(NOW - 1_000, NOW)], 100, DerivationPolicy::Intraday).await;
    let set = house.source.candles(CandleQuery::within(five(), minutes(NOW - 500, NOW))).await.unwrap();
    assert_same(&set.candles.to_vec(), &folded(minutes(NOW - 500, NOW), 100));
    assert_eq!(house.pages(), 0);
    let span = set.coverage.spans()[0];
    assert_eq!((span.range, span.provenance.origin), (minutes(NOW - 500, NOW), Origin::Derived));
    assert_eq!(span.provenance.observed_at, Timestamp::from_secs(1_700_000_000));
    assert_eq!(
        house.store.coverage(&five()).await.unwrap(),
        Coverage::empty(),
        "what is derived is not stored"
    );
}

#[tokio::test]
async fn it_is_as_old_as_the_oldest_observation_beneath_it() {
    let house = House::knowing(&[minutes(NOW - 1_000, NOW)], 100, DerivationPolicy::Intraday).await;
    let provenance = Provenance { origin: Origin::Rest, observed_at: Timestamp::from_secs(1_800_000_000) };
    let fresh = [Span { range: minutes(NOW - 400, NOW), provenance }].into_iter().collect();
    let rows: Vec<_> = (NOW - 400..NOW).map(candle).collect();
    house.store.commit(&series("KRW-BTC"), &rows, &fresh).await.unwrap();
    let oldest = async |from: i64| {
        let set = house.source.candles(CandleQuery::within(five(), minutes(NOW - from, NOW))).await.unwrap();
        set.coverage.spans()[0].provenance.observed_at.as_secs()
    };
    assert_eq!((oldest(100).await, oldest(500).await), (1_800_000_000, 1_700_000_000));
}

#[tokio::test]
async fn a_disputed_minute_is_no_ground_to_build_on() {
    let house = House::knowing(&[minutes(NOW - 1_000, NOW)], 100, DerivationPolicy::Intraday).await;
    let mut doubt = proof(NOW - 52, NOW - 51);
    doubt.add_dispute(Dispute { range: minutes(NOW - 52, NOW - 51), earlier: None, later: None });
    house.store.commit(&series("KRW-BTC"), &[], &doubt).await.unwrap();
    if house.store.coverage(&series("KRW-BTC")).await.unwrap().disputes().is_empty() {
        // A store may hold only disputes it found itself: then contradict what it has.
        let other = Candle { close: 1.0 + candle(NOW - 52).close, high: 9e9, ..candle(NOW - 52) };
        house.store.commit(&series("KRW-BTC"), &[other], &proof(NOW - 52, NOW - 51)).await.unwrap();
    }
    assert!(!house.store.coverage(&series("KRW-BTC")).await.unwrap().disputes().is_empty());
    let set = house.source.candles(CandleQuery::within(five(), minutes(NOW - 100, NOW))).await.unwrap();
    assert_eq!(set.candles.len(), 20);
    assert_eq!(house.asked(), [1], "only the slot in doubt, which is a page");
    let proven_by = |at: i64| set.coverage.provenance_at(minute(NOW - at)).map(|proof| proof.origin);
    assert_eq!((proven_by(60), proven_by(52)), (Some(Origin::Derived), Some(Origin::Rest)));
}

#[tokio::test]
async fn what_the_venue_itself_has_said_comes_first() {
    let house = House::knowing(&[minutes(NOW - 1_000, NOW)], 100, DerivationPolicy::Intraday).await;
    let own = Candle { volume: 77.0, ..folded(minutes(NOW - 50, NOW - 45), 100)[0] };
    house.store.commit(&five(), &[own], &proof(NOW - 50, NOW - 45)).await.unwrap();
    let set = house.source.candles(CandleQuery::within(five(), minutes(NOW - 100, NOW))).await.unwrap();
    assert_eq!((set.candles.len(), set.candles.get(10).unwrap()), (20, own));
    assert_eq!(house.pages(), 0);
}

pub(crate) fn stretches() -> impl Strategy<Value = Vec<TimeRange>> {
    let stretch = (1_i64..2_500, 1_i64..900).prop_map(|(ago, long)| minutes(NOW - ago - long, NOW - ago));
    prop::collection::vec(stretch, 0..6)
}

proptest! {
    #[test]
    fn ranges_and_counts_are_the_truth_and_no_dearer(
        known in stretches(),
        density in prop_oneof![Just(100_u64), Just(60), Just(4)],
        from in 10_i64..3_000,
        long in 5_i64..2_000,
        count in 1_usize..400,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let asked = minutes(NOW - from, (NOW - from + long).min(NOW));
            let whole = minutes(minute_of(Grid::Utc.ceil(FIVE, asked.from())), minute_of(asked.to()).max(NOW - from + 5));
            let range = CandleQuery::within(five(), asked);
            let last = CandleQuery::last(five(), count).unwrap().closed();
            let all = folded(minutes(NOW - 5_000, NOW), density);
            let in_range: Vec<_> = all.iter().copied().filter(|c| asked.contains(c.open_time)).collect();
            let newest = &all[all.len().saturating_sub(count)..];
            for (query, want) in [(range, in_range.as_slice()), (last, newest)] {
                let deriving = House::knowing(&known, density, DerivationPolicy::Intraday).await;
                let asking = House::knowing(&known, density, DerivationPolicy::Never).await;
                let set = deriving.source.candles(query.clone()).await.unwrap();
                assert_same(&set.candles.to_vec(), want);
                asking.source.candles(query.clone()).await.unwrap();
                if density == 100 || matches!(query.selection(), Selection::Range(_)) {
                    assert!(deriving.pages() <= asking.pages(), "{} {}", deriving.pages(), asking.pages());
                }
                if let Selection::Range(asked) = query.selection() {
                    assert!(set.coverage.covers(asked.intersect(whole).unwrap_or(asked)));
                }
            }
        });
    }
}

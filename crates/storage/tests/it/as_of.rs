//! Any history of commits, corrections and forgetting against a diary of what could be read; then the read
//! path for such queries, and other users of earlier versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use market_backbone_core::{
    Candle, CandleQuery, CandleSource, CandleStore, DerivationPolicy, Grid, ManualClock, Origin, Series,
    Timeframe, Timestamp,
};
use market_backbone_storage::{
    ArchiveFormat, DerivedSource, ExportOptions, MemoryStore, StoredSource, export_archive, import_archive,
};
use proptest::prelude::*;

use crate::derived::CAPABILITIES;
use crate::material::{candle, candles, everything, minute, minute_of, minutes, open, series};
use crate::model::{DENSE, Model};
use crate::revisions::proof_by;

const SLOTS: i64 = 12;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody says of these slots which had a trade, and at what close.
    Say {
        origin: Origin,
        from: i64,
        closes: Vec<Option<u8>>,
    },
    Forget {
        from: i64,
        to: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let origin = prop::sample::select(vec![
        Origin::Rest,
        Origin::Early,
        Origin::Provisional,
        Origin::Socket,
        Origin::Import,
    ]);
    let closes = prop::collection::vec(prop::option::weighted(0.7, 0..4_u8), 1..6);
    let say =
        (origin, 0..SLOTS, closes).prop_map(|(origin, from, closes)| Step::Say { origin, from, closes });
    let forget = (0..SLOTS, 1..5_i64).prop_map(|(from, slots)| Step::Forget { from, to: from + slots });
    prop_oneof![6 => say, 1 => forget]
}

/// What could be read of each slot since when, as long as anything was known of it.
type Diary = BTreeMap<i64, Vec<(i64, Option<Candle>)>>;

fn row(number: i64, close: u8) -> Candle {
    Candle { close: candle(number).low + f64::from(close) / 8.0, ..candle(number) }
}

async fn play(store: &dyn CandleStore, btc: &Series, now: i64, step: &Step) {
    match step {
        Step::Forget { from, to } => store.forget(btc, minutes(*from, *to)).await.unwrap(),
        Step::Say { origin, from, closes } => {
            let rows: Vec<_> = (*from..)
                .zip(closes)
                .filter_map(|(number, close)| close.map(|close| row(number, close)))
                .collect();
            let proof = proof_by(*origin, *from, *from + closes.len() as i64, 0);
            // At this nanosecond.
            let proof = proof.spans().iter().map(|span| {
                let mut span = *span;
                span.provenance.observed_at = Timestamp::from_nanos(now);
                span
            });
            store.commit(btc, &rows, &proof.collect()).await.unwrap();
        }
    }
}

async fn note(store: &dyn CandleStore, btc: &Series, now: i64, diary: &mut Diary) {
    let known = store.coverage(btc).await.unwrap();
    let rows = store.read(btc, everything(), usize::MAX).await.unwrap().candles;
    for number in 0..SLOTS + 6 {
        let row = rows.iter().find(|row| minute_of(row.open_time) == number);
        if known.is_known(minute(number)) {
            diary.entry(number).or_default().push((now, row));
        } else {
            diary.remove(&number);
        }
    }
}

fn expected(diary: &Diary, at: i64) -> Vec<Candle> {
    let then = |pages: &Vec<(i64, Option<Candle>)>| {
        let page = pages.iter().rev().find(|(since, _)| *since <= at).or(pages.first());
        page.and_then(|(_, row)| *row)
    };
    diary.values().filter_map(then).collect()
}

async fn run(store: &dyn CandleStore, steps: &[(i64, Step)], limit: usize) {
    let btc = series("KRW-BTC");
    let (mut now, mut diary) = (1_700_000_000_000_000_000, Diary::new());
    let mut moments = vec![now - 1];
    for (pause, step) in steps {
        now += pause;
        play(store, &btc, now, step).await;
        note(store, &btc, now, &mut diary).await;
        moments.extend([now - 1, now, now + 1]);
    }
    for at in moments {
        let then = expected(&diary, at);
        let read = |range, limit| store.read_as_of(&btc, range, limit, Timestamp::from_nanos(at));
        assert_eq!(read(everything(), usize::MAX).await.unwrap().candles, then, "at {at}");
        let newest = then.iter().filter(|row| minutes(2, 9).contains(row.open_time)).copied();
        let newest: Vec<_> = newest.collect();
        let newest = &newest[newest.len().saturating_sub(limit)..];
        assert_eq!(read(minutes(2, 9), limit).await.unwrap().candles, newest, "at {at}, {limit} of them");
    }
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    // Nothing, a nanosecond, a millisecond or a day later.
    let pause = prop::sample::select(vec![0, 1, 1_000_000, 86_400_000_000_000]);
    prop::collection::vec((pause, step()), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn memory_holds_what_could_be_read_then(steps in steps(), limit in 0..6_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&MemoryStore::new(), &steps, limit));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_folder_holds_what_could_be_read_then(steps in steps(), limit in 0..6_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path()).await;
            run(&store, &steps, limit).await;
            store.close().await;
        });
    }
}

const NOW: i64 = 28_000_000;
/// The times at which the bars were first observed, and at which one of them was corrected.
const SAID: i64 = (NOW - 60) * 60;
const CORRECTED: i64 = (NOW - 30) * 60;

/// A store that knows an hour and a half and had one of its minutes corrected, behind it a venue that knows all.
async fn house() -> (Arc<MemoryStore>, Model, DerivedSource) {
    let (store, clock) = (Arc::new(MemoryStore::new()), Arc::new(ManualClock::new(minute(NOW))));
    let btc = series("KRW-BTC");
    let first = proof_by(Origin::Provisional, NOW - 150, NOW - 60, SAID);
    store.commit(&btc, &candles(NOW - 150, NOW - 60), &first).await.unwrap();
    let late = proof_by(Origin::Rest, NOW - 63, NOW - 62, CORRECTED);
    store.commit(&btc, &[better()], &late).await.unwrap();
    let model = Model::new(DENSE, Arc::clone(&clock), Arc::clone(&store) as _);
    let stored = StoredSource::new(
        Arc::clone(&store) as _,
        Arc::new(model.clone()) as _,
        Arc::clone(&clock) as _,
        Grid::Utc,
    );
    let source = DerivedSource::new(
        Arc::clone(&store) as _,
        Arc::new(stored),
        clock,
        &CAPABILITIES,
        DerivationPolicy::Intraday,
    );
    (store, model, source)
}

fn better() -> Candle {
    let wrong = candle(NOW - 63);
    Candle { high: wrong.high + 5.0, ..wrong }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[tokio::test]
async fn before_and_after_a_correction_answers_differ_exactly_by_it() {
    let (_store, model, source) = house().await;
    let query = CandleQuery::within(series("KRW-BTC"), minutes(NOW - 100, NOW));
    let before = source.candles(query.clone().as_of(at(CORRECTED - 1))).await.unwrap();
    let after = source.candles(query.as_of(at(CORRECTED))).await.unwrap();
    // At the one, 30 minutes and a second ago, one slot less had ended.
    assert_eq!(before.candles, candles(NOW - 100, NOW - 31));
    let mut want = candles(NOW - 100, NOW - 30);
    want[37] = better();
    assert_eq!(after.candles, want);
    assert_eq!(model.asked().len(), 2, "what nobody had asked for is asked for, once");
    let again = CandleQuery::last(series("KRW-BTC"), 70).unwrap().as_of(at(CORRECTED));
    assert_eq!(source.candles(again).await.unwrap().candles, want);
    assert_eq!(model.asked(), []);
}

#[tokio::test]
async fn longer_candles_rest_on_the_minutes_of_then() {
    let (_store, model, source) = house().await;
    let mut five = series("KRW-BTC");
    five.timeframe = Timeframe::M5;
    let query = CandleQuery::last(five, 18).unwrap();
    let before = source.candles(query.clone().as_of(at(SAID + 1))).await.unwrap().candles;
    let after = source.candles(query.before(minute(NOW - 60)).closed()).await.unwrap().candles;
    let differing: Vec<_> = before
        .iter()
        .zip(&after)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (a.open_time, b.high - a.high))
        .collect();
    assert_eq!((before.len(), after.len()), (18, 18));
    assert_eq!(differing.len(), 1);
    assert!(differing[0].0 == minute(NOW - 65) && differing[0].1 > 3.0, "{differing:?}");
    assert_eq!(model.asked(), []);
}

#[tokio::test]
async fn what_was_disputed_only_later_is_not_disputed_then() {
    let (store, _, source) = house().await;
    let other = Candle { close: better().low, ..better() };
    let again = proof_by(Origin::Rest, NOW - 63, NOW - 62, CORRECTED + 60);
    store.commit(&series("KRW-BTC"), &[other], &again).await.unwrap();
    let query = CandleQuery::within(series("KRW-BTC"), minutes(NOW - 70, NOW - 60));
    let then = source.candles(query.clone().as_of(at(CORRECTED + 59))).await.unwrap();
    let now = source.candles(query).await.unwrap();
    assert_eq!((then.candles.get(7).unwrap(), now.candles.get(7).unwrap()), (better(), other));
    assert_eq!((then.coverage.disputes().len(), now.coverage.disputes().len()), (0, 1));
}

#[tokio::test]
async fn earlier_versions_are_counted_unsuspicious_and_not_exported() {
    let (folder, archive) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, btc) = (open(folder.path()).await, series("KRW-BTC"));
    store.commit(&btc, &candles(0, 9), &proof_by(Origin::Provisional, 0, 9, 1_000)).await.unwrap();
    let late = [row(3, 1), row(5, 2)];
    store.commit(&btc, &late[..1], &proof_by(Origin::Rest, 3, 4, 2_000)).await.unwrap();
    store.commit(&btc, &late[1..], &proof_by(Origin::Rest, 5, 6, 2_000)).await.unwrap();
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.revisions(), stats.series[0].revisions, stats.rows()), (2, 2, 9));
    assert_eq!(store.check(Grid::Utc).await.unwrap(), []);
    store.vacuum().await.unwrap();
    let copied_to = archive.path().join("copy");
    let order = ExportOptions::new(&copied_to, ArchiveFormat::Csv, vec![btc.clone()], Grid::Utc);
    export_archive(&store, &order).await.unwrap();
    let copy = MemoryStore::new();
    import_archive(&copy, &copied_to, crate::material::NOW).await.unwrap();
    let then = at(1_500);
    let kept = store.read_as_of(&btc, minutes(3, 6), 9, then).await.unwrap().candles;
    let copied = copy.read_as_of(&btc, minutes(3, 6), 9, then).await.unwrap().candles;
    assert_eq!((kept, copied), (candles(3, 6).into(), vec![late[0], candle(4), late[1]].into()));
    store.forget(&btc, everything()).await.unwrap();
    assert_eq!(store.stats().await.unwrap().revisions(), 0);
    store.close().await;
}

//! A venue that corrects its bars for a day and then no more, queried at any moments, with replies in any
//! order.

use market_backbone_core::{Candle, CandleStore, Coverage, Origin, Timestamp};
use market_backbone_storage::MemoryStore;
use proptest::prelude::*;

use crate::material::{candle, everything, minute, minutes, series};
use crate::revisions::proof_by;

const SLOTS: i64 = 6;
/// The time of the venue's last correction, in seconds after the beginning.
const WINDOW: i64 = 100_000;
const BEGIN: i64 = 1_700_000_000;

/// A question about slots, and when it is put.
type Question = (i64, (i64, i64));

/// Returns what the venue reports of a slot at some moment: it changes until the last correction.
fn said(number: i64, at: i64) -> Candle {
    let version = (at.min(WINDOW) / 1_000 + number) / (number + 1);
    Candle { close: candle(number).low + version as f64 / 1_024.0, ..candle(number) }
}

fn questions() -> impl Strategy<Value = Vec<Question>> {
    let early = prop_oneof![0..WINDOW, 0..90_i64];
    let at = prop_oneof![3 => early, 1 => WINDOW..3 * WINDOW];
    let slots = (0..SLOTS, 1..=SLOTS).prop_map(|(from, count)| (from, (from + count).min(SLOTS)));
    prop::collection::vec((at, slots), 1..20)
}

async fn run(questions: &[Question]) {
    let (store, btc) = (MemoryStore::new(), series("KRW-BTC"));
    for (at, (from, to)) in questions {
        let origin = if *at < WINDOW { Origin::Early } else { Origin::Rest };
        let rows: Vec<_> = (*from..*to).map(|number| said(number, *at)).collect();
        let proof: Coverage = proof_by(origin, *from, *to, BEGIN + at);
        store.commit(&btc, &rows, &proof).await.unwrap();
    }
    let known = store.coverage(&btc).await.unwrap();
    let rows = store.read(&btc, everything(), usize::MAX).await.unwrap().candles;
    assert_eq!(known.disputes(), []);
    for number in 0..SLOTS {
        let asked = questions.iter().filter(|(_, (from, to))| (*from..*to).contains(&number));
        let asked: Vec<i64> = asked.map(|(at, _)| *at).collect();
        let row = rows.iter().find(|row| minutes(number, number + 1).contains(row.open_time));
        let proof = known.provenance_at(minute(number));
        assert_eq!((row.is_some(), proof.is_some()), (!asked.is_empty(), !asked.is_empty()));
        let last = asked.into_iter().max().filter(|at| *at >= WINDOW);
        if let Some((row, proof)) = row.zip(proof).filter(|_| last.is_some()) {
            assert_eq!((row, proof.origin), (said(number, WINDOW), Origin::Rest), "slot {number}");
            assert!(proof.observed_at >= Timestamp::from_secs(BEGIN + WINDOW));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn its_last_word_stays_and_nothing_is_disputed(questions in questions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&questions));
    }
}

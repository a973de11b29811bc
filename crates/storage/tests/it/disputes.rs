//! How every store handles two observations that disagree, deletion, and the listing of its content.

use market_backbone_core::{Candle, CandleStore, Coverage, Dispute, Origin, Provenance, Series, Span};

use crate::material::{candle, candles, everything, minute, minutes, series};
use crate::revisions::proof_by;

/// Two moments of one day.
const BEFORE: i64 = 1_700_000_000;
const AFTER: i64 = BEFORE + 100;

fn said(at: i64) -> Option<Provenance> {
    Some(Provenance { origin: Origin::Rest, observed_at: market_backbone_core::Timestamp::from_secs(at) })
}

fn proof_at(from: i64, to: i64, at: i64) -> Coverage {
    let span = said(at).map(|provenance| Span { range: minutes(from, to), provenance });
    span.into_iter().collect()
}

fn dispute(from: i64, to: i64, earlier: Option<Provenance>, later: Option<Provenance>) -> Dispute {
    Dispute { range: minutes(from, to), earlier, later }
}

async fn stored(store: &dyn CandleStore, series: &Series) -> Vec<Candle> {
    store.read(series, everything(), usize::MAX).await.unwrap().candles.to_vec()
}

pub(crate) async fn what_is_held_is_listed_in_order(store: &dyn CandleStore) {
    let [btc, eth, xrp] = ["KRW-BTC", "KRW-ETH", "krw.x_r-p"].map(series);
    assert_eq!(store.series().await.unwrap(), []);
    store.commit(&xrp, &[candle(1)], &Coverage::empty()).await.unwrap();
    store.commit(&eth, &[], &proof_at(0, 5, BEFORE)).await.unwrap();
    store.commit(&btc, &candles(0, 5), &proof_at(0, 5, BEFORE)).await.unwrap();
    assert_eq!(store.series().await.unwrap(), [btc, eth.clone(), xrp.clone()]);
    store.forget(&eth, everything()).await.unwrap();
    store.forget(&series("KRW-BTC"), minutes(0, 4)).await.unwrap();
    assert_eq!(store.series().await.unwrap(), [series("KRW-BTC"), xrp]);
}

pub(crate) async fn what_is_forgotten_is_unknown_again(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 2_000), &proof_at(0, 2_000, BEFORE)).await.unwrap();
    assert_eq!(stored(store, &btc).await.len(), 2_000);
    store.forget(&btc, minutes(300, 400)).await.unwrap();
    assert_eq!(stored(store, &btc).await, [candles(0, 300), candles(400, 2_000)].concat());
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.missing(minutes(0, 2_000)), [minutes(300, 400)]);
    store.commit(&btc, &candles(300, 400), &proof_at(300, 400, AFTER)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap(), proof_at(0, 2_000, BEFORE));
    assert_eq!(stored(store, &btc).await, candles(0, 2_000));
    store.forget(&series("KRW-NEVER"), everything()).await.unwrap();
}

pub(crate) async fn who_says_the_same_again_changes_nothing(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 9), &proof_at(0, 9, BEFORE)).await.unwrap();
    let respelled: Vec<_> = candles(0, 9)
        .into_iter()
        .map(|candle| Candle { turnover: candle.turnover * (1.0 + 1e-13), ..candle })
        .collect();
    store.commit(&btc, &respelled, &proof_at(0, 9, AFTER)).await.unwrap();
    assert_eq!(stored(store, &btc).await, candles(0, 9), "to the last bit as they were");
    assert_eq!(store.coverage(&btc).await.unwrap(), proof_at(0, 9, AFTER));
}

pub(crate) async fn a_correction_replaces_and_is_disputed_until_it_is_forgotten(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 9), &proof_at(0, 9, BEFORE)).await.unwrap();
    stored(store, &btc).await;
    let correct = |number: i64| Candle { volume: 77.0, ..candle(number) };
    let corrected = [candle(2), correct(3), correct(4), candle(5)];
    for _ in 0..2 {
        // The second time it agrees with what is stored, which settles nothing.
        store.commit(&btc, &corrected, &proof_at(2, 6, AFTER)).await.unwrap();
        let known = store.coverage(&btc).await.unwrap();
        assert_eq!(known.disputes(), [dispute(3, 5, said(BEFORE), said(AFTER))]);
        assert!(known.covers(minutes(0, 9)), "what is disputed is not asked for again");
        assert_eq!(stored(store, &btc).await[2..6], corrected);
    }
    store.forget(&btc, minutes(3, 4)).await.unwrap();
    store.commit(&btc, &[correct(3)], &proof_at(3, 4, AFTER)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), [dispute(4, 5, said(BEFORE), said(AFTER))]);
}

pub(crate) async fn a_row_where_nothing_was_proven_to_be_is_kept_and_disputed(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &[candle(1)], &proof_at(0, 9, BEFORE)).await.unwrap();
    store.commit(&btc, &[candle(1), candle(4)], &proof_at(0, 9, AFTER)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), [dispute(4, 5, said(BEFORE), said(AFTER))]);
    assert_eq!(stored(store, &btc).await, [candle(1), candle(4)]);
}

pub(crate) async fn a_row_that_a_later_proof_lacks_stands_and_is_disputed(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 9), &proof_at(0, 9, BEFORE)).await.unwrap();
    let lacking: Vec<_> = candles(2, 7).into_iter().filter(|row| row.open_time != minute(4)).collect();
    store.commit(&btc, &lacking, &proof_at(2, 7, AFTER)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), [dispute(4, 5, said(BEFORE), said(AFTER))]);
    assert_eq!(stored(store, &btc).await, candles(0, 9));
}

pub(crate) async fn what_was_surely_observed_later_stands(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 9), &proof_at(0, 9, AFTER)).await.unwrap();
    let outdated = Candle { close: 1.0, ..candle(4) };
    store.commit(&btc, &[outdated], &proof_at(4, 5, BEFORE)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), [dispute(4, 5, said(AFTER), said(BEFORE))]);
    assert_eq!(stored(store, &btc).await, candles(0, 9));
}

pub(crate) async fn a_row_without_a_proof_can_be_contradicted_too(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &[candle(3)], &Coverage::empty()).await.unwrap();
    assert!(store.coverage(&btc).await.unwrap().spans().is_empty());
    store.commit(&btc, &[candle(1)], &proof_at(0, 9, BEFORE)).await.unwrap();
    store.commit(&btc, &[candle(6)], &Coverage::empty()).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    let expected = [dispute(3, 4, None, said(BEFORE)), dispute(6, 7, said(BEFORE), None)];
    assert_eq!(known.disputes(), expected);
    assert_eq!(stored(store, &btc).await, [candle(1), candle(3), candle(6)]);
}

pub(crate) async fn a_dispute_that_comes_with_a_proof_is_kept(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let mut elsewhere = proof_at(0, 9, BEFORE);
    elsewhere.add_dispute(dispute(2, 4, said(BEFORE), said(AFTER)));
    for _ in 0..2 {
        store.commit(&btc, &candles(0, 9), &elsewhere).await.unwrap();
        assert_eq!(store.coverage(&btc).await.unwrap(), elsewhere);
    }
}

fn observed_by_socket(from: i64, to: i64, at: i64) -> (Option<Provenance>, Coverage) {
    let observed_at = market_backbone_core::Timestamp::from_secs(at);
    let provenance = Provenance { origin: Origin::Socket, observed_at };
    (Some(provenance), [Span { range: minutes(from, to), provenance }].into_iter().collect())
}

pub(crate) async fn what_was_heard_becomes_the_venues_word_when_it_is_asked(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let by_ear = Candle { volume: candle(3).volume * (1.0 + 1e-14), ..candle(3) };
    store.commit(&btc, &[candle(1), by_ear], &observed_by_socket(0, 6, AFTER).1).await.unwrap();
    store.commit(&btc, &[candle(1), candle(3)], &proof_at(1, 5, BEFORE)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(stored(store, &btc).await, [candle(1), candle(3)], "the venue's own figures");
    assert_eq!(known.disputes(), []);
    assert_eq!(known.provenance_at(minute(3)), said(BEFORE));
    assert_eq!(known.provenance_at(minute(2)), said(BEFORE), "that nothing traded is confirmed as well");
    assert_eq!(known.provenance_at(minute(5)), observed_by_socket(0, 6, AFTER).0);
}

pub(crate) async fn what_was_heard_and_is_contradicted_is_disputed(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let wrong = Candle { close: candle(3).low, ..candle(3) };
    store.commit(&btc, &[candle(1), wrong], &observed_by_socket(0, 6, AFTER).1).await.unwrap();
    store.commit(&btc, &[candle(1), candle(3), candle(4)], &proof_at(0, 6, BEFORE)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), [dispute(3, 5, observed_by_socket(0, 6, AFTER).0, said(BEFORE))]);
    assert_eq!(stored(store, &btc).await, [candle(1), candle(3), candle(4)]);
}

pub(crate) async fn what_was_asked_is_not_replaced_by_what_is_heard_later(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 5), &proof_at(0, 5, BEFORE)).await.unwrap();
    let mut by_ear = candles(0, 9);
    by_ear[2].volume *= 1.0 + 1e-14;
    by_ear[3].close = by_ear[3].low;
    store.commit(&btc, &by_ear, &observed_by_socket(0, 9, AFTER).1).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(stored(store, &btc).await, candles(0, 9));
    assert_eq!(known.disputes(), [dispute(3, 4, said(BEFORE), observed_by_socket(0, 9, AFTER).0)]);
    assert_eq!(
        (known.provenance_at(minute(4)), known.provenance_at(minute(5))),
        (said(BEFORE), observed_by_socket(0, 9, AFTER).0)
    );
}

pub(crate) async fn an_early_answer_is_corrected_by_a_later_one_and_not_disputed(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let early = |from, to, at| proof_by(Origin::Early, from, to, at);
    let close = |number: i64, close| Candle { close, ..candle(number) };
    let (first, second, last) = (close(2, 1.9), close(2, 1.95), close(2, 1.97));
    store.commit(&btc, &[candle(1), first, candle(3)], &early(0, 9, BEFORE)).await.unwrap();
    // Corrected early, then for good, where nothing had traded as well; and an old early word arrives after that.
    store.commit(&btc, &[second], &early(2, 3, BEFORE + 50)).await.unwrap();
    store.commit(&btc, &[candle(1), last, candle(3), candle(4)], &proof_at(1, 6, AFTER)).await.unwrap();
    store.commit(&btc, &[candle(1), second], &early(1, 4, BEFORE + 60)).await.unwrap();
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.disputes(), []);
    assert_eq!((known.provenance_at(minute(2)), known.provenance_at(minute(3))), (said(AFTER), said(AFTER)));
    assert_eq!(known.provenance_at(minute(7)), early(0, 9, BEFORE).provenance_at(minute(7)));
    assert_eq!(stored(store, &btc).await, [candle(1), last, candle(3), candle(4)]);
    for (at, row) in [(BEFORE, first), (BEFORE + 50, second), (AFTER, last)] {
        let at = market_backbone_core::Timestamp::from_secs(at);
        let then = store.read_as_of(&btc, everything(), usize::MAX, at).await.unwrap().candles;
        assert_eq!(then.get(1).unwrap(), row, "every version is kept");
    }
    // Two replies after all corrections, an aggregating socket, a deleted row, a file: contradictions.
    store.commit(&btc, &[first], &proof_at(2, 3, AFTER + 1)).await.unwrap();
    store.commit(&btc, &candles(6, 9), &early(6, 9, BEFORE)).await.unwrap();
    store
        .commit(&btc, &[close(6, 3.1), candle(7), candle(8)], &observed_by_socket(6, 9, AFTER).1)
        .await
        .unwrap();
    store.commit(&btc, &[], &proof_at(7, 8, AFTER)).await.unwrap();
    store.commit(&btc, &[close(8, 4.1)], &proof_by(Origin::Import, 8, 9, AFTER)).await.unwrap();
    let disputed = store.coverage(&btc).await.unwrap();
    let slots = [2, 6, 7, 8].map(|slot| disputed.dispute_at(minute(slot)).is_some());
    assert_eq!((slots, disputed.dispute_at(minute(3))), ([true; 4], None));
}

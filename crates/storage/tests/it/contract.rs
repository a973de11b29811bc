//! The contract of every store: the same rules, applied to each of them.

use market_backbone_core::{Candle, CandleStore, StoreErrorKind, Timestamp};
use market_backbone_storage::{MemoryStore, SqliteStore, StoreConfig};

use crate::disputes::{
    a_correction_replaces_and_is_disputed_until_it_is_forgotten, a_dispute_that_comes_with_a_proof_is_kept,
    a_row_that_a_later_proof_lacks_stands_and_is_disputed,
    a_row_where_nothing_was_proven_to_be_is_kept_and_disputed, a_row_without_a_proof_can_be_contradicted_too,
    an_early_answer_is_corrected_by_a_later_one_and_not_disputed, what_is_forgotten_is_unknown_again,
    what_is_held_is_listed_in_order, what_was_asked_is_not_replaced_by_what_is_heard_later,
    what_was_heard_and_is_contradicted_is_disputed, what_was_heard_becomes_the_venues_word_when_it_is_asked,
    what_was_surely_observed_later_stands, who_says_the_same_again_changes_nothing,
};
use crate::material::{candle, candles, everything, minute, minutes, open, proof, proof_of, series};
use crate::revisions::{
    a_corrected_row_reads_as_it_was_until_it_was_corrected,
    a_row_that_came_where_none_was_known_to_be_was_not_there, two_spellings_of_one_row_are_one_version,
    versions_of_one_moment_are_the_last_of_them, what_is_fetched_later_reads_as_it_was_first_seen,
    what_is_forgotten_was_never_there, what_is_provisional_is_corrected_and_not_disputed,
};

macro_rules! contract {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(&super::MemoryStore::new()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::open(folder.path()).await;
                super::$rule(&store).await;
                super::CandleStore::close(&store).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $rule() {
                let Some(store) = crate::postgres::store().await else { return };
                super::$rule(&store).await;
                super::CandleStore::close(&store).await;
            })*
        }
        mod sqlite_shared_by_two {
            $(#[tokio::test]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let store = crate::shared_folder::Pair::open(super::StoreConfig::new(folder.path())).await;
                super::$rule(&store).await;
                super::CandleStore::close(&store).await;
            })*
        }
        mod sqlite_without_a_cache {
            $(#[tokio::test]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                let config = super::StoreConfig::new(folder.path()).cache_bytes(0);
                super::$rule(&super::SqliteStore::open(config).await.unwrap()).await;
            })*
        }
    };
}

contract!(
    an_unknown_series_is_empty_and_unknown,
    what_is_committed_is_read_to_the_last_bit,
    the_newest_are_read_oldest_first,
    a_short_read_does_not_shorten_a_longer_one,
    a_repeat_replaces,
    only_final_candles_are_kept,
    nothing_is_proven_from_the_first_unsettled_candle_on,
    the_ledger_is_exact_in_any_order,
    a_proof_may_reach_back_to_the_beginning,
    series_do_not_mix,
    a_thin_market_is_read_over_its_holes,
    impossible_figures_are_refused_with_all_that_came_with_them,
    a_proof_without_rows_is_kept,
    what_is_held_is_listed_in_order,
    what_is_forgotten_is_unknown_again,
    who_says_the_same_again_changes_nothing,
    a_correction_replaces_and_is_disputed_until_it_is_forgotten,
    a_row_where_nothing_was_proven_to_be_is_kept_and_disputed,
    a_row_that_a_later_proof_lacks_stands_and_is_disputed,
    what_was_surely_observed_later_stands,
    an_early_answer_is_corrected_by_a_later_one_and_not_disputed,
    a_row_without_a_proof_can_be_contradicted_too,
    a_dispute_that_comes_with_a_proof_is_kept,
    what_was_heard_becomes_the_venues_word_when_it_is_asked,
    what_was_heard_and_is_contradicted_is_disputed,
    what_was_asked_is_not_replaced_by_what_is_heard_later,
    a_corrected_row_reads_as_it_was_until_it_was_corrected,
    a_row_that_came_where_none_was_known_to_be_was_not_there,
    what_is_fetched_later_reads_as_it_was_first_seen,
    what_is_forgotten_was_never_there,
    what_is_provisional_is_corrected_and_not_disputed,
    two_spellings_of_one_row_are_one_version,
    versions_of_one_moment_are_the_last_of_them,
);

async fn an_unknown_series_is_empty_and_unknown(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    assert!(store.coverage(&btc).await.unwrap().spans().is_empty());
    assert!(store.read(&btc, everything(), 10).await.unwrap().candles.is_empty());
}

async fn what_is_committed_is_read_to_the_last_bit(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let rows = candles(0, 1_234);
    store.commit(&btc, &rows, &proof(0, 1_234)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(store.read(&btc, everything(), usize::MAX).await.unwrap().candles, rows);
    }
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(0, 1_234));
}

async fn the_newest_are_read_oldest_first(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 2_000), &proof(0, 2_000)).await.unwrap();
    for _ in 0..2 {
        let read = store.read(&btc, minutes(100, 1_900), 700).await.unwrap();
        assert_eq!(read.candles, candles(1_200, 1_900));
        assert_eq!(store.read(&btc, minutes(10, 13), 700).await.unwrap().candles, candles(10, 13));
        assert!(store.read(&btc, minutes(10, 13), 0).await.unwrap().candles.is_empty());
    }
}

async fn a_short_read_does_not_shorten_a_longer_one(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 2_000), &proof(0, 2_000)).await.unwrap();
    for limit in [1, 50, 300, 700, 1_500, 2_001] {
        let read = store.read(&btc, everything(), limit).await.unwrap().candles;
        assert_eq!(read, candles((2_000 - limit as i64).max(0), 2_000));
    }
}

async fn a_repeat_replaces(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 10), &proof(0, 10)).await.unwrap();
    store.read(&btc, everything(), 10).await.unwrap();
    let better = Candle { close: 1.25, ..candle(4) };
    store.commit(&btc, &[candle(4), better], &proof(4, 5)).await.unwrap();
    let read = store.read(&btc, everything(), 99).await.unwrap().candles;
    assert_eq!((read.len(), read.get(4).unwrap()), (10, better));
}

async fn only_final_candles_are_kept(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let forming = Candle { is_final: false, ..candle(5) };
    store.commit(&btc, &[candle(4), forming], &proof(4, 5)).await.unwrap();
    assert_eq!(store.read(&btc, everything(), 99).await.unwrap().candles, [candle(4)]);
}

async fn nothing_is_proven_from_the_first_unsettled_candle_on(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let unsettled = Candle { is_final: false, ..candle(5) };
    store.commit(&btc, &[candle(4), unsettled, candle(6)], &proof(0, 7)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap().ranges(), [minutes(0, 5)]);
}

async fn the_ledger_is_exact_in_any_order(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    for (from, to) in [(20, 30), (0, 5), (25, 40), (8, 12), (5, 8)] {
        store.commit(&btc, &candles(from, to), &proof(from, to)).await.unwrap();
    }
    let known = store.coverage(&btc).await.unwrap();
    assert_eq!(known.ranges(), [minutes(0, 12), minutes(20, 40)]);
    assert_eq!(known.missing(minutes(-5, 50)), [minutes(-5, 0), minutes(12, 20), minutes(40, 50)]);
}

async fn a_proof_may_reach_back_to_the_beginning(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let since_ever = proof_of(market_backbone_core::TimeRange::new(Timestamp::MIN, minute(3)).unwrap());
    store.commit(&btc, &[], &since_ever).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap(), since_ever);
}

async fn series_do_not_mix(store: &dyn CandleStore) {
    let (upper, lower) = (series("KRW-BTC"), series("KRW-btc"));
    let mut month = upper.clone();
    month.timeframe = market_backbone_core::Timeframe::Month;
    for (number, each) in [(1, &upper), (2, &lower), (3, &month)] {
        store.commit(each, &[candle(number)], &proof(number, number + 1)).await.unwrap();
    }
    for (number, each) in [(1, &upper), (2, &lower), (3, &month)] {
        assert_eq!(store.read(each, everything(), 9).await.unwrap().candles, [candle(number)]);
        assert_eq!(store.coverage(each).await.unwrap(), proof(number, number + 1));
    }
}

async fn a_thin_market_is_read_over_its_holes(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let rows: Vec<_> = (0..60).map(|number| candle(number * number * 1_000)).collect();
    store.commit(&btc, &rows, &proof(0, 4_000_000)).await.unwrap();
    for limit in [1, 7, 60, 61] {
        for _ in 0..2 {
            let read = store.read(&btc, everything(), limit).await.unwrap().candles;
            assert_eq!(read, rows[60_usize.saturating_sub(limit)..]);
        }
    }
    let between = minutes(58 * 58 * 1_000 + 1, 59 * 59 * 1_000);
    assert!(store.read(&btc, between, 9).await.unwrap().candles.is_empty());
    // A row between two that are known to be neighbours, then one newer than all.
    for late in [58 * 58 * 1_000 + 500, 9_000_000] {
        store.commit(&btc, &[candle(late)], &proof(late, late + 1)).await.unwrap();
        let found = store.read(&btc, everything(), 99).await.unwrap().candles;
        assert!(found.contains(&candle(late)), "{late}");
    }
}

async fn impossible_figures_are_refused_with_all_that_came_with_them(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let absurd = Candle { high: f64::NAN, ..candle(5) };
    let error = store.commit(&btc, &[candle(4), absurd], &proof(4, 6)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Database);
    assert!(store.read(&btc, everything(), 9).await.unwrap().candles.is_empty());
    assert!(store.coverage(&btc).await.unwrap().spans().is_empty());
}

async fn a_proof_without_rows_is_kept(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &[], &proof(1, 9)).await.unwrap();
    assert_eq!(store.coverage(&btc).await.unwrap(), proof(1, 9));
    assert!(store.read(&btc, minutes(1, 9), 9).await.unwrap().candles.is_empty());
}

//! The earlier versions that every store keeps of replaced rows, and returns as of an earlier moment.

use market_backbone_core::{Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, Timestamp};

use crate::material::{candle, candles, everything, minutes, series};

pub(crate) fn proof_by(origin: Origin, from: i64, to: i64, at: i64) -> Coverage {
    let provenance = Provenance { origin, observed_at: secs(at) };
    [Span { range: minutes(from, to), provenance }].into_iter().collect()
}

fn secs(at: i64) -> Timestamp {
    Timestamp::from_secs(at)
}

async fn as_of(store: &dyn CandleStore, series: &Series, at: i64) -> Vec<Candle> {
    store.read_as_of(series, everything(), usize::MAX, secs(at)).await.unwrap().candles.to_vec()
}

fn corrected(number: i64, close: f64) -> Candle {
    Candle { close, ..candle(number) }
}

pub(crate) async fn a_corrected_row_reads_as_it_was_until_it_was_corrected(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    assert_eq!(as_of(store, &btc, 0).await, []);
    let (first, second) = (corrected(4, 2.51), corrected(4, 2.52));
    store.commit(&btc, &candles(0, 9), &proof_by(Origin::Rest, 0, 9, 1_000)).await.unwrap();
    store.commit(&btc, &[first], &proof_by(Origin::Rest, 4, 5, 2_000)).await.unwrap();
    store.commit(&btc, &[second], &proof_by(Origin::Rest, 4, 5, 3_000)).await.unwrap();
    for (at, row) in
        [(0, candle(4)), (1_999, candle(4)), (2_000, first), (2_999, first), (3_000, second), (9_999, second)]
    {
        let read = as_of(store, &btc, at).await;
        assert_eq!((read.len(), read[4]), (9, row), "at {at}");
        assert_eq!([&read[..4], &read[5..]].concat(), [candles(0, 4), candles(5, 9)].concat());
    }
    assert_eq!(as_of(store, &series("KRW-ETH"), 0).await, []);
}

pub(crate) async fn a_row_that_came_where_none_was_known_to_be_was_not_there(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let without: Vec<_> =
        candles(0, 9).into_iter().filter(|row| row.open_time != candle(7).open_time).collect();
    store.commit(&btc, &without, &proof_by(Origin::Provisional, 0, 9, 1_000)).await.unwrap();
    store.commit(&btc, &[candle(7)], &proof_by(Origin::Rest, 7, 8, 2_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 1_999).await, without);
    assert_eq!(as_of(store, &btc, 2_000).await, candles(0, 9));
    // What was not there makes room for what was, and is not taken for the end.
    let newest = store.read_as_of(&btc, minutes(0, 8), 3, secs(1_999)).await.unwrap().candles;
    assert_eq!(newest, candles(4, 7));
    assert_eq!(store.read_as_of(&btc, minutes(0, 8), 3, secs(2_000)).await.unwrap().candles, candles(5, 8));
}

pub(crate) async fn what_is_fetched_later_reads_as_it_was_first_seen(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 5), &proof_by(Origin::Rest, 0, 5, 1_000)).await.unwrap();
    store.commit(&btc, &candles(5, 9), &proof_by(Origin::Rest, 5, 9, 8_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 2_000).await, candles(0, 9));
    store.commit(&btc, &[corrected(6, 3.25)], &proof_by(Origin::Rest, 6, 7, 9_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 2_000).await, candles(0, 9));
}

pub(crate) async fn what_is_forgotten_was_never_there(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    store.commit(&btc, &candles(0, 9), &proof_by(Origin::Rest, 0, 9, 1_000)).await.unwrap();
    let (two, six) = (corrected(2, 1.9), corrected(6, 3.25));
    store.commit(&btc, &[two, six], &proof_by(Origin::Rest, 2, 3, 2_000)).await.unwrap();
    store.forget(&btc, minutes(5, 8)).await.unwrap();
    assert_eq!(as_of(store, &btc, 1_500).await, [candles(0, 5), candles(8, 9)].concat());
    store.commit(&btc, &[six], &proof_by(Origin::Rest, 5, 8, 3_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 1_500).await, [candles(0, 5), vec![six], candles(8, 9)].concat());
    assert_eq!(as_of(store, &btc, 2_500).await[2], two);
}

pub(crate) async fn what_is_provisional_is_corrected_and_not_disputed(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let (late, asked) = (corrected(2, 1.95), corrected(2, 1.97));
    store.commit(&btc, &candles(0, 5), &proof_by(Origin::Provisional, 0, 9, 1_000)).await.unwrap();
    store.commit(&btc, &[late, candle(6)], &proof_by(Origin::Provisional, 2, 7, 2_000)).await.unwrap();
    store.commit(&btc, &[asked], &proof_by(Origin::Rest, 2, 3, 3_000)).await.unwrap();
    assert_eq!(
        store.coverage(&btc).await.unwrap().disputes().iter().map(|said| said.range).collect::<Vec<_>>(),
        [minutes(3, 5)],
        "rows that the second time did not bring again; nothing else"
    );
    for (at, row, length) in [(1_999, candle(2), 5), (2_000, late, 6), (3_000, asked, 6)] {
        let read = as_of(store, &btc, at).await;
        assert_eq!((read[2], read.len()), (row, length), "at {at}");
    }
    // Heard again after it was asked for: an old word. Asked for again: a contradiction.
    store.commit(&btc, &[late], &proof_by(Origin::Provisional, 2, 3, 4_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 9_000).await[2], asked);
    assert_eq!(store.coverage(&btc).await.unwrap().disputes().len(), 1);
    store.commit(&btc, &[late], &proof_by(Origin::Rest, 2, 3, 5_000)).await.unwrap();
    assert_eq!((as_of(store, &btc, 4_999).await[2], as_of(store, &btc, 5_000).await[2]), (asked, late));
    assert!(store.coverage(&btc).await.unwrap().dispute_at(late.open_time).is_some());
}

pub(crate) async fn two_spellings_of_one_row_are_one_version(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    let by_ear = Candle { volume: candle(3).volume * (1.0 + 1e-14), ..candle(3) };
    store.commit(&btc, &[by_ear], &proof_by(Origin::Socket, 3, 4, 1_000)).await.unwrap();
    store.commit(&btc, &[candle(3)], &proof_by(Origin::Rest, 3, 4, 2_000)).await.unwrap();
    assert_eq!(as_of(store, &btc, 1_500).await, [candle(3)]);
}

pub(crate) async fn versions_of_one_moment_are_the_last_of_them(store: &dyn CandleStore) {
    let btc = series("KRW-BTC");
    for close in [2.1, 2.2, 2.3] {
        let row = corrected(3, close);
        store.commit(&btc, &[row], &proof_by(Origin::Provisional, 3, 4, 1_000)).await.unwrap();
    }
    store.commit(&btc, &[corrected(3, 2.4)], &proof_by(Origin::Rest, 3, 4, 500)).await.unwrap();
    assert_eq!(as_of(store, &btc, 999).await, [corrected(3, 2.1)], "the first that was seen");
    assert_eq!(as_of(store, &btc, 1_000).await, [corrected(3, 2.4)], "never replaced before it was said");
}

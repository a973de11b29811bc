//! History: complete, shared, kept.

use market_backbone::{Error, Priority};
use market_backbone::{SourceErrorKind, Timeframe, Timestamp};
use market_backbone_tests::House;

/// On one thread, so that all three are put before anything has landed.
#[tokio::test]
async fn identical_questions_at_once_share_one_fetch() {
    let house = House::frozen().await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let ask = || async { client.candles("KRW-BTC", Timeframe::M1).last(800).closed().await };
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    let (a, b, c) = (a.unwrap(), b.unwrap(), c.unwrap());
    assert_eq!((a.candles.len(), &a.candles, &a.candles), (800, &b.candles, &c.candles));
    assert_eq!(house.asked("candles"), 4, "800 candles are four pages, however often they are asked for");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_asked_again_however_it_is_asked() {
    let house = House::frozen().await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    let all = client.candles("KRW-ETH", Timeframe::M1).last(1_000).closed().await.unwrap();
    let asked = house.asked("candles");
    let at = |index: usize| all.candles.get(index).unwrap().open_time;
    let middle = client.candles("KRW-ETH", Timeframe::M1).range(at(300)..at(700)).await.unwrap();
    assert_eq!(middle.candles, all.candles.slice(300..700));
    let earlier = client.candles("KRW-ETH", Timeframe::M1).last(100).before(at(500)).await.unwrap();
    assert_eq!(earlier.candles, all.candles.slice(400..500));
    assert_eq!(house.asked("candles"), asked);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_is_asked_back_beyond_its_listing_ends_there() {
    let house = House::frozen().await.unwrap();
    let tape = house.venue.tape();
    let newest = tape.markets().into_iter().filter(|market| market.starts_with("KRW-"));
    let newest = newest.max_by_key(|market| tape.listed_ms(market)).unwrap();
    let listed = Timestamp::from_millis(tape.listed_ms(&newest).unwrap());
    let client = house.backbone.client(Priority::Low);
    let set = client.candles(&newest, Timeframe::M1).last(5_000).closed().await.unwrap();
    assert!(set.candles.len() < 5_000 && set.candles.len() > 30, "{}", set.candles.len());
    assert!(set.candles.first().unwrap().open_time.plus(std::time::Duration::from_secs(60)) > listed);
    let asked = house.asked("candles");
    assert!(asked <= 3, "{asked}");
    let again = client
        .candles(&newest, Timeframe::M1)
        .last(5_000)
        .before(set.candles.first().unwrap().open_time)
        .await
        .unwrap();
    assert_eq!(again.candles, []);
    assert_eq!(house.asked("candles"), asked, "that nothing is older is known now");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_market_is_an_error_of_its_kind() {
    let house = House::frozen().await.unwrap();
    let client = house.backbone.client(Priority::Normal);
    match client.candles("KRW-BTX", Timeframe::M1).await {
        Err(Error::Source(error)) => {
            assert_eq!(error.kind(), SourceErrorKind::UnknownMarket);
            assert!(error.to_string().contains("KRW-BTC"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    house.close().await;
}

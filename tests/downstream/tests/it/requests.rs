//! Requests for candles as a program writes them: windows, streams, many markets, and what is known without asking.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use market_backbone::{
    Client, Error, Origin, Priority, Progress, QueryError, TimeRange, Timeframe, Timestamp,
};

use crate::rig::{Rig, soon};

const MARKET: &str = "KRW-BTC";

fn day(rig: &Rig, days_ago: u64) -> TimeRange {
    TimeRange::new(rig.days_ago(days_ago), rig.days_ago(days_ago - 1)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_the_same_however_its_bounds_are_written() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let range = day(&rig, 2);
    let (from, to) = (range.from(), range.to());
    let ask = || client.candles(MARKET, Timeframe::H1);
    let want = ask().range(range).await.unwrap();
    assert_eq!(want.len(), 24);
    let (text_from, text_to) = (from.to_string(), to.to_string());
    let answers = [
        ask().range(from..to).await,
        ask().range(text_from.as_str()..text_to.as_str()).await,
        ask().range(text_from.clone()..text_to).await,
        ask().range(SystemTime::from(from)..SystemTime::from(to)).await,
        ask().range(range).any_window().await,
    ];
    for answer in answers {
        assert_eq!(answer.unwrap().candles, want.candles);
    }
    let open_ended = ask().range(from..).await.unwrap();
    assert_eq!(open_ended.candles.slice(..24), want.candles);
    assert!(open_ended.last().is_some_and(|newest| newest.open_time >= to));
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_when_it_is_asked_and_costs_nothing() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let ask = || client.candles(MARKET, Timeframe::M1);
    let answers = [
        ask().range("soon".."2026-11-02").await,
        ask().range("2026-11-02".."2026-11-01").await,
        ask().last(0).await,
        ask().last(5).before("yesterday").await,
        ask().last(5).as_of("yesterday").await,
        ask().range("2026-11-01".."2026-11-02").stream(0).next().await.unwrap(),
        ask().range(.."2026-11-02T00:00:00Z").stream(100).next().await.unwrap(),
    ];
    for answer in answers {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Query(_)), "{error:?}");
    }
    let without_start = ask().range(.."2026-11-02T00:00:00Z").stream(100).next().await.unwrap();
    assert!(matches!(without_start, Err(Error::Query(QueryError::OpenStart))));
    assert_eq!(rig.pages(), 0);
    rig.close().await;
}

/// Streams `range` in pieces of 300 slots, checks that they join, and says what they held and where to go on.
async fn streamed(
    client: &Client,
    from: Timestamp,
    to: Timestamp,
    most: usize,
) -> (Vec<Timestamp>, Timestamp) {
    let mut chunks = client.candles(MARKET, Timeframe::M1).range(from..to).closed().stream(300);
    let mut seen = Vec::new();
    assert_eq!(chunks.position(), from);
    while seen.len() < most
        && let Some(chunk) = soon(chunks.next()).await
    {
        let chunk = chunk.unwrap();
        assert!(chunk.len() <= 300);
        assert!(chunk.iter().all(|candle| candle.open_time < chunks.position()));
        seen.extend(chunk.iter().map(|candle| candle.open_time));
    }
    (seen, chunks.position())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_every_candle_once_also_across_an_interruption() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let range = day(&rig, 2);
    let (mut seen, position) = streamed(&client, range.from(), range.to(), 500).await;
    assert!(position > range.from() && position < range.to());
    let (rest, end) = streamed(&client, position, range.to(), usize::MAX).await;
    assert_eq!(end, range.to());
    seen.extend(rest);
    let whole = client.candles(MARKET, Timeframe::M1).range(range).await.unwrap();
    let want: Vec<_> = whole.iter().map(|candle| candle.open_time).collect();
    assert_eq!(seen, want);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_candles_come_in_pieces_too_oldest_first() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let before = rig.days_ago(1);
    let ask = || client.candles(MARKET, Timeframe::M1).last(1_000).before(before).closed();
    let mut chunks = ask().stream(300);
    let mut seen = Vec::new();
    let mut lengths = Vec::new();
    while let Some(chunk) = soon(chunks.next()).await {
        let chunk = chunk.unwrap();
        lengths.push(chunk.len());
        seen.extend(chunk.iter());
    }
    assert_eq!(lengths, [100, 300, 300, 300]);
    assert_eq!(chunks.position(), before);
    let pages = rig.pages();
    let whole = ask().await.unwrap();
    assert_eq!(seen, whole.iter().collect::<Vec<_>>());
    assert_eq!((whole.stats.requests, rig.pages()), (0, pages), "the stream has asked for all of it, once");
    assert!(matches!(ask().stream(0).next().await, Some(Err(Error::Query(_)))));
    assert!(
        rig.backbone
            .client(Priority::Normal)
            .candles("KRW-NONE", Timeframe::M1)
            .last(5)
            .stream(5)
            .next()
            .await
            .unwrap()
            .is_err()
    );
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_up_to_now_stops_where_candles_are_not_final() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let mut chunks = client.candles(MARKET, Timeframe::M1).range(rig.days_ago(1)..).stream(400);
    let mut newest = None;
    while let Some(chunk) = soon(chunks.next()).await {
        newest = chunk.unwrap().last().or(newest);
    }
    let newest = newest.expect("something was traded");
    let after = chunks.position();
    assert!(after > newest.open_time || !newest.is_final, "{after} lies before a final candle");
    assert!(after <= rig.backbone.now(), "{after} is still to come");
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reports_how_far_it_has_come() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let told = Arc::new(Mutex::new(Vec::<Progress>::new()));
    let heard = Arc::clone(&told);
    let request = client.candles(MARKET, Timeframe::M1).range(day(&rig, 2));
    let mut chunks = request.on_progress(move |progress| heard.lock().unwrap().push(progress)).stream(500);
    while let Some(chunk) = soon(chunks.next()).await {
        chunk.unwrap();
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told.first().map(|first| (first.done, first.total)), Some((0, 1_440)));
    assert_eq!(told.last().map(|last| (last.done, last.total)), Some((1_440, 1_440)));
    assert!(told.is_sorted_by_key(|progress| progress.done));
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_after_an_error_and_says_where_to_go_on() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let range = day(&rig, 2);
    let mut chunks = client.candles("KRW-NONE", Timeframe::M1).range(range).stream(500);
    assert!(matches!(soon(chunks.next()).await, Some(Err(Error::Source(_)))));
    assert!(soon(chunks.next()).await.is_none());
    assert_eq!(chunks.position(), range.from());
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_markets_are_one_call_and_one_that_fails_is_one_answer() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::High);
    let markets = vec![MARKET.to_owned(), "KRW-NONE".to_owned(), "krw-eth".to_owned()];
    let mut answers = client.candles_of(markets, Timeframe::M1).last(250).closed().stream();
    let mut got = Vec::new();
    while let Some((market, answer)) = soon(answers.next()).await {
        got.push((market, answer.map(|set| set.len()).ok()));
    }
    got.sort();
    let want =
        [(MARKET.to_owned(), Some(250)), ("KRW-NONE".to_owned(), None), ("krw-eth".to_owned(), Some(250))];
    assert_eq!(got, want);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_said_without_a_request() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let (range, later) = (day(&rig, 3), day(&rig, 2));
    let ask = || client.candles(MARKET, Timeframe::M1);
    assert!(ask().range(range).coverage().await.unwrap().is_empty());
    assert_eq!(rig.pages(), 0);
    ask().range(range).await.unwrap();
    let pages = rig.pages();
    assert!(ask().range(range).coverage().await.unwrap().covers(range));
    let both = TimeRange::new(range.from(), later.to()).unwrap();
    let known = ask().range(both).coverage().await.unwrap();
    assert_eq!(known.missing(both), [later]);
    assert!(ask().coverage().await.unwrap().covers(range), "a count counts as all time before its end");
    let before = ask().last(1).before(range.from()).coverage().await.unwrap();
    assert!(!before.is_known(range.from()));
    let early = ask().range(range).as_of(range.from()).coverage().await.unwrap();
    assert!(early.is_empty(), "no slot of it had ended");
    assert_eq!(rig.pages(), pages);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_computed_from_stored_candles_is_known_and_marked() {
    let rig = Rig::start().await;
    let client = rig.backbone.client(Priority::Normal);
    let range = day(&rig, 3);
    client.candles(MARKET, Timeframe::M1).range(range).await.unwrap();
    let pages = rig.pages();
    // Upbit has hours, and no candles of two hours.
    for timeframe in [Timeframe::H1, Timeframe::H2] {
        let known = client.candles(MARKET, timeframe).coverage().await.unwrap();
        assert!(known.covers(range), "{timeframe}: {known:?}");
        assert!(known.spans().iter().all(|span| span.provenance.origin == Origin::Derived));
    }
    for (timeframe, count) in [(Timeframe::H1, 24), (Timeframe::H2, 12)] {
        let set = client.candles(MARKET, timeframe).range(range).await.unwrap();
        assert_eq!((set.len(), set.stats.requests, rig.pages()), (count, 0, pages), "{timeframe}");
    }
    rig.close().await;
}

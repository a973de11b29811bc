//! Tests of the queue of one reader.

use market_backbone_core::{
    Channel, GapCause, GapState, StreamKind, Symbol, Timestamp, Trade, TradeId, VenueId,
};

use super::announced_gaps::MAX_GAPS;
use super::*;

fn trade(id: i64) -> FeedEvent {
    let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
    let (id, time) = (TradeId::Number(id), Timestamp::EPOCH);
    FeedEvent::Trade(Trade { symbol, id, price: 1.0, size: 1.0, side: None, time, received: time })
}

fn channel(code: &str) -> Channel {
    Channel { symbol: Symbol::new(VenueId::new("upbit"), code).unwrap(), kind: StreamKind::Trade }
}

fn resume(queue: &mut ReaderQueue, code: &str, at: i64) {
    queue.confirm(&channel(code).symbol, StreamKind::Trade, Timestamp::from_secs(at));
}

fn gap(from: i64) -> Gap {
    Gap {
        state: GapState::Opened,
        from: Timestamp::from_secs(from),
        to: None,
        cause: GapCause::Disconnected,
        channels: [channel("KRW-BTC")].into(),
        loss: None,
    }
}

/// Renders all queued items in short form.
fn drain(queue: &mut ReaderQueue) -> Vec<String> {
    let mut seen = Vec::new();
    while let Poll::Ready(Some(event)) = queue.poll(Waker::noop()) {
        seen.push(match event {
            FeedEvent::Trade(trade) => trade.id.to_string(),
            FeedEvent::Lagged { missed } => format!("lagged {missed}"),
            FeedEvent::Gap(gap) => format!("{} {}", gap.state.as_str(), gap.from.as_secs()),
            other => panic!("{other:?}"),
        });
    }
    seen
}

fn buffered(depth: usize) -> ReaderQueue {
    ReaderQueue::new(Delivery::Buffered { capacity: depth }, 1)
}

#[test]
fn the_oldest_are_dropped_and_their_number_stands_in_their_place() {
    let mut queue = buffered(2);
    let pushed_out: u64 = (1..=5).map(|id| queue.push(0, trade(id))).sum();
    assert_eq!(pushed_out, 3);
    assert_eq!(drain(&mut queue), ["lagged 3", "4", "5"]);
    queue.push(0, trade(6));
    assert_eq!(drain(&mut queue), ["6"]);
}

#[test]
fn a_depth_of_nothing_still_delivers_the_latest() {
    let mut queue = buffered(0);
    queue.push(0, trade(1));
    queue.push(0, trade(2));
    assert_eq!(drain(&mut queue), ["lagged 1", "2"]);
}

#[test]
fn a_gap_survives_an_overflow() {
    let mut queue = buffered(2);
    queue.push(0, trade(1));
    queue.open_gap(gap(1));
    resume(&mut queue, "KRW-BTC", 2);
    for id in 2..=4 {
        queue.push(0, trade(id));
    }
    assert_eq!(drain(&mut queue), ["lagged 1", "opened 1", "resumed 1", "lagged 1", "3", "4"]);
}

#[test]
fn a_gap_opens_once_and_ends_once() {
    let mut queue = buffered(9);
    resume(&mut queue, "KRW-BTC", 0);
    queue.open_gap(gap(1));
    queue.open_gap(gap(2));
    resume(&mut queue, "KRW-BTC", 3);
    resume(&mut queue, "KRW-BTC", 4);
    assert_eq!(drain(&mut queue), ["opened 1", "resumed 1"]);
}

#[test]
fn a_gap_ends_with_the_last_of_its_channels() {
    let mut queue = buffered(9);
    queue.open_gap(Gap { channels: [channel("KRW-BTC"), channel("KRW-ETH")].into(), ..gap(1) });
    resume(&mut queue, "KRW-ETH", 2);
    queue.push(0, trade(1));
    resume(&mut queue, "KRW-BTC", 3);
    assert_eq!(drain(&mut queue), ["opened 1", "1", "resumed 1"]);
}

#[test]
fn each_channel_is_in_one_gap_at_a_time() {
    let mut queue = buffered(9);
    queue.open_gap(gap(1));
    queue.open_gap(Gap { channels: [channel("KRW-BTC"), channel("KRW-ETH")].into(), ..gap(2) });
    resume(&mut queue, "KRW-ETH", 3);
    resume(&mut queue, "KRW-BTC", 4);
    assert_eq!(drain(&mut queue), ["opened 1", "opened 2", "resumed 2", "resumed 1"]);
}

#[test]
fn gaps_of_many_channels_do_not_pile_up_either() {
    let mut queue = buffered(9);
    for at in 0..1_000 {
        let code = ["KRW-BTC", "KRW-ETH", "KRW-XRP"][at % 3];
        let at = i64::try_from(at).unwrap();
        queue.open_gap(Gap { channels: [channel(code)].into(), ..gap(at) });
        resume(&mut queue, code, at);
    }
    let (mut opened, mut resumed) = (0, 0);
    while let Poll::Ready(Some(event)) = queue.poll(Waker::noop()) {
        let FeedEvent::Gap(gap) = event else { panic!("{event:?}") };
        match gap.state {
            GapState::Opened => opened += 1,
            _ => resumed += 1,
        }
    }
    assert!(opened == resumed && opened <= MAX_GAPS / 2, "{opened} {resumed}");
}

#[test]
fn gaps_that_nobody_reads_do_not_pile_up() {
    let mut queue = buffered(9);
    for at in 0..1_000 {
        queue.open_gap(gap(at));
        resume(&mut queue, "KRW-BTC", at);
    }
    let seen = drain(&mut queue);
    assert!(seen.len() <= MAX_GAPS, "{}", seen.len());
    assert_eq!(seen[..2], ["opened 0", "resumed 0"]);
    for pair in seen.chunks(2) {
        assert!(pair[0].starts_with("opened") && pair[1].starts_with("resumed"), "{pair:?}");
    }
}

#[test]
fn the_latest_of_each_channel_comes_in_the_order_of_first_change() {
    let mut queue = ReaderQueue::new(Delivery::Conflated, 2);
    queue.push(1, trade(10));
    queue.push(0, trade(20));
    queue.push(1, trade(11));
    assert_eq!(drain(&mut queue), ["11", "20"]);
}

#[test]
fn nothing_overtakes_a_gap() {
    let mut queue = ReaderQueue::new(Delivery::Conflated, 2);
    queue.push(0, trade(1));
    queue.push(1, trade(2));
    queue.open_gap(gap(5));
    resume(&mut queue, "KRW-BTC", 6);
    queue.push(0, trade(3));
    assert_eq!(drain(&mut queue), ["2", "opened 5", "resumed 5", "3"]);
}

#[test]
fn a_closed_queue_is_read_to_its_end() {
    let mut queue = buffered(9);
    queue.push(0, trade(1));
    queue.close();
    assert!(matches!(queue.poll(Waker::noop()), Poll::Ready(Some(_))));
    assert!(matches!(queue.poll(Waker::noop()), Poll::Ready(None)));
}

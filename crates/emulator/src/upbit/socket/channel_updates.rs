//! The frames of a session: snapshots of a moment, and the updates between two moments.
//!
//! Both are pure functions of tape and time, so sessions need no queue and no hub between them.

use super::frame_writer::{FrameWriter, StreamType};
use super::request::{FrameFormat, SocketSubscription, SubscriptionKind};
use crate::calendar::{DAY, SECOND};
use crate::faults::TimestampSkew;
use crate::hash_random;
use crate::tape::{self, CandleInterval, IDS_PER_MS, TapePageQuery, TapeTrade};
use crate::upbit::markets::EmulatedMarket;
use crate::upbit::order_book;
use crate::upbit::ticker::{PUBLISHED_AFTER_MS, TickerSummary};
use crate::upbit::trades::previous_close;
use crate::world::EmulatorWorld;

/// The delay of candles of a second after their end, in ms.
const CANDLE_DELAY_MS: i64 = 8;
/// The interval of repeated tickers without trades, in ms, because their 24 hours roll on.
const ROLL_MS: i64 = 15 * SECOND;
/// The largest delay of a trade, in ms.
const LATEST_MS: i64 = 60 * SECOND;

/// Returns one frame for each code of each subscription that wants snapshots, where there is data.
pub(crate) fn snapshots(
    world: &EmulatorWorld,
    wanted: &[SocketSubscription],
    format: FrameFormat,
    now_ms: i64,
) -> Vec<String> {
    let mut frames = Vec::new();
    for subscription in wanted.iter().filter(|subscription| subscription.snapshot) {
        for (code, units) in &subscription.codes {
            let Some(market) = world.markets.get(code) else { continue };
            let writer = FrameWriter { world, market, format, stream: StreamType::Snapshot };
            frames.extend(snapshot(writer, subscription, *units, now_ms));
        }
    }
    frames
}

fn snapshot(
    writer: FrameWriter<'_>,
    subscription: &SocketSubscription,
    units: usize,
    now_ms: i64,
) -> Option<String> {
    let (market, world) = (writer.market, writer.world);
    match subscription.kind {
        SubscriptionKind::Ticker => {
            let cut = (now_ms - PUBLISHED_AFTER_MS + 1) * IDS_PER_MS;
            TickerSummary::of(market, cut, now_ms).map(|summary| writer.ticker(&summary))
        }
        SubscriptionKind::Trade => {
            let mut newest = market.tape.last_before((now_ms + 1) * IDS_PER_MS)?;
            while published_ms(world, market, &newest) > now_ms {
                newest = market.tape.last_before(newest.id)?;
            }
            Some(trade_frame(writer, &newest, 0))
        }
        SubscriptionKind::Orderbook => {
            let book = order_book::at(market, now_ms).at_level(market, subscription.level, now_ms)?;
            Some(writer.book(&book, units, subscription.level))
        }
        SubscriptionKind::Candle(frame) => {
            let ask = TapePageQuery {
                interval: frame,
                before_ms: now_ms + 1,
                floor_ms: i64::MIN,
                now_ms,
                count: 1,
            };
            tape::page(&market.tape, ask).first().map(|bar| writer.candle(&subscription.type_name, bar))
        }
    }
}

/// Returns all frames due after the first moment and up to the second, in the order in which they are due.
pub(crate) fn updates(
    world: &EmulatorWorld,
    wanted: &[SocketSubscription],
    format: FrameFormat,
    (from_ms, to_ms): (i64, i64),
) -> Vec<String> {
    let mut due: Vec<(i64, String)> = Vec::new();
    if to_ms <= from_ms {
        return Vec::new();
    }
    let foresight = world.faults.timestamp_skew();
    for subscription in wanted.iter().filter(|subscription| subscription.realtime) {
        for (code, units) in &subscription.codes {
            let Some(market) = world.markets.get(code) else { continue };
            let writer = FrameWriter { world, market, format, stream: StreamType::Realtime };
            match subscription.kind {
                SubscriptionKind::Trade => trades(writer, &foresight, from_ms, to_ms, &mut due),
                SubscriptionKind::Ticker => tickers(writer, &foresight, from_ms, to_ms, &mut due),
                SubscriptionKind::Orderbook => {
                    let shown = (subscription.level, *units);
                    due.extend(changed_book(writer, &foresight, shown, from_ms, to_ms))
                }
                SubscriptionKind::Candle(frame) => {
                    candles(writer, (frame, &subscription.type_name), from_ms, to_ms, &mut due);
                }
            }
        }
    }
    due.sort_by_key(|(at, _)| *at);
    due.into_iter().map(|(_, frame)| frame).collect()
}

/// Returns when a trade is sent to sockets: shortly after it happened, sometimes later than newer ones.
fn published_ms(world: &EmulatorWorld, market: &EmulatedMarket, trade: &TapeTrade) -> i64 {
    let quirks = world.scenario.quirks;
    let is_late = hash_random::unit(hash_random::draw(market.tape.key() ^ 0x1A7E, trade.id.cast_unsigned()))
        < quirks.late_share;
    let late_ms = if is_late { quirks.late_ms.clamp(0, LATEST_MS) } else { 0 };
    trade.time_ms + PUBLISHED_AFTER_MS + late_ms
}

/// Returns how far ahead of its time a live trade is stamped, in ms.
fn ahead_ms(market: &EmulatedMarket, foresight: &TimestampSkew, trade: &TapeTrade) -> i64 {
    if foresight.is_none() {
        return 0;
    }
    if let Some((from_ms, ahead_ms)) = foresight.first
        && from_ms <= trade.time_ms
        && market.tape.last_before(trade.id).is_none_or(|before| before.time_ms < from_ms)
    {
        return ahead_ms;
    }
    let drawn = hash_random::unit(hash_random::draw(market.tape.key() ^ 0xF07E, trade.id.cast_unsigned()));
    if drawn < foresight.share { foresight.ahead_ms } else { 0 }
}

/// Returns the trade under another timestamp, with the id that the venue would give it there.
const fn shifted(trade: &TapeTrade, ms: i64) -> TapeTrade {
    TapeTrade { time_ms: trade.time_ms + ms, id: trade.id + ms * IDS_PER_MS, ..*trade }
}

fn trades(
    writer: FrameWriter<'_>,
    foresight: &TimestampSkew,
    from_ms: i64,
    to_ms: i64,
    due: &mut Vec<(i64, String)>,
) {
    let latest_ms = writer.world.scenario.quirks.late_ms.clamp(0, LATEST_MS);
    let first_ms = from_ms - PUBLISHED_AFTER_MS - latest_ms + 1;
    for trade in writer.market.tape.trades(first_ms, to_ms - PUBLISHED_AFTER_MS + 1) {
        let published_ms = published_ms(writer.world, writer.market, &trade);
        if from_ms < published_ms && published_ms <= to_ms {
            let ahead_ms = ahead_ms(writer.market, foresight, &trade);
            writer.world.traffic_log.record_fault("future_trade", u64::from(ahead_ms != 0));
            due.push((published_ms, trade_frame(writer, &trade, ahead_ms)));
        }
    }
}

fn trade_frame(writer: FrameWriter<'_>, trade: &TapeTrade, ahead_ms: i64) -> String {
    let published_ms = published_ms(writer.world, writer.market, trade);
    let book = order_book::at(writer.market, published_ms);
    let before = previous_close(writer.market, trade.time_ms);
    writer.trade(&shifted(trade, ahead_ms), before, &book, published_ms + ahead_ms)
}

/// Adds a frame for each trade, in the order of the tape, and one now and then for the rolling day.
fn tickers(
    writer: FrameWriter<'_>,
    foresight: &TimestampSkew,
    from_ms: i64,
    to_ms: i64,
    due: &mut Vec<(i64, String)>,
) {
    let tape = &writer.market.tape;
    for trade in tape.trades(from_ms - PUBLISHED_AFTER_MS + 1, to_ms - PUBLISHED_AFTER_MS + 1) {
        let as_of_ms = trade.time_ms + PUBLISHED_AFTER_MS;
        let summary = TickerSummary::of(writer.market, trade.id + 1, as_of_ms);
        let ahead_ms = ahead_ms(writer.market, foresight, &trade);
        due.extend(summary.map(|mut summary| {
            summary.last = shifted(&summary.last, ahead_ms);
            summary.as_of_ms += ahead_ms;
            (as_of_ms, writer.ticker(&summary))
        }));
    }
    for stretch in from_ms.div_euclid(ROLL_MS)..=to_ms.div_euclid(ROLL_MS) {
        let draw = hash_random::draw(tape.key() ^ 0x2011, stretch.cast_unsigned());
        let at = stretch * ROLL_MS + (draw % ROLL_MS.unsigned_abs()).cast_signed();
        if from_ms < at && at <= to_ms && at - DAY < tape.until_ms() {
            let cut = (at - PUBLISHED_AFTER_MS + 1) * IDS_PER_MS;
            let summary = TickerSummary::of(writer.market, cut, at).filter(|summary| summary.volume_24h > 0);
            due.extend(summary.map(|summary| (at, writer.ticker(&summary))));
        }
    }
}

fn changed_book(
    writer: FrameWriter<'_>,
    foresight: &TimestampSkew,
    (level, units): (i64, usize),
    from_ms: i64,
    to_ms: i64,
) -> Option<(i64, String)> {
    let changed_ms = order_book::changed_ms(writer.market, to_ms);
    if changed_ms <= from_ms {
        return None;
    }
    let mut book = order_book::at(writer.market, to_ms).at_level(writer.market, level, to_ms)?;
    book.changed_ms += book_ahead_ms(writer.market, foresight, changed_ms);
    Some((changed_ms, writer.book(&book, units, level)))
}

/// Returns how far ahead a book is stamped, in ms: as far as the trade that it is the first to follow.
fn book_ahead_ms(market: &EmulatedMarket, foresight: &TimestampSkew, changed_ms: i64) -> i64 {
    if foresight.is_none() {
        return 0;
    }
    let last = market.tape.last_before((changed_ms + 1) * IDS_PER_MS);
    let follows = |trade: &TapeTrade| order_book::changed_ms(market, changed_ms - 1) < trade.time_ms;
    last.filter(follows).map_or(0, |trade| ahead_ms(market, foresight, &trade))
}

/// Adds the bar as it stands at the end of each second that traded.
fn candles(
    writer: FrameWriter<'_>,
    (frame, name): (CandleInterval, &str),
    from_ms: i64,
    to_ms: i64,
    due: &mut Vec<(i64, String)>,
) {
    let tape = &writer.market.tape;
    let (from, to) = (from_ms - CANDLE_DELAY_MS, to_ms - CANDLE_DELAY_MS);
    for second in from.div_euclid(SECOND) + 1..=to.div_euclid(SECOND) {
        let end_ms = second * SECOND;
        if tape.trades(end_ms - SECOND, end_ms).is_empty() {
            continue;
        }
        let open_ms = frame.start(end_ms - 1);
        let bar = match frame {
            CandleInterval::Second => tape::TapeBar::fold(open_ms, tape.trades(open_ms, end_ms).iter()),
            CandleInterval::Minutes(_)
            | CandleInterval::Day
            | CandleInterval::Week
            | CandleInterval::Month
            | CandleInterval::Year => tape.bar_between(open_ms, open_ms * IDS_PER_MS, end_ms * IDS_PER_MS),
        };
        due.extend(bar.map(|bar| (end_ms + CANDLE_DELAY_MS, writer.candle(name, &bar))));
    }
}

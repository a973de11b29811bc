//! The events of a minute, in the order in which they become known.

use super::events::{self, DayToDate, EventFrames};
use super::subscriptions::ChannelSubscriptions;
use crate::calendar::{MINUTE, SECOND};
use crate::faults::TimestampSkew;
use crate::hash_random;
use crate::massive::channel::StockChannel;
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::print::StockPrint;
use crate::massive::exchange::stock::{EmulatedStock, Lateness};
use crate::massive::exchange::unadjusted_bar::UnadjustedBar;
use crate::massive::new_york::{self, NS_PER_MS};
use crate::massive::trading_calendar::StockSession;
use crate::massive::trading_minute::TradingMinute;

/// The largest delay of prints, in minutes.
const LATE_MINUTES: i64 = 16;
/// The delay of a second bar after its end, in ms.
const SECOND_DELAY_MS: i64 = 2_000;
/// The delay of a minute bar after its end, and the largest addition, in ms, different for each ticker.
const MINUTE_DELAY_MS: (i64, u64) = (1_000, 3_000);
/// The interval between two price bands, in ms.
const BAND_EVERY_MS: i64 = 30_000;

#[derive(Clone, Copy, Debug)]
enum EventKind {
    Trade(StockPrint),
    Quote(StockPrint),
    /// A second bar, by its start in ms.
    Second(i64),
    /// A minute bar, by its start in ms.
    Minute(i64),
    Band,
}

#[derive(Clone, Copy, Debug)]
struct ScheduledEvent {
    at_ns: i64,
    index: u32,
    what: EventKind,
}

/// The events of one minute.
#[derive(Debug, Default)]
pub(crate) struct EventSchedule {
    items: Vec<ScheduledEvent>,
    next: usize,
    /// The end; later events are in another schedule.
    end_ns: i64,
}

/// Adds all events of `from_ns..to_ns` (the end included), schedule by schedule; returns how many trades were
/// stamped ahead of their time.
pub(crate) fn emit(
    exchange: &StockExchange,
    wants: &ChannelSubscriptions,
    foresight: &TimestampSkew,
    board: &mut Option<EventSchedule>,
    (from_ns, to_ns): (i64, i64),
    frames: &mut EventFrames,
) -> u64 {
    let (mut told_ns, mut ahead) = (from_ns, 0);
    while told_ns < to_ns {
        let current = board.get_or_insert_with(|| EventSchedule::of(exchange, wants, told_ns));
        ahead += current.emit_due(exchange, foresight, to_ns, frames);
        told_ns = current.end_ns.min(to_ns);
        if current.end_ns <= to_ns {
            *board = None;
        }
    }
    ahead
}

impl EventSchedule {
    /// Collects all events of the minute that become known after `from_ns`.
    fn of(exchange: &StockExchange, wants: &ChannelSubscriptions, from_ns: i64) -> Self {
        let minute = (from_ns / NS_PER_MS).div_euclid(MINUTE);
        let end_ns = (minute + 1) * MINUTE * NS_PER_MS;
        let back = if exchange.scenario.late_share > 0.0 { LATE_MINUTES } else { 1 };
        let moments: Vec<TradingMinute> = (minute - back..=minute)
            .map(|at| TradingMinute::at(at * MINUTE, exchange.scenario.hours))
            .collect();
        let mut board = Self { items: Vec::new(), next: 0, end_ns };
        for index in wants.stocks(exchange) {
            board.add_stock(exchange, wants, index, &moments, from_ns);
        }
        board.items.sort_by_key(|item| item.at_ns);
        board
    }

    fn add_stock(
        &mut self,
        exchange: &StockExchange,
        wants: &ChannelSubscriptions,
        index: u32,
        moments: &[TradingMinute],
        from_ns: i64,
    ) {
        let stock = exchange.universe.get(index);
        let [seconds, minutes, trades, quotes, bands] =
            StockChannel::ALL.map(|channel| wants.has(channel, index));
        let trades = trades && exchange.scenario.flood.is_none();
        let minute_delay_ms = MINUTE_DELAY_MS.0 + (stock.key() % MINUTE_DELAY_MS.1) as i64;
        let end_ns = self.end_ns;
        let mut add = |at_ns: i64, what: EventKind| {
            if from_ns < at_ns && at_ns <= end_ns {
                self.items.push(ScheduledEvent { at_ns, index, what });
            }
        };
        // The bar announced last: one announcement serves all prints that were in time for it.
        let (mut last_second, mut last_minute) = (0, 0);
        for at in moments.iter().filter(|at| at.day >= exchange.first_day) {
            stock.minute(*at, Lateness::of(&exchange.scenario), |print| {
                if !print.is_streamed {
                    return;
                }
                if trades {
                    add(print.known_ns, EventKind::Trade(print));
                }
                if quotes && print.known_ns - print.sip_ns < SECOND * NS_PER_MS {
                    add(print.known_ns - 1, EventKind::Quote(print));
                }
                let stamp_ms = print.sip_ns / NS_PER_MS;
                if seconds {
                    let start_ms = stamp_ms.div_euclid(SECOND) * SECOND;
                    let due_ns = (start_ms + SECOND + SECOND_DELAY_MS) * NS_PER_MS;
                    announce(print.known_ns, due_ns, start_ms, &mut last_second, |at| {
                        add(at, EventKind::Second(start_ms));
                    });
                }
                if minutes {
                    let start_ms = at.minute * MINUTE;
                    let due_ns = (start_ms + MINUTE + minute_delay_ms) * NS_PER_MS;
                    announce(print.known_ns, due_ns, start_ms, &mut last_minute, |at| {
                        add(at, EventKind::Minute(start_ms));
                    });
                }
            });
        }
        let now = moments.last().filter(|at| bands && at.session.counts_for_day());
        for nth in now.iter().flat_map(|_| 0..MINUTE / BAND_EVERY_MS) {
            add(end_ns - (MINUTE - nth * BAND_EVERY_MS) * NS_PER_MS + 1, EventKind::Band);
        }
    }

    fn emit_due(
        &mut self,
        exchange: &StockExchange,
        foresight: &TimestampSkew,
        to_ns: i64,
        frames: &mut EventFrames,
    ) -> u64 {
        let mut ahead = 0;
        let due = self.items[self.next..].partition_point(|item| item.at_ns <= to_ns);
        for item in &self.items[self.next..self.next + due] {
            let ahead_ms = ahead_ms(exchange, foresight, item);
            ahead += u64::from(ahead_ms != 0 && matches!(item.what, EventKind::Trade(_)));
            let Some(event) = encode_event(exchange, item, ahead_ms) else { continue };
            frames.add(|out| out.push_str(&event));
            let lot = hash_random::draw(exchange.universe.get(item.index).key(), item.at_ns.cast_unsigned());
            if hash_random::unit(lot) < exchange.scenario.duplicate_share {
                frames.add(|out| out.push_str(&event));
            }
        }
        self.next += due;
        ahead
    }
}

/// Returns how far ahead of its time a print is stamped, in ms, with the quote that belongs to it.
fn ahead_ms(exchange: &StockExchange, foresight: &TimestampSkew, item: &ScheduledEvent) -> i64 {
    let (EventKind::Trade(print) | EventKind::Quote(print)) = item.what else { return 0 };
    if foresight.is_none() {
        return 0;
    }
    let stock = exchange.universe.get(item.index);
    if let Some((from_ms, ahead_ms)) = foresight.first
        && from_ms * NS_PER_MS <= print.sip_ns
        && is_first_since(exchange, stock, from_ms * NS_PER_MS, &print)
    {
        return ahead_ms;
    }
    let drawn = hash_random::unit(hash_random::draw(stock.key() ^ 0xF07E, print.sip_ns.cast_unsigned()));
    if drawn < foresight.share { foresight.ahead_ms } else { 0 }
}

/// Returns whether no other streamed print lies between the moment and this one.
fn is_first_since(exchange: &StockExchange, stock: &EmulatedStock, from_ns: i64, print: &StockPrint) -> bool {
    let minute_of = |ns: i64| (ns / NS_PER_MS).div_euclid(MINUTE);
    let (mut minute, last) = (minute_of(from_ns), minute_of(print.sip_ns));
    while minute <= last {
        let (at, mut found) = (TradingMinute::at(minute * MINUTE, exchange.scenario.hours), false);
        stock.minute(at, Lateness::of(&exchange.scenario), |other| {
            found |= other.is_streamed && from_ns <= other.sip_ns && other.sip_ns < print.sip_ns;
        });
        if found {
            return false;
        }
        minute += 1;
    }
    true
}

/// Announces the bar of a print: when it is due, or, for a late print, as soon as that is known.
fn announce(known_ns: i64, due_ns: i64, start_ms: i64, last_ms: &mut i64, add: impl FnOnce(i64)) {
    if known_ns > due_ns {
        add(known_ns);
    } else if *last_ms != start_ms {
        *last_ms = start_ms;
        add(due_ns);
    }
}

fn encode_event(exchange: &StockExchange, item: &ScheduledEvent, ahead_ms: i64) -> Option<String> {
    let shifted = |print: StockPrint| StockPrint { sip_ns: print.sip_ns + ahead_ms * NS_PER_MS, ..print };
    let stock = exchange.universe.get(item.index);
    let at_ms = item.at_ns / NS_PER_MS;
    Some(match item.what {
        EventKind::Trade(print) => events::trade(stock, &shifted(print)),
        EventKind::Quote(print) => events::quote(stock, &shifted(print)),
        EventKind::Second(start_ms) => {
            let at = TradingMinute::at(start_ms, exchange.scenario.hours);
            let bars = exchange.seconds(stock, at, at_ms);
            let bar = *bars.iter().find(|bar| bar.start_ms == start_ms)?;
            let today = today(exchange, item.index, start_ms + SECOND, at_ms);
            events::bar("A", stock, &bar, SECOND, &today)
        }
        EventKind::Minute(start_ms) => {
            let mut bar = UnadjustedBar::empty(start_ms);
            let at = TradingMinute::at(start_ms, exchange.scenario.hours);
            exchange.minute(stock, at, at_ms, |print| bar.add(&print));
            if !bar.is_priced() {
                return None;
            }
            let today = today(exchange, item.index, start_ms + MINUTE, at_ms);
            events::bar("AM", stock, &bar, MINUTE, &today)
        }
        EventKind::Band => {
            let print = exchange.last_print(item.index, at_ms)?;
            events::band(stock, print.price_e8, item.at_ns, print.sequence)
        }
    })
}

/// Returns the day up to `end_ms`, as known at `at_ms`.
fn today(exchange: &StockExchange, index: u32, end_ms: i64, at_ms: i64) -> DayToDate {
    let day = new_york::day_of(end_ms - 1);
    let mut today = DayToDate::default();
    for cell in exchange.minutes(index, day, at_ms) {
        let mut bar = cell.bar;
        if bar.start_ms >= end_ms {
            break;
        }
        if bar.start_ms + MINUTE > end_ms {
            // The minute ends at the second of the event.
            bar = UnadjustedBar::empty(bar.start_ms);
            let at = TradingMinute::at(bar.start_ms, exchange.scenario.hours);
            exchange.minute(exchange.universe.get(index), at, at_ms, |print| {
                if print.sip_ns < end_ms * NS_PER_MS {
                    bar.add(&print);
                }
            });
        }
        let counts = matches!(cell.session, StockSession::Regular | StockSession::Overnight);
        if counts && bar.is_priced() {
            today.open.get_or_insert(bar.open);
        }
        today.whole.append(&bar, counts);
    }
    today
}

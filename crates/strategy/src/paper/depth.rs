//! Fills from the order book: an order walks the levels it may take and leaves the rest.

use market_backbone_core::{Level, OrderBook, Side};
use rust_decimal::Decimal;

use super::matching::{FillMoment, FillPrice, OrderMatching};
use super::working_order::Aim;
use crate::decimals::decimal;
use crate::order::FillCertainty;

/// The amounts that paper orders took from levels that later books still show.
///
/// The real book does not know of these orders. Without this memory, one level would fill them again with every book.
#[derive(Clone, Debug, Default)]
pub(crate) struct TakenLevels {
    // As long as a book is deep, at the most: what a book no longer shows is forgotten.
    taken: Vec<(Side, f64, Decimal)>,
}

impl TakenLevels {
    fn forget_all_but(&mut self, book: &OrderBook) {
        self.taken.retain(|(side, price, _)| levels(book, *side).iter().any(|level| level.price == *price));
    }

    fn left(&self, side: Side, level: Level) -> Decimal {
        let taken = self.taken.iter().find(|(of, price, _)| *of == side && *price == level.price);
        let taken = taken.map_or(Decimal::ZERO, |(.., amount)| *amount);
        (decimal(level.size).unwrap_or_default() - taken).max(Decimal::ZERO)
    }

    fn take(&mut self, side: Side, price: f64, amount: Decimal) {
        match self.taken.iter_mut().find(|(of, at, _)| *of == side && *at == price) {
            Some((.., taken)) => *taken += amount,
            None => self.taken.push((side, price, amount)),
        }
    }
}

/// Returns the levels that an order of `side` takes from, the best first.
fn levels(book: &OrderBook, side: Side) -> &[Level] {
    match side {
        Side::Buy => &book.asks,
        Side::Sell => &book.bids,
    }
}

/// Works a book through the orders of its market. `triggers` says whether the book triggers stops; where trades arrive,
/// these do.
pub(crate) fn fill_from_book(
    matching: &mut OrderMatching<'_>,
    book: &OrderBook,
    triggers: bool,
    taken: &mut TakenLevels,
) {
    taken.forget_all_but(book);
    matching.settle(book.time);
    for at in 0..matching.orders.len() {
        matching.looks += 1;
        let order = &matching.orders[at];
        if order.is_working() && !order.is_fresh && order.arrives <= book.time {
            meet_book(matching, at, book, triggers, taken);
        }
    }
    for order in matching.orders.iter_mut().filter(|order| order.is_working()) {
        if let (Aim::Limit(limit), None) = (order.aim(), order.ahead) {
            order.ahead = Some(standing_at(book, order.side, limit));
        }
    }
    matching.rest_met();
}

/// Returns how much stands at `price` on the side on which an order of `side` waits.
fn standing_at(book: &OrderBook, side: Side, price: f64) -> Decimal {
    let waiting = if side == Side::Buy { &book.bids } else { &book.asks };
    let level = waiting.iter().find(|level| level.price == price);
    level.and_then(|level| decimal(level.size)).unwrap_or_default()
}

fn meet_book(
    matching: &mut OrderMatching<'_>,
    at: usize,
    book: &OrderBook,
    triggers: bool,
    taken: &mut TakenLevels,
) {
    let order = &mut matching.orders[at];
    let best = levels(book, order.side).first().map(|level| level.price);
    if let (true, Some(best)) = (triggers, best) {
        order.follow(best);
        if let Aim::Trigger(trigger) = order.aim()
            && order.is_triggered_at(best, trigger)
        {
            matching.trigger(at, book.time);
        }
    }
    match matching.orders[at].aim() {
        Aim::Trigger(_) => {}
        Aim::Take => walk_levels(matching, at, book, None, taken),
        Aim::Limit(limit) => walk_levels(matching, at, book, Some(limit), taken),
    }
}

/// Takes level after level as far as the order's amount and limit reach.
fn walk_levels(
    matching: &mut OrderMatching<'_>,
    at: usize,
    book: &OrderBook,
    limit: Option<f64>,
    taken: &mut TakenLevels,
) {
    let moment = FillMoment { time: book.time, certainty: FillCertainty::Proven };
    let side = matching.orders[at].side;
    for level in levels(book, side) {
        let order = &matching.orders[at];
        let is_allowed = limit.is_none_or(|limit| order.is_beyond_limit(level.price, limit, true));
        if !order.is_working() || !is_allowed {
            break;
        }
        let left = taken.left(side, *level);
        let Some(shown) = decimal(level.price) else { continue };
        // An order that waits in the book is met at its own limit: the taker comes to it.
        let (price, is_taker) = match (order.is_resting, order.limit_price()) {
            (true, Some(limit)) => (limit, false),
            _ => (shown, true),
        };
        if left > Decimal::ZERO {
            let done = matching.execute(at, FillPrice { price, is_taker, slips: false }, moment, Some(left));
            taken.take(side, level.price, done);
        }
    }
}

//! Fills from single trades of the market.

use market_backbone_core::{Side, Trade};
use rust_decimal::Decimal;

use super::config::LimitReach;
use super::matching::{FillMoment, FillPrice, OrderMatching};
use super::working_order::Aim;
use crate::decimals::decimal;
use crate::order::FillCertainty;

/// Works a trade through the orders of its market. `takes` says whether orders that take from the market are filled by
/// trades; where books arrive, they are filled by books.
pub(crate) fn fill_from_trade(matching: &mut OrderMatching<'_>, trade: &Trade, takes: bool) {
    let (Some(price), Some(size)) = (decimal(trade.price), decimal(trade.size)) else { return };
    matching.settle(trade.time);
    let share = matching.terms.config.volume_share.unwrap_or(Decimal::ONE);
    // No order may take more than the trade shows, whatever the limit of the bar around it.
    let outer = matching.budget.replace(size * share);
    for at in 0..matching.orders.len() {
        matching.looks += 1;
        let order = &matching.orders[at];
        // A trade that comes late may be older than the order, and one that started it cannot fill it as well.
        if order.is_working() && !order.is_fresh && order.arrives <= trade.time {
            meet_trade(matching, at, trade, price, takes);
        }
    }
    matching.budget = outer;
    matching.rest_met();
}

fn meet_trade(matching: &mut OrderMatching<'_>, at: usize, trade: &Trade, price: Decimal, takes: bool) {
    let order = &mut matching.orders[at];
    order.follow(trade.price);
    let time = trade.time;
    match order.aim() {
        Aim::Take if takes => {
            // A trade of the other side was at the price that this order would have had to improve on.
            let certainty = match trade.side {
                Some(side) if side == order.side => FillCertainty::Proven,
                Some(_) | None => FillCertainty::Assumed,
            };
            let fill = FillPrice { price, is_taker: true, slips: true };
            matching.execute(at, fill, FillMoment { time, certainty }, None);
        }
        Aim::Take => {}
        Aim::Trigger(trigger) => {
            // The order is sent on by this trade: it takes the next one.
            if order.is_triggered_at(trade.price, trigger) {
                matching.trigger(at, time);
            }
        }
        Aim::Limit(limit) => {
            let is_through = order.is_beyond_limit(trade.price, limit, false);
            let most = if is_through {
                None
            } else if trade.price == limit {
                at_the_limit(matching, at, trade)
            } else {
                return;
            };
            if !is_through && most.is_none() {
                return;
            }
            let order = &matching.orders[at];
            let (Some(limit), is_taker) = (order.limit_price(), !order.is_resting) else { return };
            // One that was just triggered takes what there is; one that waits is met at its limit.
            let limit = if order.triggered && is_taker && is_through { price } else { limit };
            let certainty = if is_through { FillCertainty::Proven } else { FillCertainty::Assumed };
            matching.execute(
                at,
                FillPrice { price: limit, is_taker, slips: false },
                FillMoment { time, certainty },
                most,
            );
        }
    }
}

/// Returns how much a trade at the limit itself leaves for the order; `None` for nothing.
fn at_the_limit(matching: &mut OrderMatching<'_>, at: usize, trade: &Trade) -> Option<Decimal> {
    let order = &mut matching.orders[at];
    match matching.terms.config.limit_reach {
        LimitReach::Through => None,
        LimitReach::Touch => decimal(trade.size),
        LimitReach::Queue => {
            // Only takers of the other side use up what stands at this limit.
            if trade.side.is_some_and(|taker: Side| taker == order.side) {
                return None;
            }
            let ahead = order.ahead?;
            let left = ahead - decimal(trade.size)?;
            order.ahead = Some(left.max(Decimal::ZERO));
            (left < Decimal::ZERO).then_some(-left)
        }
    }
}

//! Fills from a bar, of which only open, high, low and close are known.

use market_backbone_core::{Candle, Series, Side, Timestamp};
use rust_decimal::Decimal;

use super::config::IntrabarPath;
use super::finer::FinerData;
use super::matching::{FillMoment, OrderMatching};
use crate::broker::BrokerEvent;
use crate::decimals::decimal;
use crate::order::{FillCertainty, OrderFill};

/// Works a bar through the orders of its market. Returns whether the order of its prices decided something.
pub(crate) fn fill_from_bar(
    matching: &mut OrderMatching<'_>,
    series: &Series,
    candle: &Candle,
    finer: Option<&mut (dyn FinerData + 'static)>,
) -> bool {
    let end = matching.terms.config.grid.close(series.timeframe, candle.open_time);
    matching.budget =
        matching.terms.config.volume_share.and_then(|share| Some(decimal(candle.volume)? * share));
    matching.settle(candle.open_time);
    for order in &mut matching.orders {
        // Whether a fill inside the bar or the cancellation came first, the bar does not tell.
        order.is_doubtful |= order.cancelled_at.is_some_and(|arrival| arrival < end);
    }
    matching.meet(candle.open, FillMoment { time: candle.open_time, certainty: FillCertainty::Proven });
    matching.rest_all();
    let touch = matching.touch_fills();
    let may_act = |matching: &OrderMatching<'_>| {
        let mut working = matching.orders.iter().filter(|order| order.is_working());
        working.any(|order| order.may_act_between(candle.low, candle.high, touch))
    };
    let is_ambiguous = if may_act(matching) {
        matching.inside = true;
        let is_ambiguous = fill_inside(matching, series, candle, end, finer);
        (matching.inside, matching.entered, matching.closed_after_entry) = (false, false, 0);
        is_ambiguous
    } else {
        for order in matching.orders.iter_mut().filter(|order| order.is_working()) {
            order.follow(candle.high);
            order.follow(candle.low);
        }
        false
    };
    fill_late_arrivals(matching, candle, end);
    matching.budget = None;
    is_ambiguous
}

/// Lets what arrives inside the bar meet its close: of all its prices this one is the last.
fn fill_late_arrivals(matching: &mut OrderMatching<'_>, candle: &Candle, end: Timestamp) {
    // What arrives at the end itself belongs to the next bar.
    let last = Timestamp::from_nanos(end.as_nanos().saturating_sub(1));
    let arrives = |arrival: Timestamp| candle.open_time < arrival && arrival <= last;
    let mut late = matching.orders.iter().filter(|order| {
        arrives(order.arrives) && !order.is_working()
            || order.cancelled_at.is_some_and(arrives)
            || order.amendment.is_some_and(|(arrival, _)| arrives(arrival))
    });
    if late.next().is_none() {
        return;
    }
    matching.settle(last);
    matching.meet(candle.close, FillMoment { time: end, certainty: FillCertainty::Ambiguous });
    matching.rest_all();
}

/// Works through the inside of the bar in both orders of the extremes and keeps one. Returns whether they differ and
/// nothing finer decided.
fn fill_inside<'a>(
    matching: &mut OrderMatching<'a>,
    series: &Series,
    candle: &Candle,
    end: Timestamp,
    finer: Option<&mut (dyn FinerData + 'static)>,
) -> bool {
    let up_first = candle.high - candle.open < candle.open - candle.low;
    let seen = matching.news.len();
    let (mut near, mut far) = (matching.clone(), matching.clone());
    walk(&mut near, candle, up_first, end);
    walk(&mut far, candle, !up_first, end);
    let looks = near.looks + far.looks - matching.looks;
    if are_equal(&near.news[seen..], &far.news[seen..]) {
        *matching = OrderMatching { looks, ..near };
        return false;
    }
    if let Some(finer) = finer
        && let Some(events) = finer.finer(series, candle)
    {
        super::finer::fill_from_finer(matching, &events, finer);
        return false;
    }
    let close = decimal(candle.close).unwrap_or_default();
    let (mut kept, other): (OrderMatching<'a>, _) =
        if keeps_far(matching.terms.config.path, &near, &far, close, seen) {
            (far, near)
        } else {
            (near, far)
        };
    mark(&mut kept, &other, seen);
    *matching = OrderMatching { looks, ..kept };
    true
}

/// Moves the price through the bar.
fn walk(matching: &mut OrderMatching<'_>, candle: &Candle, up_first: bool, end: Timestamp) {
    let (first, second) = if up_first { (candle.high, candle.low) } else { (candle.low, candle.high) };
    let moment = FillMoment { time: end, certainty: FillCertainty::Assumed };
    for (from, to) in [(candle.open, first), (first, second), (second, candle.close)] {
        matching.travel(from, to, moment);
    }
}

/// Returns whether the same happened, in whatever order.
fn are_equal(one: &[BrokerEvent], other: &[BrokerEvent]) -> bool {
    one.len() == other.len() && one.iter().all(|news| other.contains(news))
}

/// Returns whether the order that passes the farther extreme first is to be kept.
fn keeps_far(
    path: IntrabarPath,
    near: &OrderMatching<'_>,
    far: &OrderMatching<'_>,
    close: Decimal,
    seen: usize,
) -> bool {
    let (near_value, far_value) = (near.value_at(close), far.value_at(close));
    match path {
        IntrabarPath::Pessimistic => far_value < near_value,
        IntrabarPath::Optimistic => far_value > near_value,
        IntrabarPath::NearestExtremeFirst => {
            // Only what must come after an entry may close it: the order of prices that closes less is kept.
            if near.closed_after_entry != far.closed_after_entry {
                return far.closed_after_entry < near.closed_after_entry;
            }
            // Stop and target both reached: the worse one.
            let differ_in_exit = sells_or_buys(near, seen) == sells_or_buys(far, seen);
            differ_in_exit && far_value < near_value
        }
    }
}

/// Returns how many fills of either side there were.
fn sells_or_buys(matching: &OrderMatching<'_>, seen: usize) -> (usize, usize) {
    let count = |side| fills(&matching.news[seen..]).filter(|fill| fill.side == side).count();
    (count(Side::Buy), count(Side::Sell))
}

fn fills(news: &[BrokerEvent]) -> impl Iterator<Item = &OrderFill> {
    news.iter().filter_map(|news| match news {
        BrokerEvent::Fill(fill) => Some(fill),
        BrokerEvent::Status { .. } => None,
    })
}

/// Marks as ambiguous each fill that the other order of prices does not have, and as doubtful each open order that it
/// would have filled.
fn mark(kept: &mut OrderMatching<'_>, other: &OrderMatching<'_>, seen: usize) {
    for news in &mut kept.news[seen..] {
        if let BrokerEvent::Fill(fill) = news
            && !fills(&other.news[seen..]).any(|same| same == fill)
        {
            fill.certainty = FillCertainty::Ambiguous;
        }
    }
    for fill in fills(&other.news[seen..]) {
        let group = kept.orders.iter().find(|order| order.id == fill.order).and_then(|order| order.oca);
        for order in &mut kept.orders {
            order.is_doubtful |= order.id == fill.order || (group.is_some() && order.oca == group);
        }
    }
}

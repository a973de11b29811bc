//! Walks over a venue whose pages are of one day, and which counts days from its newest trade, as Upbit does.

use std::collections::BTreeSet;

use market_backbone_core::{Side, Trade, VenueId};
use proptest::prelude::*;

use super::*;

/// The milliseconds of a day of the model.
const DAY: i64 = 1_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn symbol() -> Symbol {
    Symbol::new(VenueId::new("toy"), "A").unwrap()
}

fn trade(ms: i64) -> Trade {
    let (id, time) = (TradeId::Number(ms * 10), at(ms));
    Trade { symbol: symbol(), id, price: 1.0, size: 1.0, side: Some(Side::Buy), time, received: time }
}

fn day_of(moment: Timestamp) -> i64 {
    (moment.as_nanos()).div_euclid(DAY * 1_000_000)
}

/// A venue, with the adapter that speaks to it.
struct DayVenue {
    /// When its trades happen.
    times: BTreeSet<i64>,
    /// Whether a page that names no day goes back over midnight.
    reaches_back: bool,
}

impl DayVenue {
    /// Answers what was encoded, arrives and is read at these moments.
    fn answer(&self, request: &TradePageRequest, (sent, arrived, read): (i64, i64, i64)) -> TradePage {
        let (end, asked) = match &request.cursor {
            TradeCursor::Latest => (i64::MAX, None),
            TradeCursor::Before(TradeId::Number(id)) => (*id, Some(id.div_euclid(10 * DAY))),
            TradeCursor::Before(TradeId::Text(_)) => unreachable!("its ids are numbers"),
            TradeCursor::At(moment) => (moment.as_millis() * 10, Some(day_of(at(moment.as_millis() - 1)))),
        };
        let today = day_of(request.newest.unwrap_or(at(sent)));
        let days_ago = asked.map_or(0, |day| (today - day).max(0));
        let shown = self.times.range(..=arrived);
        let Some(newest) = shown.clone().next_back() else { return TradePage::default() };
        let day = newest.div_euclid(DAY) - days_ago;
        let one_day = days_ago > 0 || !self.reaches_back;
        let mut trades: Vec<_> = shown
            .rev()
            .filter(|ms| **ms * 10 < end && (!one_day || ms.div_euclid(DAY) == day))
            .take(request.count as usize)
            .map(|ms| trade(*ms))
            .collect();
        trades.reverse();
        let may_have_moved = request.newest.is_none_or(|newest| day_of(newest) < day_of(at(read)));
        let is_day_uncertain =
            asked.is_some_and(|day| may_have_moved && !trades.iter().any(|trade| day_of(trade.time) == day));
        let page = TradePage { trades, is_day_uncertain, ..TradePage::default() };
        let next = if page.is_full(request.count) { page.before_oldest() } else { None };
        let day = page.trades.first().map(|oldest| day_of(oldest.time)).or(asked);
        let begin = || TradeCursor::At(at(day.unwrap_or_else(|| day_of(at(read))) * DAY));
        TradePage { next: Some(next.unwrap_or_else(begin)), ..page }
    }
}

/// The times that a walk shows, newest first, and its number of answers; time passes by `steps` before, in and after
/// each request.
fn walk(venue: &DayVenue, mut walk: TradeWalk, start: i64, count: u32, steps: &[i64]) -> (Vec<i64>, u32) {
    let mut steps = steps.iter().copied().cycle();
    let mut now = start;
    let mut pass = || {
        let sent = now;
        now += steps.next().unwrap_or(0);
        sent
    };
    let mut shown = Vec::new();
    let kept_since = at(venue.times.first().map_or(0, |oldest| oldest.div_euclid(DAY) * DAY));
    while let Some(request) = walk.next_request(count, kept_since) {
        assert!(walk.answers() < 10_000, "it does not end");
        let moments = (pass(), pass(), pass());
        match walk.absorb(&request, venue.answer(&request, moments)) {
            WalkStep::Page(page) => {
                shown.extend(page.trades.iter().rev().map(|trade| trade.time.as_millis()));
            }
            WalkStep::AskAgain => {}
            WalkStep::Torn => panic!("nothing is stale here"),
        }
    }
    (shown, walk.answers())
}

fn latest() -> TradeWalk {
    TradeWalk::new(symbol(), TradeCursor::Latest)
}

#[test]
fn at_midnight_sharp_the_day_that_has_ended_is_not_skipped() {
    for reaches_back in [false, true] {
        let venue = DayVenue { times: (DAY - 100..3 * DAY).step_by(10).collect(), reaches_back };
        let (shown, _) = walk(&venue, latest(), 3 * DAY, 7, &[0]);
        assert_eq!(shown, venue.times.iter().rev().copied().collect::<Vec<_>>());
    }
}

#[test]
fn an_empty_page_of_a_market_that_has_not_traded_for_days_costs_one_look_at_its_newest_trade() {
    let venue = DayVenue { times: [10, 20, DAY + 5, DAY + 6, DAY + 7].into(), reaches_back: false };
    let (shown, answers) = walk(&venue, latest(), 9 * DAY + 1, 2, &[0]);
    assert_eq!(shown, [DAY + 7, DAY + 6, DAY + 5, 20, 10]);
    assert_eq!(answers, 5, "two pages of one day, one of the other, an empty one, and the look");
}

#[test]
fn a_page_is_not_believed_while_its_first_trade_of_a_new_day_may_have_moved_the_others() {
    // The first trade of a new day happens while the second page is on its way.
    let venue = DayVenue { times: [DAY - 30, DAY - 20, DAY - 10, DAY + 1].into(), reaches_back: false };
    let steps = [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    let (shown, _) = walk(&venue, latest(), DAY - 1, 2, &steps);
    assert_eq!(shown, [DAY - 10, DAY - 20, DAY - 30]);
}

#[test]
fn a_page_that_would_be_the_last_of_a_day_is_asked_for_twice_and_the_longer_one_is_taken() {
    let mut walk = TradeWalk::new(symbol(), TradeCursor::At(at(5 * DAY))).proving_joins();
    let first = walk.next_request(10, Timestamp::MIN).unwrap();
    let empty = TradePage { next: Some(TradeCursor::At(at(4 * DAY))), ..TradePage::default() };
    assert_eq!(walk.absorb(&first, empty), WalkStep::AskAgain);
    let again = walk.next_request(10, Timestamp::MIN).unwrap();
    assert_eq!((&again.cursor, again.count), (&first.cursor, 9));
    let whole = TradePage {
        trades: vec![trade(4 * DAY + 1)],
        next: Some(TradeCursor::At(at(4 * DAY))),
        ..TradePage::default()
    };
    assert_eq!(walk.absorb(&again, whole.clone()), WalkStep::Page(whole));
}

#[test]
fn a_page_that_does_not_begin_with_the_seam_is_torn_and_asked_for_again() {
    let mut walk = latest().proving_joins();
    let first = walk.next_request(2, Timestamp::MIN).unwrap();
    let page = |times: [i64; 2]| {
        let trades = times.map(trade).to_vec();
        let next = Some(TradeCursor::Before(trades[0].id.clone()));
        TradePage { trades, next, ..TradePage::default() }
    };
    assert!(matches!(walk.absorb(&first, page([8, 9])), WalkStep::Page(_)));
    let second = walk.next_request(2, Timestamp::MIN).unwrap();
    assert_eq!(second.cursor, TradeCursor::Before(TradeId::Number(81)));
    assert_eq!(walk.absorb(&second, page([5, 6])), WalkStep::Torn);
    assert_eq!(walk.next_request(2, Timestamp::MIN), Some(second.clone()));
    assert!(matches!(walk.absorb(&second, page([7, 8])), WalkStep::Page(_)));
}

proptest! {
    #[test]
    fn every_trade_is_shown_once_wherever_midnight_falls(
        times in prop::collection::btree_set(0..4 * DAY, 1..60),
        late in prop::collection::btree_set(-30..30_i64, 0..12),
        start in (0..6_i64, -20..20_i64),
        count in 2..9_u32,
        steps in prop::collection::vec(0..4_i64, 3..40),
        reaches_back: bool,
        joins: bool,
    ) {
        let start = start.0 * DAY + start.1;
        let times: BTreeSet<_> = times.into_iter().chain(late.into_iter().map(|ms| start + ms)).collect();
        prop_assume!(times.first().is_some_and(|first| *first <= start));
        let venue = DayVenue { times, reaches_back };
        let beginning = if joins { latest().proving_joins() } else { latest() };
        let (mut shown, _) = walk(&venue, beginning, start, count, &steps);
        if joins {
            shown.dedup();
        }
        // A first page that is asked for twice may show what has been traded meanwhile.
        let first_arrival = start + steps[0];
        shown.retain(|ms| *ms <= first_arrival);
        let want: Vec<_> = venue.times.range(..=first_arrival).rev().copied().collect();
        prop_assert_eq!(shown, want);
    }
}

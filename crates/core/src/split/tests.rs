//! Splits that fall into weeks, months and hours, on New York's calendar.

use std::collections::BTreeMap;

use crate::{
    AdjustedCandles, Candle, CandleSet, Dispute, Grid, Origin, Provenance, RejectedRow, Series, Slot, Span,
    Split, SplitHistory, Symbol, TimeRange, Timeframe, Timestamp, VenueId,
};

/// The start of the week of Sunday, 2026-11-15, in New York.
const WEEK: &str = "2026-11-15T05:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Returns the moment at which a day of November 2026 begins in New York.
fn day(of_month: i64) -> Timestamp {
    Timestamp::from_secs(at("2026-11-02T05:00:00Z").as_secs() + (of_month - 2) * 86_400)
}

fn share() -> Symbol {
    Symbol::new(VenueId::new("massive"), "AAPL").unwrap()
}

fn history(splits: &[(Timestamp, f64, f64)]) -> SplitHistory {
    let split =
        |&(effective, from, to): &(Timestamp, f64, f64)| Split { symbol: share(), effective, from, to };
    SplitHistory::new(&share(), &splits.iter().map(split).collect::<Vec<_>>(), Timestamp::MAX)
}

/// Returns a candle that goes from `price` to `price + 1`, one below and two above, of 10 shares.
fn candle(open_time: Timestamp, price: f64) -> Candle {
    let (open, high, low, close) = (price, price + 2.0, price - 1.0, price + 1.0);
    Candle { open_time, open, high, low, close, volume: 10.0, turnover: 1_000.0, is_final: true }
}

/// Returns candles with a known range around them.
fn set(timeframe: Timeframe, candles: Vec<Candle>, from: Timestamp, to: Timestamp) -> CandleSet {
    let range = TimeRange::new(from, to).unwrap();
    let provenance = Provenance { origin: Origin::Rest, observed_at: to };
    let mut set = CandleSet::empty(Series::new(share(), timeframe));
    set.coverage.insert(Span { range, provenance });
    set.candles = candles.into();
    set
}

/// Returns the days of the week, from Monday on, at these prices; the whole week is known.
fn days(prices: &[f64]) -> CandleSet {
    let rows = (16..).zip(prices).map(|(of_month, price)| candle(day(of_month), *price)).collect();
    set(Timeframe::D1, rows, at(WEEK), day(22))
}

/// Returns the week as it was traded.
fn week(days: &CandleSet) -> Candle {
    Candle { turnover: 5_000.0, ..crate::derivation::aggregate(at(WEEK), &days.candles.to_vec()).unwrap() }
}

fn weeks(candle: Candle) -> CandleSet {
    set(Timeframe::W1, vec![candle], at(WEEK), day(22))
}

fn adjust(set: CandleSet, parts: CandleSet, splits: &[(Timestamp, f64, f64)]) -> AdjustedCandles {
    adjust_at(set, parts, splits, Timestamp::MAX)
}

fn adjust_at(
    set: CandleSet,
    parts: CandleSet,
    splits: &[(Timestamp, f64, f64)],
    now: Timestamp,
) -> AdjustedCandles {
    let parts = BTreeMap::from([(set.candles.first().unwrap().open_time, parts)]);
    set.adjusted(&history(splits), Grid::NewYork, &parts, now)
}

/// Returns open, high, low, close and volume of the only candle.
#[track_caller]
fn figures(adjusted: &AdjustedCandles) -> [f64; 5] {
    assert_eq!((adjusted.set.candles.len(), adjusted.unadjustable.len()), (1, 0));
    let got = adjusted.set.candles.first().unwrap();
    assert!(got.turnover.to_bits() == 5_000.0_f64.to_bits(), "{got:?}");
    [got.open, got.high, got.low, got.close, got.volume]
}

#[test]
fn a_week_that_a_split_falls_into_is_put_together_from_days_in_new_shares() {
    let days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let week = week(&days);
    let splits = [(day(18), 1.0, 4.0)];
    let straddled = weeks(week).straddling_splits(&history(&splits), Grid::NewYork);
    let slot = TimeRange::new(at(WEEK), day(22)).unwrap();
    assert_eq!(
        straddled.iter().map(|one| (one.slot, one.component_timeframe)).collect::<Vec<_>>(),
        [(slot, Timeframe::D1)]
    );
    let got = figures(&adjust(weeks(week), days, &splits));
    assert_eq!(got, [100.0, 105.0, 99.75, 104.0, 2.0 * 40.0 + 3.0 * 10.0]);
}

#[test]
fn two_splits_in_one_week_and_a_reverse_one_count_each_for_its_days() {
    let days = days(&[40.0, 400.0, 400.0, 100.0, 101.0]);
    let splits = [(day(17), 10.0, 1.0), (day(19), 1.0, 4.0)];
    let got = figures(&adjust(weeks(week(&days)), days, &splits));
    assert_eq!(got, [100.0, 105.0, 97.5, 102.0, 4.0 + 40.0 + 40.0 + 10.0 + 10.0]);
}

#[test]
fn a_split_on_the_first_or_after_the_last_day_of_trading_scales_all_or_nothing() {
    let days = days(&[100.0, 101.0, 102.0, 103.0, 104.0]);
    let traded = week(&days);
    // The split is on Sunday itself, with which the week begins, and then on Monday, before which nobody
    // traded.
    for first in [at(WEEK), day(16)] {
        let got = adjust(weeks(traded), days.clone(), &[(first, 1.0, 4.0)]);
        assert_eq!(got.set.candles, [traded], "{first}");
    }
    for after in [day(21), day(22)] {
        let got = figures(&adjust(weeks(traded), days.clone(), &[(after, 1.0, 4.0)]));
        assert_eq!(got, [25.0, 26.5, 24.75, 26.25, 200.0], "{after}");
    }
}

#[test]
fn a_bar_of_which_a_day_is_not_known_is_left_out_and_unknown() {
    let days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let traded = week(&days);
    let mut holed = days.clone();
    holed.candles.retain(|row| row.open_time != day(17));
    holed.coverage.remove(TimeRange::new(day(17), day(18)).unwrap());
    for parts in [holed, CandleSet::empty(days.series.clone()), set(Timeframe::D1, vec![], at(WEEK), day(22))]
    {
        let got = adjust(weeks(traded), parts, &[(day(18), 1.0, 4.0)]);
        assert_eq!((got.set.candles.len(), &got.unadjustable[..]), (0, &[at(WEEK)][..]));
        assert_eq!(got.set.slot(at(WEEK)), Slot::Unknown);
    }
    let none = weeks(traded).adjusted(
        &history(&[(day(18), 1.0, 4.0)]),
        Grid::NewYork,
        &BTreeMap::new(),
        Timestamp::MAX,
    );
    assert_eq!(none.unadjustable, [at(WEEK)]);
}

#[test]
fn a_bar_that_cannot_be_reported_in_todays_shares_is_named_among_the_rows_that_were_left_out() {
    let days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let before = RejectedRow { market: "A".to_owned(), slot: None, reason: "unreadable".to_owned() };
    let named = |split: (Timestamp, f64, f64), parts: CandleSet| {
        let got = adjust(CandleSet { rejected: vec![before.clone()], ..weeks(week(&days)) }, parts, &[split]);
        assert_eq!(got.set.rejected[0], before, "what was left out before is named as well");
        got.set.rejected[1..].to_vec()
    };
    let nothing = CandleSet::empty(days.series.clone());
    for (split, why) in
        [((day(18), 1.0, 4.0), "a split falls into it"), ((day(25), 0.0, 4.0), "a later split is impossible")]
    {
        let rows = named(split, nothing.clone());
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.slot, row.market.as_str()), (Some(at(WEEK)), days.series.symbol.code()));
        assert!(row.reason.contains(why), "{row}");
    }
    assert_eq!(named((day(18), 1.0, 4.0), days.clone()), []);
}

#[test]
fn days_that_add_up_to_the_bar_are_all_there_are() {
    let mut days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let traded = week(&days);
    // Saturday is unknown, but the bar of the week shows that nobody traded.
    days.coverage.remove(TimeRange::new(day(21), day(22)).unwrap());
    assert_eq!(figures(&adjust(weeks(traded), days.clone(), &[(day(18), 1.0, 4.0)]))[4], 110.0);
    let more = Candle { volume: traded.volume + 0.01, ..traded };
    assert_eq!(adjust(weeks(more), days, &[(day(18), 1.0, 4.0)]).unadjustable, [at(WEEK)]);
}

#[test]
fn of_a_week_that_still_forms_the_days_to_come_may_be_missing_and_no_others() {
    let mut days = days(&[400.0, 404.0, 101.0]);
    days.coverage.remove(TimeRange::new(day(18), day(22)).unwrap());
    let third = days.candles.get(2).unwrap();
    days.candles.replace(2, Candle { is_final: false, ..third });
    let forming = Candle { is_final: false, turnover: 5_000.0, volume: 31.0, ..week(&days) };
    let splits = [(day(17), 1.0, 4.0)];
    let got = adjust_at(weeks(forming), days.clone(), &splits, at("2026-11-18T16:00:00Z"));
    assert_eq!(figures(&got), [100.0, 406.0, 99.75, 102.0, 60.0]);
    assert!(!got.set.candles.first().unwrap().is_final);
    // Thursday is over, and nothing is known about it.
    let got = adjust_at(weeks(forming), days, &splits, at("2026-11-20T16:00:00Z"));
    assert_eq!(got.unadjustable, [at(WEEK)]);
}

#[test]
fn what_is_put_together_from_a_disputed_day_is_disputed() {
    let mut days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let range = TimeRange::new(day(19), day(20)).unwrap();
    days.coverage.add_dispute(Dispute { range, earlier: None, later: None });
    let got = adjust(weeks(week(&days)), days, &[(day(18), 1.0, 4.0)]);
    assert!(matches!(got.set.slot(at(WEEK)), Slot::Disputed(Some(_))));
}

#[test]
fn what_lies_before_a_split_without_sense_is_unknown_and_what_lies_after_is_reported() {
    let days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let got = days.clone().adjusted(
        &history(&[(day(18), 0.0, 4.0)]),
        Grid::NewYork,
        &BTreeMap::new(),
        Timestamp::MAX,
    );
    assert_eq!(got.set.candles, days.candles.slice(2..));
    assert_eq!(got.unadjustable, [day(16), day(17)]);
    assert_eq!((got.set.slot(day(17)), got.set.slot(day(21))), (Slot::Unknown, Slot::Empty));
    assert_eq!(adjust(weeks(week(&days)), days, &[(day(18), 0.0, 4.0)]).unadjustable, [at(WEEK)]);
}

#[test]
fn hours_across_new_yorks_midnight_in_winter_are_put_together_from_hours() {
    // Midnight is 05:00Z in winter and 04:00Z, where four hours begin, in summer.
    let (open, midnight) = (at("2026-11-18T04:00:00Z"), at("2026-11-18T05:00:00Z"));
    let hours: Vec<Candle> = [400.0, 100.0, 101.0, 102.0]
        .into_iter()
        .zip(0..)
        .map(|(price, nth)| candle(Timestamp::from_secs(open.as_secs() + nth * 3_600), price))
        .collect();
    let end = at("2026-11-18T08:00:00Z");
    let traded = Candle { turnover: 5_000.0, ..crate::derivation::aggregate(open, &hours).unwrap() };
    let four = set(Timeframe::H4, vec![traded], open, end);
    let splits = [(midnight, 1.0, 4.0)];
    assert_eq!(
        four.straddling_splits(&history(&splits), Grid::NewYork)[0].component_timeframe,
        Timeframe::H1
    );
    let got = figures(&adjust(four.clone(), set(Timeframe::H1, hours, open, end), &splits));
    assert_eq!(got, [100.0, 104.0, 99.0, 103.0, 70.0]);
    let summer = [(at("2026-07-15T04:00:00Z"), 1.0, 4.0)];
    assert_eq!(four.straddling_splits(&history(&summer), Grid::NewYork), []);
}

#[test]
fn only_bars_that_are_there_are_straddled_and_each_once() {
    let days = days(&[400.0, 404.0, 101.0, 102.0, 103.0]);
    let splits = history(&[(day(10), 1.0, 2.0), (day(17), 1.0, 2.0), (day(18), 1.0, 2.0)]);
    assert_eq!(weeks(week(&days)).straddling_splits(&splits, Grid::NewYork).len(), 1);
    assert_eq!(days.straddling_splits(&splits, Grid::NewYork), []);
}

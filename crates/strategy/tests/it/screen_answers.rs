//! What a screen answers: matches, what is unknown, and why.

use market_backbone_core::{
    Candle, CandleSet, Grid, Origin, Provenance, Series, Span, Symbol, TimeRange, Timeframe, Timestamp,
    VenueId,
};
use market_backbone_strategy::screen::{MarketBars, Screen, ScreenAnswer, Verdict};

use super::bars::{bar, point};

fn minute(at: i64) -> Timestamp {
    Timestamp::from_secs(at * 60)
}

/// An answer of minutes with proofs of these stretches.
fn set(candles: &[Candle], proven: &[(i64, i64)]) -> CandleSet {
    let mut set =
        CandleSet::empty(Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1));
    set.candles = candles.iter().collect();
    for (from, to) in proven {
        let range = TimeRange::new(minute(*from), minute(*to)).unwrap();
        set.coverage
            .insert(Span { range, provenance: Provenance { origin: Origin::Rest, observed_at: minute(0) } });
    }
    set
}

fn judge_at(text: &str, now: i64, set: &CandleSet) -> ScreenAnswer {
    let screen = Screen::parse_with(text, Timeframe::M1, market_backbone_strategy::screen::NoValues).unwrap();
    let sets = std::slice::from_ref(set);
    screen.evaluate(&MarketBars { sets, grid: Grid::Utc, now: minute(now) })
}

#[track_caller]
fn check(text: &str, set: &CandleSet, verdict: Verdict, reason: &str) {
    let answer = judge_at(text, 10, set);
    let reasons: Vec<String> = answer.unknown().map(|(name, why)| format!("{name}: {why}")).collect();
    assert_eq!((answer.verdict, reasons.join("; ").as_str()), (verdict, reason), "{text}");
}

/// Closes 1 to 10, minute by minute.
fn rising() -> CandleSet {
    set(&(0..10).map(|at| point(at, at as f64 + 1.0)).collect::<Vec<_>>(), &[(0, 10)])
}

#[test]
fn a_condition_holds_or_does_not() {
    let set = rising();
    check("sma(3) == 9 && close > sma(3)", &set, Verdict::Match, "");
    check("sma(3) < 9", &set, Verdict::NoMatch, "");
    check("close[1] == 9 && close[9] == 1", &set, Verdict::Match, "");
    check("sma(3)[1] == 8", &set, Verdict::Match, "");
    check("change(5m) == 100", &set, Verdict::Match, ""); // 10 after 5
    check("high(4m) == 10 && low(4m) == 7 && volume(4m) == 4", &set, Verdict::Match, "");
    check("!(close < 3) || close / 0 > 1", &set, Verdict::Match, "");
}

#[test]
fn what_is_unknown_never_matches_and_says_why() {
    let set = rising();
    check("sma(11) > 0", &set, Verdict::Unknown, "sma(11, 1m): 10 of 11 bars");
    check("!(sma(11) > 0)", &set, Verdict::Unknown, "sma(11, 1m): 10 of 11 bars");
    // Decided without it.
    check("sma(11) > 0 && close < 3", &set, Verdict::NoMatch, "sma(11, 1m): 10 of 11 bars");
    check("sma(11) > 0 || close > 3", &set, Verdict::Match, "sma(11, 1m): 10 of 11 bars");
    check("close[10] > 0", &set, Verdict::Unknown, "close(1m)[10]: 10 of 11 bars");
    check("close(1h) > 0", &set, Verdict::Unknown, "close(1h): there are no bars");
    check(
        "change(20m) > 0",
        &set,
        Verdict::Unknown,
        "change(20m): unknown from 1969-12-31T23:50:00Z to 1970-01-01T00:00:00Z",
    );
    check("close / (close - 10) > 1", &set, Verdict::Unknown, "");
}

#[test]
fn nothing_is_computed_across_an_unknown_slot() {
    let bars: Vec<_> = [0, 1, 2, 3, 6, 7, 8, 9].into_iter().map(|at| point(at, 5.0)).collect();
    let empty = set(&bars, &[(0, 10)]);
    check("sma(8) == 5", &empty, Verdict::Match, "");
    let holed = set(&bars, &[(0, 4), (6, 10)]);
    check("sma(4) == 5", &holed, Verdict::Match, "");
    check("sma(5) == 5", &holed, Verdict::Unknown, "sma(5, 1m): 4 of 5 bars since an unknown slot");
    check("close[4] == 5", &holed, Verdict::Unknown, "close(1m)[4]: 4 of 5 bars since an unknown slot");
    check("volume(4m) == 4", &holed, Verdict::Match, "");
    check(
        "volume(6m) == 4",
        &holed,
        Verdict::Unknown,
        "volume(6m): unknown from 1970-01-01T00:04:00Z to 1970-01-01T00:06:00Z",
    );
}

#[test]
fn the_newest_bar_must_be_known_to_be_the_newest() {
    let set = rising();
    assert_eq!(judge_at("close == 10", 11, &set).verdict, Verdict::Match); // minute 10 may be on its way
    let late = judge_at("close == 10", 13, &set);
    assert_eq!(late.verdict, Verdict::Unknown);
    assert_eq!(late.unknown().next().unwrap().1.to_string(), "unknown since 1970-01-01T00:10:00Z");
    // Slots proven empty since then: the bar is still the newest, and nothing was traded since.
    let mut quiet = rising();
    let range = TimeRange::new(minute(10), minute(20)).unwrap();
    quiet
        .coverage
        .insert(Span { range, provenance: Provenance { origin: Origin::Rest, observed_at: minute(0) } });
    assert_eq!(
        judge_at("close == 10 && volume(9m) == 0 && change(9m) == 0", 20, &quiet).verdict,
        Verdict::Match
    );
}

#[test]
fn a_forming_bar_counts_if_it_is_there() {
    let mut set = rising();
    set.candles.push(Candle { is_final: false, ..bar(10, [10.0, 20.0, 10.0, 16.0], 2.0) });
    let answer = judge_at("sma(2) == 13 && close == 16 && change(1m) == 60 && volume(1m) == 2", 10, &set);
    assert_eq!(answer.verdict, Verdict::Match, "{answer:?}");
}

#[test]
fn flat_and_settling_values_are_marked() {
    let flat = set(&(0..10).map(|at| point(at, 5.0)).collect::<Vec<_>>(), &[(0, 10)]);
    let answer = judge_at("rsi(3) == 50", 10, &flat);
    assert_eq!(
        (answer.verdict, answer.values[0].notes.as_slice()),
        (Verdict::Match, ["flat", "settling"].as_slice())
    );
    let answer = judge_at("sma(3) == 9", 10, &rising());
    assert!(answer.values[0].notes.is_empty());
}

#[test]
fn matches_come_first_and_the_highest_rank_before_all() {
    let judge = |close: f64, rank: &str| {
        let bars: Vec<_> = (0..10).map(|at| point(at, close)).collect();
        let set = set(&bars, &[(0, 10)]);
        let screen = Screen::parse("close(1m) > 3 && sma(5, 1m) > 0").unwrap().sorted_by(rank).unwrap();
        let sets = [set];
        screen.evaluate(&MarketBars { sets: &sets, grid: Grid::Utc, now: minute(10) })
    };
    let ranks = |rank: &str| {
        let mut answers: Vec<_> = [5.0, 1.0, 9.0, 7.0].into_iter().map(|close| judge(close, rank)).collect();
        answers.sort_by(ScreenAnswer::order);
        answers.into_iter().map(|answer| answer.rank.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ranks("close(1m)"), [9.0, 7.0, 5.0, 1.0]);
    assert_eq!(ranks("-close(1m)"), [-5.0, -7.0, -9.0, -1.0]);
}

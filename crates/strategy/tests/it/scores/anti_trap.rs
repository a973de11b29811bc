//! The checks against traps: pass, fail, and unknown, which lets nothing through.

use std::sync::Arc;

use CheckOutcome::{Fail, Pass, Unknown};
use market_backbone_core::{Calendar, Timestamp};
use market_backbone_strategy::seismograph::{
    AntiTrapReport, AntiTrapRules, CheckOutcome, MarketConditions, SessionPlan, TopQuote,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn exchange() -> SessionPlan {
    SessionPlan::Exchange(Arc::new(Calendar::new()))
}

/// A market in which everything is as it should be, at noon on a trading day.
fn good(sessions: &SessionPlan) -> MarketConditions<'_> {
    let now = time("2026-11-20T17:00:00Z");
    let quote = Some(TopQuote { bid: 99.5, ask: 100.0, time: now });
    MarketConditions { now, price: 100.0, quote, vwap: Some(99.0), sessions, is_interrupted: false }
}

fn check(market: &MarketConditions<'_>) -> AntiTrapReport {
    AntiTrapRules::default().check(market)
}

#[test]
fn a_good_market_passes() {
    for sessions in [exchange(), SessionPlan::RoundTheClock] {
        let report = check(&good(&sessions));
        assert_eq!((report.outcome(), report.lets_orders_through()), (Pass, true));
        assert_eq!(report.to_string(), "passed");
    }
}

#[test]
fn a_wide_spread_fails() {
    let sessions = exchange();
    let quote = |bid| MarketConditions {
        quote: Some(TopQuote { bid, ..good(&sessions).quote.unwrap() }),
        ..good(&sessions)
    };
    assert_eq!(check(&quote(99.0)).spread.outcome, Pass);
    let report = check(&quote(98.58));
    assert_eq!((report.spread.outcome, report.outcome()), (Fail, Fail));
    assert_eq!(report.to_string(), "spread 1.42 % of at most 1.00 %");
    assert_eq!(AntiTrapRules::newer_guide().check(&quote(96.0)).spread.outcome, Pass);
}

#[test]
fn a_price_below_the_average_fails() {
    let sessions = exchange();
    let report = check(&MarketConditions { vwap: Some(102.0), ..good(&sessions) });
    assert_eq!((report.vwap.outcome, report.to_string().as_str()), (Fail, "vwap -1.96 %"));
}

#[test]
fn the_first_minutes_fail_and_half_days_end_early() {
    let sessions = exchange();
    let outcome = |now: &str| {
        let now = time(now);
        let quote = good(&sessions).quote.map(|quote| TopQuote { time: now, ..quote });
        check(&MarketConditions { now, quote, ..good(&sessions) }).opening.outcome
    };
    assert_eq!(outcome("2026-11-20T14:44:59Z"), Fail);
    assert_eq!(outcome("2026-11-20T14:45:00Z"), Pass);
    assert_eq!(outcome("2026-11-20T13:00:00Z"), Fail);
    assert_eq!(outcome("2026-11-20T21:00:00Z"), Fail);
    // In summer New York is an hour closer.
    assert_eq!(outcome("2026-07-20T13:45:00Z"), Pass);
    // The day after Thanksgiving ends at one o'clock; Thanksgiving itself has no session.
    assert_eq!(outcome("2026-11-27T17:30:00Z"), Pass);
    assert_eq!(outcome("2026-11-27T18:05:00Z"), Fail);
    assert_eq!(outcome("2026-11-26T17:00:00Z"), Fail);
}

/// Defect: without a quote, or without an average price, the check was skipped and the market passed.
#[test]
fn what_is_unknown_lets_nothing_through() {
    let sessions = SessionPlan::RoundTheClock;
    let base = good(&sessions);
    let old = base.now - std::time::Duration::from_secs(31);
    let quote = |bid, ask, time| Some(TopQuote { bid, ask, time });
    for quote in [
        None,
        quote(99.5, 0.0, base.now),
        quote(0.0, 100.0, base.now),
        quote(101.0, 100.0, base.now),
        quote(99.5, 100.0, old),
    ] {
        let report = check(&MarketConditions { quote, ..base });
        assert_eq!(
            (report.spread.outcome, report.outcome(), report.lets_orders_through()),
            (Unknown, Unknown, false)
        );
        assert_eq!(report.to_string(), "spread unknown");
    }
    let report = check(&MarketConditions { vwap: None, ..base });
    assert_eq!((report.vwap.outcome, report.lets_orders_through()), (Unknown, false));
    let report = check(&MarketConditions { is_interrupted: true, ..base });
    assert_eq!(
        (report.spread.outcome, report.vwap.outcome, report.lets_orders_through()),
        (Unknown, Unknown, false)
    );
}

/// Defect: after a refactoring the checks were gone, and a guard made "passed" true for everyone.
#[test]
fn a_failure_outweighs_what_is_unknown() {
    let sessions = SessionPlan::RoundTheClock;
    let report = check(&MarketConditions { quote: None, vwap: Some(200.0), ..good(&sessions) });
    assert_eq!((report.outcome(), report.lets_orders_through()), (Fail, false));
}

#[test]
fn impossible_rules_are_refused() {
    let error = AntiTrapRules { max_spread: 5.0, ..AntiTrapRules::default() }.validate().unwrap_err();
    assert_eq!(error.to_string(), "profile `anti_trap`: max_spread is 5; it must be between 0 and 1");
    assert_ne!(AntiTrapRules::newer_guide().tag().hash, AntiTrapRules::default().tag().hash);
}

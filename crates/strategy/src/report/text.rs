//! A report as text for people.

use std::fmt::Write as _;

use market_backbone_core::Timestamp;
use rust_decimal::Decimal;

use super::BacktestReport;
use crate::backtest::ThreeWays;

/// The most markets that are listed one by one.
const MOST_MARKETS: usize = 20;

impl ThreeWays {
    /// Returns the figures as lines of text. `origin` says why the year has so many days.
    #[must_use]
    pub fn to_text(&self, origin: &str) -> String {
        let report = &self.assumed;
        let mut text = String::new();
        for (name, value) in rows(report, origin) {
            let _ = writeln!(text, "{name:<14}{value}");
        }
        let _ = writeln!(
            text,
            "\nfills         {} proven, {} assumed, {} ambiguous",
            report.fills.proven, report.fills.assumed, report.fills.ambiguous
        );
        for (name, path) in
            [("pessimistic", self.pessimistic), ("assumed", self.assumed()), ("optimistic", self.optimistic)]
        {
            let _ = writeln!(
                text,
                "{name:<14}{} ({}), drawdown {}, {} trades",
                money(path.final_equity),
                percent(path.total_return),
                unsigned(Some(path.max_drawdown)),
                path.trades
            );
        }
        if report.markets.len() > 1 {
            let _ = writeln!(
                text,
                "\n{:<14}{:>8} {:>8} {:>18} {:>14}",
                "market", "trades", "won", "profit", "fees"
            );
            for market in report.markets.iter().take(MOST_MARKETS) {
                let _ = writeln!(
                    text,
                    "{:<14}{:>8} {:>8} {:>18.2} {:>14.2}",
                    market.symbol.code(),
                    market.trades,
                    market.wins,
                    market.profit,
                    market.fees
                );
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// The figures with their names, as the text and the page show them.
pub(super) fn rows(report: &BacktestReport, origin: &str) -> Vec<(&'static str, String)> {
    let figures = &report.performance;
    let trades = &report.trades;
    let open = match report.open_positions {
        0 => String::new(),
        open => format!(", {open} position still open"),
    };
    vec![
        ("from", report.begin.to_string()),
        ("to", report.end.to_string()),
        ("bars", format!("{} over {} days", report.bars, figures.days)),
        ("equity", format!("{} to {}", money(report.initial_equity), money(report.final_equity))),
        ("return", percent(report.total_return)),
        ("annual return", percent(figures.annual_return)),
        ("volatility", unsigned(figures.annual_volatility)),
        ("sharpe", ratio(figures.sharpe)),
        ("sortino", ratio(figures.sortino)),
        ("calmar", ratio(figures.calmar)),
        ("annualised by", format!("{} ({origin})", figures.days_per_year)),
        (
            "max drawdown",
            format!(
                "{}, the longest {}",
                percent(Some(figures.max_drawdown)),
                length(figures.longest_drawdown_secs)
            ),
        ),
        ("exposure", unsigned(report.exposure)),
        (
            "turnover",
            report.turnover.map_or_else(undefined, |turnover| format!("{turnover:.1} times the equity")),
        ),
        ("fees", money(report.fees)),
        ("trades", format!("{}{open}", trades.count)),
        ("won", unsigned(trades.win_rate)),
        ("profit factor", ratio(trades.profit_factor)),
        (
            "a trade",
            format!(
                "{} on average, best {}, worst {}",
                percent(trades.mean_share),
                percent(trades.best_share),
                percent(trades.worst_share)
            ),
        ),
        (
            "held",
            trades
                .mean_held_secs
                .map_or_else(undefined, |secs| format!("{} on average", length(secs as i64))),
        ),
    ]
}

fn undefined() -> String {
    "-".to_owned()
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(undefined, |share| format!("{:+.2} %", share * 100.0))
}

/// A share that is never negative.
pub(super) fn unsigned(share: Option<f64>) -> String {
    share.map_or_else(undefined, |share| format!("{:.2} %", share * 100.0))
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(undefined, |value| format!("{value:.2}"))
}

/// An amount with two decimals, or more where it is small.
pub(super) fn money(amount: Decimal) -> String {
    let decimals = if amount.abs() < Decimal::ONE { 8 } else { 2 };
    let text = format!("{amount:.decimals$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    let mut grouped = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A length of time in its two largest units.
fn length(secs: i64) -> String {
    match secs {
        ..60 => format!("{secs} s"),
        60..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
        _ => format!("{} d {} h", secs / 86_400, secs % 86_400 / 3_600),
    }
}

/// A time without its seconds, for tables and axes.
pub(super) fn minute(time: Timestamp) -> String {
    let text = Timestamp::from_secs(time.as_secs() - time.as_secs().rem_euclid(60)).to_string();
    text.replace('T', " ").trim_end_matches(":00Z").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_lengths_read_well() {
        assert_eq!(money(Decimal::new(-123_456_789, 2)), "-1,234,567.89");
        assert_eq!(money(Decimal::new(5, 4)), "0.00050000");
        assert_eq!(money(Decimal::from(999)), "999.00");
        assert_eq!([59, 3_599, 3_660, 90_000].map(length), ["59 s", "59 min", "1 h 1 min", "1 d 1 h"]);
        assert_eq!(minute(Timestamp::from_secs(86_400 + 3_661)), "1970-01-02 01:01");
        assert_eq!((percent(Some(-0.1234)), percent(None)), ("-12.34 %".to_owned(), "-".to_owned()));
    }
}

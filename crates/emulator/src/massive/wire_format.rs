//! The spelling of numbers and bars at this venue.

use super::exchange::adjusted_bar::AdjustedBar;
use super::scenario::StocksScenario;
use crate::json::JsonObject;
use crate::number::{NumberStyle, WireNumber};

/// The volume from which an exponent is used, in units of 1e-8.
const EXPONENT_FROM: i128 = 10_000_000 * 100_000_000;
/// The units of 1e-12 in one of 1e-8.
const FINER: i128 = 10_000;

/// Formats the shortest decimal: `179`, `513.24`.
pub(crate) fn plain(units_e8: i128) -> String {
    let mut out = String::new();
    WireNumber::e8(units_e8).write(NumberStyle::Plain, &mut out);
    out
}

/// Formats at least one decimal: `100.0`, `0.7118`.
pub(crate) fn point(units_e8: i128) -> String {
    point_of(WireNumber::e8(units_e8))
}

/// Formats a number with at least one decimal.
pub(crate) fn point_of(number: WireNumber) -> String {
    let mut out = String::new();
    number.write(NumberStyle::Point, &mut out);
    out
}

/// Formats a volume, as `5.617399e+07` where the scenario says so.
pub(crate) fn volume(stage: &StocksScenario, units_e8: i128) -> String {
    volume_e12(stage, units_e8 * FINER)
}

/// Formats a volume in units of 1e-12.
pub(crate) fn volume_e12(stage: &StocksScenario, units: i128) -> String {
    let mut text = String::new();
    WireNumber::e12(units).write(NumberStyle::Plain, &mut text);
    if !stage.exp_volume || units < EXPONENT_FROM * FINER {
        return text;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = format!("{}{fraction}", &whole[1..]);
    let digits = digits.trim_end_matches('0');
    let dot = if digits.is_empty() { "" } else { "." };
    format!("{}{dot}{digits}e+{:02}", &whole[..1], whole.len() - 1)
}

/// Adds a bar as aggregates show it; `t` depends on the endpoint.
pub(crate) fn bar(stage: &StocksScenario, row: JsonObject, bar: &AdjustedBar, t: i64) -> JsonObject {
    prices(stage, row, bar).int("t", t).int("n", bar.count as i64)
}

/// Adds volume, average and prices of a bar.
pub(crate) fn prices(stage: &StocksScenario, row: JsonObject, bar: &AdjustedBar) -> JsonObject {
    let price = |row: JsonObject, key: &'static str, price: i128| {
        row.number(key, WireNumber::e12(price), NumberStyle::Plain)
    };
    let row = row.raw("v", &volume_e12(stage, bar.volume)).number(
        "vw",
        WireNumber::e8(bar.vwap()),
        NumberStyle::Plain,
    );
    let row = price(price(row, "o", bar.open), "c", bar.close);
    price(price(row, "h", bar.high), "l", bar.low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_spelled_both_ways() {
        let both = |units: i128| {
            [false, true]
                .map(|exp_volume| volume(&StocksScenario { exp_volume, ..StocksScenario::default() }, units))
        };
        assert_eq!(both(2_628 * 100_000_000), ["2628", "2628"]);
        assert_eq!(both(56_173_990 * 100_000_000), ["56173990", "5.617399e+07"]);
        assert_eq!(both(7_066_192_652_569_700), ["70661926.525697", "7.0661926525697e+07"]);
        assert_eq!(both(10_000_000 * 100_000_000), ["10000000", "1e+07"]);
    }
}

//! Upbit's price grids.

use crate::tape::TickTable;

const ONE: i64 = 100_000_000;

/// The grid of KRW markets, since 2025-07-31.
const KRW: TickTable = TickTable(&[
    (1_000_000 * ONE, 1_000 * ONE),
    (500_000 * ONE, 500 * ONE),
    (100_000 * ONE, 100 * ONE),
    (50_000 * ONE, 50 * ONE),
    (10_000 * ONE, 10 * ONE),
    (5_000 * ONE, 5 * ONE),
    (100 * ONE, ONE),
    (10 * ONE, ONE / 10),
    (ONE, ONE / 100),
    (ONE / 10, ONE / 1_000),
    (ONE / 100, ONE / 10_000),
    (ONE / 1_000, ONE / 100_000),
    (ONE / 10_000, ONE / 1_000_000),
    (ONE / 100_000, ONE / 10_000_000),
    (0, 1),
]);

const BTC: TickTable = TickTable(&[(0, 1)]);

const USDT: TickTable = TickTable(&[
    (10 * ONE, ONE / 100),
    (ONE, ONE / 1_000),
    (ONE / 10, ONE / 10_000),
    (ONE / 100, ONE / 100_000),
    (ONE / 1_000, ONE / 1_000_000),
    (ONE / 10_000, ONE / 10_000_000),
    (0, 1),
]);

const SGD: TickTable = TickTable(&[
    (100_000 * ONE, 10 * ONE),
    (10_000 * ONE, ONE),
    (1_000 * ONE, ONE / 10),
    (10 * ONE, ONE / 100),
    (ONE, ONE / 1_000),
    (ONE / 10, ONE / 10_000),
    (ONE / 100, ONE / 100_000),
    (ONE / 1_000, ONE / 1_000_000),
    (0, 1),
]);

const THB: TickTable = TickTable(&[
    (1_000_000 * ONE, 100 * ONE),
    (10_000 * ONE, ONE),
    (100 * ONE, ONE / 10),
    (10 * ONE, ONE / 100),
    (ONE, ONE / 1_000),
    (ONE / 10, ONE / 10_000),
    (0, 1),
]);

const IDR: TickTable = TickTable(&[
    (100_000_000 * ONE, 10_000 * ONE),
    (1_000_000 * ONE, 1_000 * ONE),
    (100_000 * ONE, 100 * ONE),
    (10_000 * ONE, 10 * ONE),
    (100 * ONE, ONE),
    (10 * ONE, ONE / 100),
    (ONE, ONE / 1_000),
    (0, 1),
]);

/// Returns the grid of a quote currency.
pub(crate) fn table(quote: &str) -> TickTable {
    match quote {
        "KRW" => KRW,
        "BTC" => BTC,
        "SGD" => SGD,
        "THB" => THB,
        "IDR" => IDR,
        _ => USDT,
    }
}

/// Returns the value of the smallest made-up trades in a quote currency.
pub(crate) fn smallest_trade(quote: &str) -> f64 {
    match quote {
        "KRW" => 5_000.0,
        "BTC" => 0.000_05,
        "SGD" => 5.0,
        "THB" => 120.0,
        "IDR" => 60_000.0,
        _ => 4.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_step_across_the_edge_of_a_band() {
        let krw = table("KRW");
        assert_eq!(krw.down(1_000_000 * ONE), 999_500 * ONE);
        assert_eq!(krw.up(999_500 * ONE), 1_000_000 * ONE);
        assert_eq!(krw.down(100 * ONE), 99 * ONE + 9 * ONE / 10);
        assert_eq!(krw.snap(1_234_567 * ONE), 1_234_000 * ONE);
        assert_eq!(table("BTC").down(1), 0);
    }
}

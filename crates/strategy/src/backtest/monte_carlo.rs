//! The same trades in other orders: how much of a result was luck of the order.

/// The outcome of many shuffled orders of the same trades, each compounding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MonteCarlo {
    /// The number of orders.
    pub runs: usize,
    /// The greatest fall from a peak that half of the orders stay below.
    pub median_drawdown: f64,
    /// The greatest fall from a peak that 19 of 20 orders stay below.
    pub drawdown_95: f64,
    /// The greatest fall from a peak of all orders.
    pub worst_drawdown: f64,
}

/// Shuffles `trades`, each a profit as a share of the account, `runs` times. The same seed gives the same result.
///
/// `None` without a trade or a run. The final equity is the same in every order; the way to it is not.
#[must_use]
pub fn monte_carlo(trades: &[f64], runs: usize, seed: u64) -> Option<MonteCarlo> {
    if trades.is_empty() || runs == 0 {
        return None;
    }
    let mut dice = Dice(seed);
    let mut order = trades.to_vec();
    let mut falls: Vec<f64> = (0..runs)
        .map(|_| {
            dice.shuffle(&mut order);
            greatest_fall(&order)
        })
        .collect();
    falls.sort_by(f64::total_cmp);
    let at = |share: f64| falls[((falls.len() - 1) as f64 * share).round() as usize];
    Some(MonteCarlo { runs, median_drawdown: at(0.5), drawdown_95: at(0.95), worst_drawdown: at(1.0) })
}

fn greatest_fall(trades: &[f64]) -> f64 {
    let (mut equity, mut peak, mut greatest) = (1.0_f64, 1.0_f64, 0.0_f64);
    for trade in trades {
        equity *= 1.0 + trade;
        peak = peak.max(equity);
        greatest = greatest.max(1.0 - equity / peak);
    }
    greatest
}

/// The generator SplitMix64, which gives the same numbers on every machine and in every version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Returns a number from 0 up to 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn shuffle(&mut self, items: &mut [f64]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_result_and_the_order_alone_changes() {
        let trades = [0.1, -0.1, 0.05, -0.05, 0.02, -0.2];
        let one = monte_carlo(&trades, 500, 7).unwrap();
        assert_eq!(monte_carlo(&trades, 500, 7), Some(one));
        assert!(one.median_drawdown <= one.drawdown_95 && one.drawdown_95 <= one.worst_drawdown);
        // All losses in a row are the worst there is.
        let worst = 1.0 - 0.9 * 0.95 * 0.8;
        assert!(one.worst_drawdown <= worst + 1e-12 && one.worst_drawdown >= 0.2, "{one:?}");
        assert_eq!((monte_carlo(&[], 10, 1), monte_carlo(&trades, 0, 1)), (None, None));
    }
}

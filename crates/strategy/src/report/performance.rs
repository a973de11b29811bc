//! Figures from the equity at the end of each day, annualised by the venue's calendar.

/// The figures of an equity curve. Each is `None` where it is not defined.
///
/// Sharpe, Sortino and Calmar are computed from daily equity, never from bars, so the same curve gives the same figures at
/// every timeframe. There is no risk-free rate in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Performance {
    /// The number of days, the last one whole or not.
    pub days: usize,
    /// The number of trading days of a year, by which the figures are annualised.
    pub days_per_year: u16,
    /// The gain of a year at the mean pace of this run, compounded; from two days on.
    pub annual_return: Option<f64>,
    /// The standard deviation (of a sample) of the daily returns, for a year.
    pub annual_volatility: Option<f64>,
    /// The mean daily return divided by its standard deviation, for a year.
    pub sharpe: Option<f64>,
    /// The mean daily return divided by the root mean square of the negative ones (all days counted), for a year.
    pub sortino: Option<f64>,
    /// The annual return divided by the greatest fall of the daily equity.
    pub calmar: Option<f64>,
    /// The greatest fall from a peak, at any event, as a share of the peak: 0.2 is 20 percent.
    pub max_drawdown: f64,
    /// The greatest fall from a peak of the daily equity.
    pub max_daily_drawdown: f64,
    /// The longest time from a peak until it was reached again or the run ended, in seconds.
    pub longest_drawdown_secs: i64,
    /// The equity at the end of each day.
    pub daily_equity: Vec<f64>,
}

impl Performance {
    /// Computes the figures of the equity `daily` at the end of each day, after `initial`.
    pub(crate) fn of_days(
        initial: f64,
        daily: &[f64],
        days_per_year: u16,
        max_drawdown: f64,
        longest_ns: i64,
    ) -> Self {
        let year = f64::from(days_per_year);
        let max_daily_drawdown = greatest_fall(initial, daily);
        let mut figures = Self {
            days: daily.len(),
            days_per_year,
            max_drawdown,
            max_daily_drawdown,
            longest_drawdown_secs: longest_ns / 1_000_000_000,
            daily_equity: daily.to_vec(),
            ..Self::default()
        };
        let returns = daily_returns(initial, daily);
        let count = returns.len() as f64;
        if returns.len() < 2 || !returns.iter().all(|one| one.is_finite()) {
            return figures;
        }
        let mean = returns.iter().sum::<f64>() / count;
        let squares: f64 = returns.iter().map(|one| (one - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let downside = (returns.iter().map(|one| one.min(0.0).powi(2)).sum::<f64>() / count).sqrt();
        let growth = daily.last().map_or(1.0, |last| last / initial);
        figures.annual_volatility = Some(deviation * year.sqrt());
        figures.sharpe = divided(mean * year.sqrt(), deviation);
        figures.sortino = divided(mean * year.sqrt(), downside);
        figures.annual_return =
            (growth > 0.0).then(|| growth.powf(year / count) - 1.0).filter(|gain| gain.is_finite());
        figures.calmar = figures.annual_return.and_then(|gain| divided(gain, max_daily_drawdown));
        figures
    }
}

fn daily_returns(initial: f64, daily: &[f64]) -> Vec<f64> {
    let before = std::iter::once(&initial).chain(daily);
    before.zip(daily).map(|(before, after)| after / before - 1.0).collect()
}

/// The quotient, where it is defined: deviations of nothing but rounding count as none.
fn divided(value: f64, by: f64) -> Option<f64> {
    (by > 1e-15).then(|| value / by)
}

fn greatest_fall(initial: f64, daily: &[f64]) -> f64 {
    let (mut peak, mut greatest) = (initial, 0.0_f64);
    for equity in daily {
        peak = peak.max(*equity);
        greatest = greatest.max(1.0 - equity / peak);
    }
    greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_a_worked_example() {
        // Returns: +10 %, -10 %, +10 %.
        let daily = [110.0, 99.0, 108.9];
        let figures = Performance::of_days(100.0, &daily, 365, 0.1, 0);
        let near = |got: Option<f64>, want: f64| (got.unwrap() - want).abs() < 1e-9 * want.abs();
        let mean = 0.1 / 3.0;
        // Deviations 0.0667, -0.1333, 0.0667: sum of squares 0.02667, over 2: 0.01333.
        let deviation = (0.08_f64 / 3.0 / 2.0).sqrt();
        assert!(near(figures.sharpe, mean / deviation * 365_f64.sqrt()), "{figures:?}");
        assert!(near(figures.sortino, mean / (0.01_f64 / 3.0).sqrt() * 365_f64.sqrt()));
        assert!(near(figures.annual_return, 1.089_f64.powf(365.0 / 3.0) - 1.0));
        assert!((figures.max_daily_drawdown - 0.1).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let flat = Performance::of_days(100.0, &[100.0; 30], 365, 0.0, 0);
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar), (None, None, None));
        assert_eq!(flat.annual_return, Some(0.0));
        let rising: Vec<f64> = (1..30).map(|day| 100.0 * 1.01_f64.powi(day)).collect();
        let rising = Performance::of_days(100.0, &rising, 365, 0.0, 0);
        assert_eq!((rising.sortino, rising.calmar), (None, None));
        for daily in [&[][..], &[101.0]] {
            let short = Performance::of_days(100.0, daily, 365, 0.0, 0);
            assert_eq!((short.sharpe, short.annual_return), (None, None));
        }
        let ruined = Performance::of_days(100.0, &[50.0, 0.0, 0.0], 365, 1.0, 0);
        assert_eq!((ruined.sharpe, ruined.annual_return), (None, None));
    }
}

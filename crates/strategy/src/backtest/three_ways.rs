//! One run three times: with the order of prices inside a bar as assumed, against the account, and for it.

use rust_decimal::Decimal;

use crate::paper::IntrabarPath;
use crate::report::BacktestReport;

/// The outcome of a run, and what would have come of it if each ambiguous fill had gone the other way.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreeWays {
    /// The run as assumed: the nearer extreme of a bar first, of stop and target in one bar the worse one.
    pub assumed: BacktestReport,
    /// The worst of the three runs.
    pub pessimistic: PathResult,
    /// The best of the three runs.
    pub optimistic: PathResult,
}

/// The figures of a run by one of the three paths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathResult {
    /// The value of the account after the last event.
    pub final_equity: Decimal,
    /// The gain as a share of the initial equity.
    pub total_return: Option<f64>,
    /// The greatest fall from a peak, as a share of the peak.
    pub max_drawdown: f64,
    /// The number of trades that have ended.
    pub trades: u64,
}

impl PathResult {
    pub(crate) fn of(report: &BacktestReport) -> Self {
        Self {
            final_equity: report.final_equity,
            total_return: report.total_return,
            max_drawdown: report.performance.max_drawdown,
            trades: report.trades.count,
        }
    }
}

/// Runs `run` as assumed. Where it depends on the order of prices inside a bar, runs it twice more.
///
/// `run` returns the report, and whether any bar was ambiguous.
///
/// # Errors
///
/// The first error of `run`.
pub fn three_ways<E>(
    mut run: impl FnMut(IntrabarPath) -> Result<(BacktestReport, bool), E>,
) -> Result<ThreeWays, E> {
    let (assumed, is_ambiguous) = run(IntrabarPath::NearestExtremeFirst)?;
    let mut results = vec![PathResult::of(&assumed)];
    if is_ambiguous {
        for path in [IntrabarPath::Pessimistic, IntrabarPath::Optimistic] {
            results.push(PathResult::of(&run(path)?.0));
        }
    }
    // What is worse in each bar is not always worse in the end, so the extremes are taken of all runs.
    results.sort_by_key(|result| result.final_equity);
    let (pessimistic, optimistic) = (results[0], results[results.len() - 1]);
    Ok(ThreeWays { assumed, pessimistic, optimistic })
}

//! `market-backbone sweep`: a strategy with every combination of its parameters, best first.

mod walk_forward;

use std::cmp::Ordering;
use std::num::NonZero;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use market_backbone::Backbone;
use market_backbone::strategy::backtest::sweep;
use market_backbone::strategy::decimals::nearest;
use market_backbone::strategy::report::{HeatCell, HeatMap};
use serde_json::{Value, json};

use super::backtest::{BarData, PictureFormat, SmaCrossRun, check_strategy};
use crate::args::{GlobalArgs, RunFormat, SweepArgs};
use crate::exit::UsageError;
use crate::output::{self, Output};

/// How many of the best are printed unless said otherwise.
const SHOWN: usize = 20;

/// What is kept of a run.
#[derive(Clone, Copy, Debug)]
struct SweptPair {
    fast: usize,
    slow: usize,
    final_equity: f64,
    gain: Option<f64>,
    sharpe: Option<f64>,
    max_drawdown: f64,
    trades: u64,
    fees: f64,
}

pub(super) async fn run(
    args: SweepArgs,
    global: &GlobalArgs,
    backbone: Option<&Backbone>,
) -> anyhow::Result<()> {
    check_strategy(&args.data.strategy)?;
    if let Some(file) = &args.report {
        output::ensure_folder(file)?;
        PictureFormat::of(file)?;
    }
    let pairs = pairs(&args)?;
    let data = BarData::load(&args.data, global, backbone).await?;
    tokio::task::spawn_blocking(move || run_over(&args, &data, &pairs)).await?
}

fn run_over(args: &SweepArgs, data: &BarData, pairs: &[(usize, usize)]) -> anyhow::Result<()> {
    let longest = pairs.iter().map(|(_, slow)| *slow).max().unwrap_or(0);
    let run = SmaCrossRun::new(data, &args.money, longest)?;
    let began = tokio::time::Instant::now();
    let bar = bar(pairs.len());
    let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let one = |(fast, slow): &(usize, usize)| -> anyhow::Result<SweptPair> {
        let report = run.report(*fast, *slow)?;
        Ok(SweptPair {
            fast: *fast,
            slow: *slow,
            final_equity: nearest(report.final_equity),
            gain: report.total_return,
            sharpe: report.performance.sharpe,
            max_drawdown: report.performance.max_drawdown,
            trades: report.trades.count,
            fees: nearest(report.fees),
        })
    };
    let swept: anyhow::Result<Vec<_>> = sweep(pairs, threads, one, |_| bar.inc(1)).into_iter().collect();
    bar.finish_and_clear();
    let mut swept = swept?;
    swept.sort_by(best_first);
    let folds = args.walk_forward.map(|folds| walk_forward::walk(&run, pairs, folds, threads)).transpose()?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(file) = &args.report {
        write_report(&swept, args, data, file)?;
    }
    let mut output = Output::open(None)?;
    match args.format {
        RunFormat::Json => {
            let mut value = as_json(&swept, args, data);
            (value["threads"], value["seconds"]) = (json!(threads), json!(seconds));
            if let Some(folds) = &folds {
                value["walk_forward"] = folds.to_json();
            }
            output.line(&value.to_string())?;
        }
        RunFormat::Text => {
            output.line(&as_text(&swept, args))?;
            if let Some(folds) = &folds {
                output.line(&folds.to_text())?;
            }
        }
    }
    output.finish()
}

/// The pairs that can cross, in order.
fn pairs(args: &SweepArgs) -> Result<Vec<(usize, usize)>, UsageError> {
    let all = args.fast.0.iter().flat_map(|fast| args.slow.0.iter().map(move |slow| (*fast, *slow)));
    let pairs: Vec<_> = all.filter(|(fast, slow)| fast < slow).collect();
    if pairs.is_empty() {
        return Err(UsageError(
            "no window of --fast is below one of --slow: a cross needs a shorter and a longer average"
                .to_owned(),
        ));
    }
    Ok(pairs)
}

/// Orders by final equity, then by the windows, so that equal results have one order.
fn best_first(one: &SweptPair, other: &SweptPair) -> Ordering {
    let by_equity = other.final_equity.total_cmp(&one.final_equity);
    by_equity.then((one.fast, one.slow).cmp(&(other.fast, other.slow)))
}

fn bar(runs: usize) -> ProgressBar {
    let bar = ProgressBar::new(runs as u64); // draws on stderr, if that is a terminal
    match ProgressStyle::with_template("{bar:32} {percent} %, {pos} of {len} runs, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn as_json(swept: &[SweptPair], args: &SweepArgs, data: &BarData) -> Value {
    let result = |pair: &SweptPair| {
        json!({
            "fast": pair.fast, "slow": pair.slow, "final_equity": pair.final_equity, "return": pair.gain,
            "sharpe": pair.sharpe, "max_drawdown": pair.max_drawdown, "trades": pair.trades, "fees": pair.fees,
        })
    };
    let shown = args.top.unwrap_or(usize::MAX);
    json!({
        "strategy": args.data.strategy,
        "symbol": data.series.symbol.code(),
        "timeframe": data.series.timeframe.as_str(),
        "bars": data.candles.len(),
        "runs": swept.len(),
        "annualised_by": data.days_per_year,
        "results": swept.iter().take(shown).map(result).collect::<Vec<_>>(),
    })
}

fn as_text(swept: &[SweptPair], args: &SweepArgs) -> String {
    let mut text = format!(
        "{:>6} {:>6} {:>18} {:>10} {:>8} {:>10} {:>8}",
        "fast", "slow", "final equity", "return", "sharpe", "drawdown", "trades"
    );
    let shown = args.top.unwrap_or(SHOWN);
    for pair in swept.iter().take(shown) {
        let gain = pair.gain.map_or("-".to_owned(), |gain| format!("{:+.2} %", gain * 100.0));
        let sharpe = pair.sharpe.map_or("-".to_owned(), |sharpe| format!("{sharpe:.2}"));
        text += &format!(
            "\n{:>6} {:>6} {:>18.2} {gain:>10} {sharpe:>8} {:>8.2} % {:>8}",
            pair.fast,
            pair.slow,
            pair.final_equity,
            pair.max_drawdown * 100.0,
            pair.trades
        );
    }
    if swept.len() > shown {
        text += &format!("\n{} more; --top {} shows all", swept.len() - shown, swept.len());
    }
    text
}

fn write_report(swept: &[SweptPair], args: &SweepArgs, data: &BarData, file: &Path) -> anyhow::Result<()> {
    let title = format!("{} {}: return by windows, fee {}", args.data.strategy, data.series, args.money.fee);
    let cell = |pair: &SweptPair| HeatCell { x: pair.slow, y: pair.fast, value: pair.gain };
    let cells: Vec<_> = swept.iter().map(cell).collect();
    let map = HeatMap { title: &title, x_name: "slow", y_name: "fast", cells: &cells };
    let text = match PictureFormat::of(file)? {
        PictureFormat::Html => map.to_html(&as_text(swept, args)),
        PictureFormat::Svg => map.to_svg(),
        PictureFormat::Json => as_json(swept, args, data).to_string(),
    };
    let mut report = Output::open(Some(file))?;
    report.line(&text)?;
    report.finish()
}

//! `market-backbone backtest`: a strategy over history, and what came of it.

mod bar_data;
mod bars_csv;
mod bars_parquet;
mod run_check;
mod sma_cross_run;

use std::path::Path;

use market_backbone::Backbone;
use market_backbone::strategy::backtest::{MonteCarlo, RoundTrip, ThreeWays, monte_carlo};
use market_backbone::strategy::decimals::nearest;
use market_backbone::strategy::decision::JsonDecisionLog;
use market_backbone::strategy::report::RunPicture;
use serde_json::{Value, json};

pub(super) use self::bar_data::BarData;
pub(super) use self::sma_cross_run::SmaCrossRun;
use crate::args::{BacktestArgs, GlobalArgs, RunFormat};
use crate::exit::UsageError;
use crate::output::{self, Output};

pub(super) async fn run(
    args: BacktestArgs,
    global: &GlobalArgs,
    backbone: Option<&Backbone>,
) -> anyhow::Result<()> {
    check_strategy(&args.data.strategy)?;
    check_outputs(&args)?;
    SmaCrossRun::check_windows(args.fast, args.slow)?;
    let data = BarData::load(&args.data, global, backbone).await?;
    let venue = global.venue.id();
    // Work for one core, which must not hold up the tasks of the backbone.
    tokio::task::spawn_blocking(move || run_over(&args, &data, venue.as_str())).await?
}

fn run_over(args: &BacktestArgs, data: &BarData, venue: &str) -> anyhow::Result<()> {
    let run = SmaCrossRun::new(data, &args.money, args.slow)?;
    let began = tokio::time::Instant::now();
    let ways = run.three_ways(args.fast, args.slow)?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(file) = &args.decisions {
        write_decisions(&run, args, file)?;
    }
    let shuffled = args.monte_carlo.and_then(|runs| shuffle(&ways, runs, args.seed));
    let checked = args.check.then(|| run_check::check(&run, args)).transpose()?;
    if let Some(file) = &args.report {
        write_report(&ways, args, data, (file, venue))?;
    }
    let mut output = Output::open(None)?;
    match args.format {
        RunFormat::Json => {
            let mut value = as_json(&ways, args, data);
            value["seconds"] = json!(seconds);
            if let Some(checked) = &checked {
                value["check"] = checked.to_json();
            }
            if let Some(shuffled) = &shuffled {
                value["monte_carlo"] = shuffled_json(shuffled, args.seed);
            }
            output.line(&value.to_string())?;
        }
        RunFormat::Text => {
            output.line(&format!("{} {} {}", args.data.strategy, data.series, parameters(args)))?;
            output.line(&ways.to_text(&origin(data, venue)))?;
            if let Some(shuffled) = &shuffled {
                output.line(&shuffled_text(shuffled))?;
            }
            if let Some(checked) = &checked {
                output.line(&checked.to_text())?;
            }
        }
    }
    output.finish()?;
    checked.map_or(Ok(()), |checked| checked.into_result())
}

/// Refuses what is no strategy, with the list of those that there are.
pub(super) fn check_strategy(name: &str) -> Result<(), UsageError> {
    let names = market_backbone::strategy::builtin::NAMES;
    if names.iter().any(|(known, _)| *known == name) {
        return Ok(());
    }
    let list: Vec<_> = names.iter().map(|(known, what)| format!("{known} ({what})")).collect();
    Err(UsageError(format!("there is no strategy `{name}`; there is {}", list.join(", "))))
}

fn check_outputs(args: &BacktestArgs) -> anyhow::Result<()> {
    for file in args.report.iter().chain(&args.decisions) {
        output::ensure_folder(file)?;
    }
    match &args.report {
        Some(file) => PictureFormat::of(file).map(|_| ()),
        None => Ok(()),
    }
}

/// The form of a report file, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PictureFormat {
    Html,
    Svg,
    Json,
}

impl PictureFormat {
    pub(super) fn of(file: &Path) -> anyhow::Result<Self> {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "html" | "htm" => Ok(Self::Html),
            "svg" => Ok(Self::Svg),
            "json" => Ok(Self::Json),
            _ => Err(UsageError(format!("--report {}: use .html, .svg or .json", file.display())).into()),
        }
    }
}

fn write_report(
    ways: &ThreeWays,
    args: &BacktestArgs,
    data: &BarData,
    (file, venue): (&Path, &str),
) -> anyhow::Result<()> {
    let title = format!("{} {} {}", args.data.strategy, data.series, parameters(args));
    let picture = RunPicture {
        title: &title,
        ways,
        series: &data.series,
        candles: &data.candles,
        year_origin: &origin(data, venue),
    };
    let text = match PictureFormat::of(file)? {
        PictureFormat::Json => {
            let mut value = as_json(ways, args, data);
            value["round_trips"] = ways.assumed.round_trips_json();
            value["daily_equity"] = json!(ways.assumed.performance.daily_equity);
            value.to_string()
        }
        PictureFormat::Html => picture.to_html(),
        PictureFormat::Svg => picture.to_svg(),
    };
    let mut report = Output::open(Some(file))?;
    report.line(&text)?;
    report.finish()
}

fn write_decisions(run: &SmaCrossRun<'_>, args: &BacktestArgs, file: &Path) -> anyhow::Result<()> {
    let log = run.decisions(args.fast, args.slow, JsonDecisionLog::new(Vec::new()), run.candles())?;
    let mut output = Output::open(Some(file))?;
    output.lines(&log)?;
    output.finish()
}

/// Shuffles the trades, each as a share of what the account was worth before it.
fn shuffle(ways: &ThreeWays, runs: usize, seed: u64) -> Option<MonteCarlo> {
    let mut equity = nearest(ways.assumed.initial_equity);
    let share = |trip: &RoundTrip| {
        let share = trip.profit / equity;
        equity += trip.profit;
        share
    };
    let shares: Vec<f64> = ways.assumed.round_trips.iter().map(share).collect();
    monte_carlo(&shares, runs, seed)
}

fn shuffled_json(shuffled: &MonteCarlo, seed: u64) -> Value {
    json!({
        "runs": shuffled.runs,
        "seed": seed,
        "median_drawdown": shuffled.median_drawdown,
        "drawdown_95": shuffled.drawdown_95,
        "worst_drawdown": shuffled.worst_drawdown,
    })
}

fn shuffled_text(shuffled: &MonteCarlo) -> String {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    format!(
        "\nother orders  drawdown of {} orders of the trades: half below {}, 95 % below {}, the worst {}",
        shuffled.runs,
        percent(shuffled.median_drawdown),
        percent(shuffled.drawdown_95),
        percent(shuffled.worst_drawdown)
    )
}

fn as_json(ways: &ThreeWays, args: &BacktestArgs, data: &BarData) -> Value {
    let mut value = ways.to_json();
    value["strategy"] = json!(args.data.strategy);
    value["symbol"] = json!(data.series.symbol.code());
    value["timeframe"] = json!(data.series.timeframe.as_str());
    value["parameters"] = json!({ "fast": args.fast, "slow": args.slow });
    value["fee"] = number(args.money.fee);
    value["cash"] = number(args.money.cash);
    value["quantity"] = args.money.quantity.map_or(Value::Null, number);
    value["slippage"] = number(args.money.slippage);
    value["empty_slots"] = json!(data.empty_slots);
    value["disputed_slots"] = json!(data.disputed_slots);
    value
}

fn number(decimal: market_backbone::strategy::Decimal) -> Value {
    json!(nearest(decimal))
}

fn parameters(args: &BacktestArgs) -> String {
    let sizing = match args.money.quantity {
        Some(quantity) => format!("{quantity} each time"),
        None => "all in".to_owned(),
    };
    format!(
        "fast {} slow {}, fee {}, cash {}, {sizing}",
        args.fast, args.slow, args.money.fee, args.money.cash
    )
}

/// Why the year has so many days.
pub(super) fn origin(data: &BarData, venue: &str) -> String {
    match data.days_per_year {
        365.. => format!("days: the markets of {venue} never close"),
        _ => format!("sessions of {venue} a year"),
    }
}

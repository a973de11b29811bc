//! The commands, one file each.

mod backtest;
mod candles;
mod completions;
mod daily;
mod demo;
mod diff;
mod emulate;
mod log_filter;
mod man;
mod market_selection;
mod markets;
mod plan;
mod record;
mod replay;
mod scores;
mod screen;
mod store;
mod sweep;
mod ticker;
mod universe;
mod watch;

use std::io::ErrorKind;

use market_backbone::{Backbone, Builder};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::prelude::*;

use crate::args::{CliArgs, CliCommand, GlobalArgs};
use crate::stop::{self, Stopped};
use crate::{output, settings, terminal};

/// The WebSocket library, which logs each frame it receives or sends at trace level.
const WEBSOCKET_CRATE: &str = "tungstenite";

/// Runs the command.
pub(crate) async fn run(args: CliArgs) -> anyhow::Result<()> {
    let is_venue = matches!(args.command, CliCommand::Demo(_) | CliCommand::Emulate(_));
    start_log(&args.global.log, is_venue)?;
    let global = &args.global;
    settings::check(global)?;
    match args.command {
        CliCommand::Completions(args) => completions::run(args.shell),
        CliCommand::Man(args) => man::run(args.dir.as_deref()),
        CliCommand::Demo(demo) => demo::run(demo, global.venue).await,
        CliCommand::Emulate(emulate) => emulate::run(emulate, global.venue_flags.region()).await,
        CliCommand::Store(args) => store::run(args, global).await,
        CliCommand::Universe(args) => unless_stopped(universe::run(args, global)).await,
        CliCommand::Candles(args) => {
            with_backbone(global, async |backbone| unless_stopped(candles::run(args, backbone)).await).await
        }
        CliCommand::Daily(args) => {
            with_backbone(global, async |backbone| unless_stopped(daily::run(args, backbone)).await).await
        }
        CliCommand::Diff(args) => diff::run(&args),
        CliCommand::Backtest(args) => match args.data.bars {
            Some(_) => unless_stopped(backtest::run(args, global, None)).await,
            None => {
                let run = async |backbone: &Backbone| {
                    unless_stopped(backtest::run(args, global, Some(backbone))).await
                };
                with_backbone(global, run).await
            }
        },
        CliCommand::Sweep(args) => match args.data.bars {
            Some(_) => unless_stopped(sweep::run(args, global, None)).await,
            None => {
                let run = async |backbone: &Backbone| {
                    unless_stopped(sweep::run(args, global, Some(backbone))).await
                };
                with_backbone(global, run).await
            }
        },
        CliCommand::Plan(args) => {
            with_backbone(global, async |backbone| unless_stopped(plan::run(args, backbone)).await).await
        }
        CliCommand::Screen(args) => {
            with_backbone(global, async |backbone| unless_stopped(screen::run(args, backbone)).await).await
        }
        CliCommand::Ticker(args) => {
            without_store(global, async |backbone| unless_stopped(ticker::run(args, backbone)).await).await
        }
        CliCommand::Markets(args) => {
            without_store(global, async |backbone| unless_stopped(markets::run(args, backbone)).await).await
        }
        CliCommand::Replay(args) => replay::run(args).await,
        CliCommand::Record(args) => record::run(args, global).await,
        CliCommand::Scores(args) => {
            with_backbone(global, async |backbone| scores::run(args, backbone).await).await
        }
        CliCommand::Watch(args) => {
            with_backbone(global, async |backbone| watch::run(args, backbone).await).await
        }
    }
}

/// Opens a backbone, uses it, and shuts it down in order whatever happened.
async fn with_backbone(
    global: &GlobalArgs,
    task: impl AsyncFnOnce(&Backbone) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    run_with(settings::builder(global)?, task).await
}

/// Opens a backbone without a store, for commands that store nothing: they work whatever the state of the
/// store.
async fn without_store(
    global: &GlobalArgs,
    task: impl AsyncFnOnce(&Backbone) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    run_with(settings::builder(global)?.without_store(), task).await
}

async fn run_with(
    builder: Builder,
    task: impl AsyncFnOnce(&Backbone) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let backbone = unless_stopped(async { Ok(builder.build().await?) }).await?;
    let outcome = task(&backbone).await;
    backbone.shutdown().await;
    output::print_summary();
    outcome
}

/// Runs a task until a signal stops it. The signal ends only the task; the shutdown still runs in order.
async fn unless_stopped<T>(task: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        outcome = task => outcome.map_err(stopped_error),
        cause = stop::wait() => Err(Stopped(cause).into()),
    }
}

/// Turns the error of a task that was interrupted while it wrote into the reason for the stop.
fn stopped_error(error: anyhow::Error) -> anyhow::Error {
    let Some((cause, _)) = stop::requested() else { return error };
    match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(ErrorKind::Interrupted) => Stopped(cause).into(),
        Some(ErrorKind::TimedOut) => {
            output::note(&error.to_string());
            Stopped(cause).into()
        }
        _ => error,
    }
}

/// Starts the log.
///
/// `is_venue` says that an emulated venue runs here: the frames that its socket library receives hold the
/// logins of its clients.
fn start_log(filter: &str, is_venue: bool) -> anyhow::Result<()> {
    let filter = log_filter::parse(filter)?;
    let colours = terminal::colours_on_stderr();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_discreet = move |metadata: &Metadata<'_>| {
        !(is_venue && *metadata.level() == Level::TRACE && metadata.target().starts_with(WEBSOCKET_CRATE))
    };
    log.with_ansi(colours).finish().with(filter_fn(is_discreet)).init();
    Ok(())
}

//! What each command does, one file each.

mod candles;
mod daily;
mod demo;
mod emulate;
mod listing;
mod markets;
mod plan;
mod store;
mod ticker;
mod universe;
mod watch;

use std::io::{ErrorKind, IsTerminal};

use market_backbone::Backbone;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command, Global};
use crate::exit::Usage;
use crate::stop::{self, Stopped};
use crate::{output, settings};

/// Does what was asked.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    start_log(&args.global.log)?;
    let global = &args.global;
    settings::check(global)?;
    match args.command {
        Command::Demo(demo) => demo::run(demo, global.venue).await,
        Command::Emulate(emulate) => emulate::run(emulate, global.region).await,
        Command::Store(args) => store::run(args, global).await,
        Command::Universe(args) => unless_stopped(universe::run(args, global)).await,
        Command::Candles(args) => {
            with_backbone(global, async |house| unless_stopped(candles::run(args, house)).await).await
        }
        Command::Daily(args) => {
            with_backbone(global, async |house| unless_stopped(daily::run(args, house)).await).await
        }
        Command::Plan(args) => {
            with_backbone(global, async |house| unless_stopped(plan::run(args, house)).await).await
        }
        Command::Ticker(args) => {
            with_backbone(global, async |house| unless_stopped(ticker::run(args, house)).await).await
        }
        Command::Markets(args) => {
            with_backbone(global, async |house| unless_stopped(markets::run(args, house)).await).await
        }
        Command::Watch(args) => with_backbone(global, async |house| watch::run(args, house).await).await,
    }
}

/// Opens a backbone, uses it, and shuts it down in order whatever happened.
async fn with_backbone(
    global: &Global,
    task: impl AsyncFnOnce(&Backbone) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let building = settings::builder(global)?.build();
    let backbone = unless_stopped(async { Ok(building.await?) }).await?;
    let outcome = task(&backbone).await;
    backbone.shutdown().await;
    outcome
}

/// A signal ends the task, not the order in which things are put away.
async fn unless_stopped<T>(task: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        outcome = task => outcome.map_err(if_stopped),
        cause = stop::wait() => Err(Stopped(cause).into()),
    }
}

/// What a task that was writing when it was stopped makes of that.
fn if_stopped(error: anyhow::Error) -> anyhow::Error {
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

fn start_log(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|error| Usage(format!("--log {filter}: {error}")))?;
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    Ok(())
}

//! The `market-backbone` command: it reads its arguments, runs one command, and reports by its exit code: see
//! [`exit`].

mod args;
mod command;
mod exit;
mod file_format;
mod output;
mod progress;
mod row;
mod secret_arg;
mod settings;
mod stats;
mod stop;
mod terminal;

use std::process::ExitCode;

use anyhow::Context;
use tokio::sync::oneshot;

/// The stack size of the worker thread: that of a main thread.
const STACK_BYTES: usize = 8 << 20;

/// Runs the work on a thread of its own, so that this one can receive signals and end the process, whatever
/// blocks the work: a disk, or a pipe that nobody reads.
fn main() -> ExitCode {
    let args = args::parse();
    let is_endless = args.command.is_endless();
    let (done, outcome) = oneshot::channel();
    let work = move || {
        // Nobody waits any more if the end is overdue.
        let _ = done.send(run_command(args));
    };
    let started = std::thread::Builder::new().name("command".to_owned()).stack_size(STACK_BYTES).spawn(work);
    let outcome = match started {
        Ok(_) => wait_for_outcome(outcome),
        Err(error) => Err(anyhow::Error::new(error).context("cannot start a thread")),
    };
    exit::code(outcome, is_endless)
}

fn run_command(args: args::CliArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let outcome = runtime.block_on(command::run(args));
    // What still runs was abandoned by its owner.
    runtime.shutdown_background();
    outcome
}

/// Waits for the outcome of the work, or for the reason it was abandoned.
fn wait_for_outcome(outcome: oneshot::Receiver<anyhow::Result<()>>) -> anyhow::Result<()> {
    let listening = tokio::runtime::Builder::new_current_thread().enable_all().build();
    listening.context("cannot start the runtime")?.block_on(async {
        tokio::select! {
            outcome = outcome => outcome.context("the work failed because of a bug in this program; see above")?,
            overdue = stop::until_overdue() => Err(stop::Stopped(overdue?).into()),
        }
    })
}

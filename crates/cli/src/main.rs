//! The `market-backbone` command: reads its arguments, does one thing, and says by its exit code how it went
//! (0 done, 1 failed with one clear line, 2 wrong usage).

mod args;
mod command;
mod ending;
mod exit;
mod output;
mod progress;
mod row;
mod secret;
mod settings;
mod stats;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(command::run(args)),
        Err(error) => Err(anyhow::Error::new(error).context("cannot start the runtime")),
    };
    exit::code(outcome)
}

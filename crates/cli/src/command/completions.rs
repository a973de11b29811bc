//! `market-backbone completions`: what a shell reads to complete this command.

use clap_complete::Shell;

use crate::args;
use crate::output::Output;

pub(crate) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "market-backbone", &mut script);
    let mut output = Output::open(None)?;
    output.line(String::from_utf8(script)?.trim_end())?;
    output.finish()
}

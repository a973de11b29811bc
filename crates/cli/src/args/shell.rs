//! `completions` and `man`: what a shell and `man` read of this command.

use std::path::PathBuf;

use clap::Args as Group;
use clap_complete::Shell;

use super::heading;

#[derive(Debug, Group)]
pub(crate) struct CompletionsArgs {
    /// The shell that reads them
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Group)]
pub(crate) struct ManArgs {
    /// The folder to write a page for each command to [default: the page of the whole to stdout]
    #[arg(help_heading = heading::OUTPUT)]
    pub(crate) dir: Option<PathBuf>,
}

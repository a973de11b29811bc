//! `market-backbone man`: man pages, made from the definition of the command line.

use std::path::Path;

use anyhow::Context;
use clap_mangen::Man;

use crate::args;
use crate::output::{Output, note};

pub(crate) fn run(dir: Option<&Path>) -> anyhow::Result<()> {
    match dir {
        Some(dir) => write_all(dir),
        None => {
            let mut page = Vec::new();
            Man::new(args::command()).render(&mut page)?;
            let mut output = Output::open(None)?;
            output.line(String::from_utf8(page)?.trim_end())?;
            output.finish()
        }
    }
}

/// Writes a page for each command.
fn write_all(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    clap_mangen::generate_to(args::command(), dir)
        .with_context(|| format!("cannot write man pages to {}", dir.display()))?;
    note(&format!("man pages: {}", dir.display()));
    Ok(())
}

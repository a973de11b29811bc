//! The only place that writes to stdout or to a file of the user's. Data only; all else goes to stderr.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Where data goes.
pub(crate) enum Output {
    Terminal(BufWriter<std::io::Stdout>),
    /// Written beside the target first, so that a target is whole or untouched.
    File {
        writer: BufWriter<File>,
        draft: PathBuf,
        target: PathBuf,
    },
}

impl Output {
    /// To `file`, or to stdout.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(target) = file else { return Ok(Self::Terminal(BufWriter::new(stdout()))) };
        let mut draft = target.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).with_context(|| format!("cannot write {}", draft.display()))?;
        Ok(Self::File { writer: BufWriter::new(file), draft, target: target.to_owned() })
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: &str) -> std::io::Result<()> {
        match self {
            Self::Terminal(writer) => writeln!(writer, "{line}"),
            Self::File { writer, .. } => writeln!(writer, "{line}"),
        }
    }

    /// Lets the reader at the other end see what has been written so far.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Terminal(writer) => writer.flush(),
            Self::File { writer, .. } => writer.flush(),
        }
    }

    /// Writes out what is left and puts a file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        if let Self::File { writer, draft, target } = self {
            writer.get_ref().sync_all()?;
            std::fs::rename(&draft, &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
        Ok(())
    }
}

/// Whether a person is looking.
pub(crate) fn is_terminal() -> bool {
    stdout().is_terminal()
}

/// Writes a line to stderr: not data, but what a person or a script wants to know beside it.
pub(crate) fn note(line: &str) {
    // Not being able to say it is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

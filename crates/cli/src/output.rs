//! The only place that writes to stdout or to a file of the user's. Data only; all else goes to stderr.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Seek, SeekFrom, Write, stdout};
use std::path::Path;

use anyhow::Context;
use market_backbone::Draft;

/// Where data goes.
pub(crate) enum Output {
    Terminal(BufWriter<std::io::Stdout>),
    /// Written beside the target first, so that a target is whole or untouched.
    File {
        writer: BufWriter<File>,
        draft: Draft,
    },
    /// Grows line by line: whoever reads it meanwhile sees them come.
    Appended(BufWriter<File>),
}

impl Output {
    /// To `file`, or to stdout.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(target) = file else { return Ok(Self::Terminal(BufWriter::new(stdout()))) };
        let (draft, file) =
            Draft::create(target).with_context(|| format!("cannot write {}", target.display()))?;
        Ok(Self::File { writer: BufWriter::new(file), draft })
    }

    /// To the end of `file`. If only `length` bytes of it count, the rest is cut off.
    pub(crate) fn append(file: &Path, length: Option<u64>) -> anyhow::Result<Self> {
        let name = file.display();
        let open = || {
            let mut opened = OpenOptions::new().create(true).truncate(false).write(true).open(file)?;
            let found = opened.seek(SeekFrom::End(0))?;
            if let Some(length) = length.filter(|length| *length < found) {
                opened.set_len(length)?;
                opened.seek(SeekFrom::End(0))?;
            }
            Ok::<_, std::io::Error>((opened, found))
        };
        let (opened, found) = open().with_context(|| format!("cannot write {name}"))?;
        if let Some(length) = length.filter(|length| *length > found) {
            anyhow::bail!(
                "{name} has {found} bytes, but had {length} when the watch ended; \
                 put it back, or begin anew without the --resume file"
            );
        }
        Ok(Self::Appended(BufWriter::new(opened)))
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, line: &str) -> std::io::Result<()> {
        match self {
            Self::Terminal(writer) => writeln!(writer, "{line}"),
            Self::File { writer, .. } | Self::Appended(writer) => writeln!(writer, "{line}"),
        }
    }

    /// Lets the reader at the other end see what has been written so far.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Terminal(writer) => writer.flush(),
            Self::File { writer, .. } | Self::Appended(writer) => writer.flush(),
        }
    }

    /// Makes sure that what has been written outlives the machine's power; how long an appended file then is.
    pub(crate) fn settle(&mut self) -> std::io::Result<Option<u64>> {
        self.flush()?;
        let Self::Appended(writer) = self else { return Ok(None) };
        let file = writer.get_mut();
        file.sync_data()?;
        file.stream_position().map(Some)
    }

    /// Writes out what is left and puts a file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        if let Self::File { writer, draft } = self {
            writer.get_ref().sync_all()?;
            draft.settle()?;
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

//! The only place that writes to stdout or to a user's file. Data only; everything else goes to stderr.

mod pipe;
mod reader;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Seek, SeekFrom, Write, stdout};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use market_backbone::AtomicFile;

use self::pipe::Pipe;

/// The destination of data.
pub(crate) struct Output(OutputTarget);

enum OutputTarget {
    Terminal(Pipe),
    /// A file that is written under a temporary name first, so that the target is complete or untouched.
    File(BufWriter<File>, AtomicFile),
    /// A file that grows line by line, visible to its readers.
    Appended(BufWriter<File>, String),
}

impl Output {
    /// Opens `file`, or stdout.
    pub(crate) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        file.map_or(Ok(()), ensure_folder)?;
        let target = match file {
            None => {
                OutputTarget::Terminal(Pipe::open().context("cannot start the thread that writes to stdout")?)
            }
            Some(target) => {
                let (draft, file) = AtomicFile::create(target)
                    .with_context(|| format!("cannot write {}", target.display()))?;
                OutputTarget::File(BufWriter::new(file), draft)
            }
        };
        Ok(Self(target))
    }

    /// Opens `file` for appending. If only `length` bytes of it count, the rest is cut off.
    pub(crate) fn append(file: &Path, length: Option<u64>) -> anyhow::Result<Self> {
        let name = file.display();
        ensure_folder(file)?;
        let open = || {
            let mut opened = OpenOptions::new().create(true).truncate(false).write(true).open(file)?;
            let found = opened.seek(SeekFrom::End(0))?;
            if let Some(length) = length.filter(|length| *length < found) {
                opened.set_len(length)?;
                opened.seek(SeekFrom::End(0))?;
            }
            Ok::<_, io::Error>((opened, found))
        };
        let (opened, found) = open().with_context(|| format!("cannot write {name}"))?;
        if let Some(length) = length.filter(|length| *length > found) {
            anyhow::bail!(
                "{name} has {found} bytes, but had {length} when the watch ended; \
                 restore it, or start anew without the --resume file"
            );
        }
        Ok(Self(OutputTarget::Appended(BufWriter::new(opened), name.to_string())))
    }

    /// Writes one line. Waits while stdout accepts no more, unless the command is to end.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        let written = match &mut self.0 {
            OutputTarget::Terminal(pipe) => return pipe.line(line),
            OutputTarget::File(writer, _) | OutputTarget::Appended(writer, _) => writeln!(writer, "{line}"),
        };
        written.map_err(|error| self.at(&error))
    }

    /// Flushes, so that the reader sees what has been written so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.0 {
            OutputTarget::Terminal(pipe) => return pipe.flush(),
            OutputTarget::File(writer, _) | OutputTarget::Appended(writer, _) => writer.flush(),
        };
        flushed.map_err(|error| self.at(&error))
    }

    /// Flushes to the reader, and syncs a file to the disk. Returns the length of an appended file.
    pub(crate) fn sync(&mut self) -> io::Result<Option<u64>> {
        self.flush()?;
        let settled = match &mut self.0 {
            OutputTarget::Terminal(pipe) => return pipe.sync().map(|()| None),
            OutputTarget::File(..) => return Ok(None),
            OutputTarget::Appended(writer, _) => {
                let file = writer.get_mut();
                file.sync_data().and_then(|()| file.stream_position()).map(Some)
            }
        };
        settled.map_err(|error| self.at(&error))
    }

    /// Flushes the rest and moves a file into place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if !matches!(self.0, OutputTarget::Terminal(_)) {
            self.flush()?;
        }
        match self.0 {
            OutputTarget::Terminal(pipe) => Ok(pipe.finish()?),
            OutputTarget::File(writer, draft) => {
                let synced = writer.get_ref().sync_all();
                synced.with_context(|| format!("cannot write {}", draft.target().display()))?;
                Ok(draft.commit()?)
            }
            OutputTarget::Appended(..) => Ok(()),
        }
    }

    /// Adds the place to a failure.
    fn at(&self, error: &io::Error) -> io::Error {
        let place = match &self.0 {
            OutputTarget::Terminal(_) => "stdout".to_owned(),
            OutputTarget::File(_, draft) => draft.target().display().to_string(),
            OutputTarget::Appended(_, name) => name.clone(),
        };
        io::Error::new(error.kind(), format!("cannot write {place}: {error}"))
    }
}

/// Ends the command when nobody reads stdout any more, as long as the result lives: for work that takes long
/// before it writes.
pub(crate) fn watch_reader() -> anyhow::Result<Output> {
    Output::open(None)
}

/// Checks that the folder of a file that is to be written exists.
pub(crate) fn ensure_folder(file: &Path) -> anyhow::Result<()> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => {
            anyhow::bail!(
                "cannot write {}: there is no folder {}; create it",
                file.display(),
                folder.display()
            )
        }
        None => Ok(()),
    }
}

/// Returns whether stdout is a terminal.
pub(crate) fn is_terminal() -> bool {
    stdout().is_terminal()
}

/// Writes a line to stderr: not data, but information for people or scripts beside it.
pub(crate) fn note(line: &str) {
    // A failure to print it is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The last line on stderr, after all messages of the shutdown.
static SUMMARY: Mutex<Option<String>> = Mutex::new(None);

/// Sets the line that scripts look for at the end.
pub(crate) fn set_summary(line: String) {
    *SUMMARY.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
}

/// Prints that line, if there is one.
pub(crate) fn print_summary() {
    let kept = SUMMARY.lock().unwrap_or_else(PoisonError::into_inner).take();
    kept.iter().for_each(|line| note(line));
}

/// Writes the last line to stderr. If stderr is a pipe that nobody reads, the line is dropped.
pub(crate) fn write_final_error(line: &str) {
    /// The number of bytes that a pipe with any room accepts at once.
    const PIECE: usize = 4_096;
    const PATIENCE: Duration = Duration::from_millis(200);
    for piece in format!("{line}\n").as_bytes().chunks(PIECE) {
        if !reader::stderr_takes_more(PATIENCE) || io::stderr().write_all(piece).is_err() {
            return;
        }
    }
}

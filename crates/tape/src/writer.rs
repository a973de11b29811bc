//! Writes blocks into files, and begins a new file when one is large.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use market_backbone_core::Timestamp;
use zstd::bulk::Compressor;

use crate::record::append_session;
use crate::record_buffer::RecordBuffer;
use crate::tape_file::{FORMAT, MAGIC, name};
use crate::{TapeError, TapeSession, block};

/// The limits of the files that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterLimits {
    /// The size from which a new file is begun.
    pub file_bytes: u64,
    /// The level of the compression, as zstd counts it.
    pub level: i32,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self { file_bytes: 256 << 20, level: 3 }
    }
}

/// The file that is being written.
#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    bytes: u64,
}

/// A writer of a recording. Each block is written by one call, so a killed process leaves at most one torn block, the
/// last of its file.
pub(crate) struct TapeWriter {
    dir: PathBuf,
    session: Option<TapeSession>,
    limits: WriterLimits,
    compressor: Compressor<'static>,
    open: Option<OpenFile>,
    pub(crate) files: u32,
    pub(crate) bytes: u64,
}

impl TapeWriter {
    /// Creates the folder, if there is none. Files that are there already stay.
    pub(crate) fn new(dir: &Path, limits: WriterLimits) -> Result<Self, TapeError> {
        fs::create_dir_all(dir).map_err(TapeError::io("create the folder", dir))?;
        let compressor = Compressor::new(limits.level).map_err(TapeError::io("compress for", dir))?;
        Ok(Self { dir: dir.to_owned(), session: None, limits, compressor, open: None, files: 0, bytes: 0 })
    }

    pub(crate) const fn knows_session(&self) -> bool {
        self.session.is_some()
    }

    pub(crate) fn set_session(&mut self, session: TapeSession) {
        self.session = Some(session);
    }

    /// Writes `records` as one block.
    pub(crate) fn write(&mut self, records: &RecordBuffer) -> Result<(), TapeError> {
        if records.is_empty() {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|open| open.bytes >= self.limits.file_bytes) {
            self.close()?;
        }
        if self.open.is_none() {
            self.begin(records.first)?;
        }
        self.write_block(records)
    }

    /// Begins a file. Its first block says what is recorded, so that each file can be read alone.
    fn begin(&mut self, time: Timestamp) -> Result<(), TapeError> {
        let (file, path) = self.create(time)?;
        let begin = [&MAGIC[..], &[FORMAT]].concat();
        self.files += 1;
        self.open = Some(OpenFile { file, path, bytes: 0 });
        self.append(&begin)?;
        let mut head = RecordBuffer::default();
        if let Some(session) = &self.session {
            head.push(time, |bytes| append_session(bytes, time, session));
        }
        self.write_block(&head)
    }

    fn create(&self, time: Timestamp) -> Result<(File, PathBuf), TapeError> {
        let mut number = 0;
        loop {
            let path = self.dir.join(name(time, number));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 9_999 => number += 1,
                Err(error) => return Err(TapeError::io("create", &path)(error)),
            }
        }
    }

    fn write_block(&mut self, records: &RecordBuffer) -> Result<(), TapeError> {
        let payload =
            self.compressor.compress(&records.bytes).map_err(TapeError::io("compress for", &self.dir))?;
        self.append(&block::block(records, &payload))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), TapeError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.file.write_all(bytes).map_err(TapeError::io("write", &open.path))?;
        open.bytes += bytes.len() as u64;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the file: what was written is on the disk then.
    pub(crate) fn close(&mut self) -> Result<(), TapeError> {
        match self.open.take() {
            Some(open) => open.file.sync_all().map_err(TapeError::io("write", &open.path)),
            None => Ok(()),
        }
    }
}

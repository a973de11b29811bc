//! Reads a recording back, from any moment on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use market_backbone_core::Timestamp;

use crate::block::{BLOCK_HEAD, BlockHead};
use crate::tape_file::{FORMAT, MAGIC, list};
use crate::{TapeEntry, TapeError, TapeRecord, TapeSession, record};

/// The end of a file that was being written when its program was killed: an incomplete block, which is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file that ends so.
    pub path: PathBuf,
    /// The number of bytes that are left out.
    pub bytes: u64,
}

impl std::fmt::Display for TornTail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, bytes } = self;
        write!(
            f,
            "the last {bytes} bytes of {} are an incomplete block and left out: its recording was interrupted",
            path.display()
        )
    }
}

/// A file that is being read.
#[derive(Debug)]
struct FileInReading {
    path: PathBuf,
    bytes: BufReader<File>,
    /// The position of the next block.
    offset: u64,
    length: u64,
}

/// A reader of a recording.
#[derive(Debug)]
pub struct TapeReader {
    files: VecDeque<PathBuf>,
    open: Option<FileInReading>,
    entries: VecDeque<TapeEntry>,
    session: TapeSession,
    from: Timestamp,
    to: Timestamp,
    torn: Vec<TornTail>,
}

impl TapeReader {
    /// Opens the recording in `dir`, whole.
    ///
    /// # Errors
    ///
    /// If there is none, or its first file cannot be read.
    pub fn open(dir: &Path) -> Result<Self, TapeError> {
        Self::open_between(dir, Timestamp::MIN, Timestamp::MAX)
    }

    /// Opens the part of the recording in `dir` from `from` on and before `to`. Blocks outside it are not read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_between(dir: &Path, from: Timestamp, to: Timestamp) -> Result<Self, TapeError> {
        let files: VecDeque<_> = list(dir)?.into();
        let mut session = None;
        for path in &files {
            // A recording that was killed at once has a file without a block.
            session = FileInReading::open(path)?.session()?;
            if session.is_some() {
                break;
            }
        }
        let session = session.ok_or_else(|| TapeError::Empty { path: dir.to_owned() })?;
        Ok(Self { files, open: None, entries: VecDeque::new(), session, from, to, torn: Vec::new() })
    }

    /// Returns what was recorded.
    #[must_use]
    pub const fn session(&self) -> &TapeSession {
        &self.session
    }

    /// Returns the incomplete ends of the files that were read so far.
    #[must_use]
    pub fn torn_tails(&self) -> &[TornTail] {
        &self.torn
    }

    /// Returns the next record; `None` at the end.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or holds something other than what was written.
    #[expect(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<TapeEntry>, TapeError> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Ok(Some(entry));
            }
            let Some(file) = &mut self.open else {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                self.open = Some(FileInReading::open(&path)?);
                continue;
            };
            let (from, to) = (self.from, self.to);
            match file.next_block(|head| from <= head.last && head.first < to)? {
                Some(block) => self
                    .entries
                    .extend(block.into_iter().filter(|entry| from <= entry.time && entry.time < to)),
                None => {
                    let bytes = file.length - file.offset;
                    if bytes > 0 {
                        self.torn.push(TornTail { path: file.path.clone(), bytes });
                    }
                    self.open = None;
                }
            }
        }
    }
}

impl FileInReading {
    fn open(path: &Path) -> Result<Self, TapeError> {
        let file = File::open(path).map_err(TapeError::io("open", path))?;
        let length = file.metadata().map_err(TapeError::io("read", path))?.len();
        let mut reading = Self { path: path.to_owned(), bytes: BufReader::new(file), offset: 0, length };
        let mut begin = [0; MAGIC.len() + 1];
        if length < begin.len() as u64 {
            return Ok(reading);
        }
        reading.read(&mut begin)?;
        if begin[..MAGIC.len()] != MAGIC {
            return Err(reading.damaged("it does not begin as a recording"));
        }
        let found = begin[MAGIC.len()];
        if found > FORMAT {
            return Err(TapeError::Newer { path: reading.path, found, known: FORMAT });
        }
        reading.offset = begin.len() as u64;
        Ok(reading)
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), TapeError> {
        self.bytes.read_exact(bytes).map_err(TapeError::io("read", &self.path))
    }

    fn damaged(&self, what: &'static str) -> TapeError {
        TapeError::Damaged { path: self.path.clone(), offset: self.offset, what }
    }

    fn session(mut self) -> Result<Option<TapeSession>, TapeError> {
        let block = self.next_block(|_| true)?.unwrap_or_default();
        Ok(block.into_iter().find_map(|entry| match entry.record {
            TapeRecord::Session(session) => Some(session),
            _ => None,
        }))
    }

    /// Returns the records of the next block that is `wanted`; `None` at the end of the file, which may be an incomplete
    /// block.
    fn next_block(
        &mut self,
        wanted: impl Fn(&BlockHead) -> bool,
    ) -> Result<Option<Vec<TapeEntry>>, TapeError> {
        loop {
            let rest = self.length - self.offset;
            let mut head = [0; BLOCK_HEAD];
            if rest < BLOCK_HEAD as u64 {
                return Ok(None);
            }
            self.read(&mut head)?;
            let Some(head) = BlockHead::read(&head) else {
                return Err(self.damaged("a block should begin there"));
            };
            let end = self.offset + BLOCK_HEAD as u64 + u64::from(head.compressed);
            if end > self.length {
                return Ok(None);
            }
            if !wanted(&head) {
                self.bytes.seek(SeekFrom::Start(end)).map_err(TapeError::io("read", &self.path))?;
                self.offset = end;
                continue;
            }
            let mut payload = vec![0; head.compressed as usize];
            self.read(&mut payload)?;
            if !head.is_intact(&payload) {
                // The room for the last block may have been there before its bytes.
                return if end == self.length {
                    Ok(None)
                } else {
                    Err(self.damaged("a block has other bytes"))
                };
            }
            let records = self.records(&head, &payload)?;
            self.offset = end;
            return Ok(Some(records));
        }
    }

    fn records(&self, head: &BlockHead, payload: &[u8]) -> Result<Vec<TapeEntry>, TapeError> {
        let bytes = zstd::bulk::decompress(payload, head.length as usize)
            .map_err(|_| self.damaged("a block cannot be decompressed"))?;
        let (mut rest, mut entries) = (&bytes[..], Vec::with_capacity(bytes.len() / record::RECORD_HEAD / 8));
        while !rest.is_empty() {
            let (entry, after) = record::read(rest).ok_or_else(|| self.damaged("a record cannot be read"))?;
            entries.extend(entry);
            rest = after;
        }
        Ok(entries)
    }
}

//! The file of the journal: read on from the last position, appended to, and compacted now and then.
//!
//! The first line names the version of the format and changes whenever the file is compacted: a reader at a
//! later position begins again. Version 2 is version 1 with the weight of requests that do not weigh 1. A
//! file of version 1, whose first line is a bare number, is read as it is: in it every request weighs 1. A
//! file of a later version is not used, and a warning is logged, since its lines may mean something else.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use market_backbone_core::RateLimitRule;

use super::peer_log::{MAX_IN_FLIGHT, PeerLog};
use super::record::{ClockStamp, JournalRecord, RecordKind};

/// The version that this program writes.
const VERSION: u32 = 2;
/// The length of the first line, its end included: `v2.` and seven digits.
pub(super) const HEADER_LEN: usize = 11;
/// The size, in bytes, above which the file is compacted, unless most of it still matters.
pub(super) const COMPACT_ABOVE: u64 = 1 << 20;

/// The open file, and how far it was read.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    writer: u32,
    /// The time for which a permit or an answer matters: the longest window, and the longest time that a
    /// request can be in flight.
    retention: Duration,
    /// The first line at the last read.
    header: [u8; HEADER_LEN],
    read_to: u64,
    compact_above: u64,
    pub(super) peers: PeerLog,
    has_failed: bool,
}

impl JournalFile {
    pub(super) fn open(path: &Path, writer: u32, rules: &[RateLimitRule]) -> io::Result<Self> {
        let longest = rules.iter().map(|rule| rule.window).max().unwrap_or_default();
        let retention = longest + MAX_IN_FLIGHT;
        Ok(Self {
            path: path.to_owned(),
            file: File::options().read(true).append(true).create(true).open(path)?,
            writer,
            retention,
            header: [0; HEADER_LEN],
            read_to: 0,
            compact_above: COMPACT_ABOVE,
            peers: PeerLog::for_rules(rules, retention),
            has_failed: false,
        })
    }

    /// Reads the file for the first time. `exclusive` says that no other process decides at this moment.
    pub(super) fn replay(&mut self, now: ClockStamp, exclusive: bool) -> io::Result<()> {
        let alone = self.file.try_lock().is_ok();
        self.read_on(now)?;
        if alone {
            self.peers.mark_lost(now);
        }
        if exclusive {
            self.compact(now)?;
        } else if self.file.metadata()?.len() != self.read_to {
            // A process was killed in the middle of a line.
            self.file.write_all(b"\n")?;
        }
        // Held as long as the file is open: it says that a process writes.
        let _ = self.file.try_lock_shared();
        Ok(())
    }

    /// Reads what others have appended; shortens the file if it is long and this process is `exclusive`.
    pub(super) fn read(&mut self, now: ClockStamp, exclusive: bool) -> io::Result<()> {
        self.read_on(now)?;
        if exclusive && self.read_to > self.compact_above { self.compact(now) } else { Ok(()) }
    }

    /// Appends a line.
    pub(super) fn append(&mut self, record: &JournalRecord<'_>) -> io::Result<()> {
        check_version(&self.header)?;
        self.file.write_all(record.to_string().as_bytes())
    }

    /// Returns true at the first failure, and false at later ones.
    pub(super) fn is_first_failure(&mut self) -> bool {
        !std::mem::replace(&mut self.has_failed, true)
    }

    fn read_on(&mut self, now: ClockStamp) -> io::Result<()> {
        let mut header = [0; HEADER_LEN];
        read_at(&self.file, 0, &mut header)?;
        let length = self.file.metadata()?.len();
        if header != self.header || length < self.read_to {
            // Compacted, perhaps to a length that has grown to the old one. Repeated records are recognised
            // by their number.
            (self.header, self.read_to) = (header, 0);
            self.compact_above = COMPACT_ABOVE.max(2 * length);
        }
        check_version(&header)?;
        if length == self.read_to {
            return Ok(());
        }
        let mut text = vec![0; usize::try_from(length.saturating_sub(self.read_to)).unwrap_or(0)];
        let length = read_at(&self.file, self.read_to, &mut text)?;
        // Another process may be in the middle of a line.
        let whole = text[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read_to += whole as u64;
        for line in text[..whole].split(|byte| *byte == b'\n') {
            let record = std::str::from_utf8(line).ok().and_then(JournalRecord::parse);
            if let Some(record) = record.filter(|record| record.writer != self.writer)
                && self.is_relevant(&record, now)
            {
                self.peers.push(&record);
            }
        }
        Ok(())
    }

    /// Drops what is too old to matter; only where no other process decides.
    ///
    /// The rest is written over the beginning, under another first line, before the end is cut off, so that a kill in
    /// between loses nothing.
    fn compact(&mut self, now: ClockStamp) -> io::Result<()> {
        let matters =
            |line: &&str| JournalRecord::parse(line).is_some_and(|record| self.is_relevant(&record, now));
        let mut text = vec![0; usize::try_from(self.file.metadata()?.len()).unwrap_or(0)];
        let length = read_at(&self.file, 0, &mut text)?;
        let text = String::from_utf8_lossy(&text[..length]);
        let mut rest = new_header();
        rest.extend(text.lines().filter(matters).flat_map(|line| [line, "\n"]));
        let mut start = File::options().write(true).open(&self.path)?;
        start.write_all(rest.as_bytes())?;
        start.set_len(rest.len() as u64)?;
        self.header.copy_from_slice(&rest.as_bytes()[..HEADER_LEN]);
        self.read_to = rest.len() as u64;
        self.compact_above = COMPACT_ABOVE.max(2 * self.read_to);
        Ok(())
    }

    fn is_relevant(&self, record: &JournalRecord<'_>, now: ClockStamp) -> bool {
        let keep = match record.kind {
            RecordKind::Banned | RecordKind::Paused => Duration::from_millis(record.number),
            RecordKind::Sent | RecordKind::Answered | RecordKind::Lost | RecordKind::Unused => self.retention,
        };
        record.stamp.age(now) < keep
    }
}

fn new_header() -> String {
    format!("v{VERSION}.{:07}\n", fastrand::u32(..10_000_000))
}

/// Refuses a file of a later version.
fn check_version(header: &[u8; HEADER_LEN]) -> io::Result<()> {
    let named =
        || std::str::from_utf8(header).ok()?.strip_prefix('v')?.split_once('.')?.0.parse::<u32>().ok();
    match named() {
        Some(version) if version > VERSION => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the file has format {version}, and this program knows up to {VERSION}; update this program"
            ),
        )),
        _ => Ok(()),
    }
}

/// Reads as much as there is, or as fits.
fn read_at(mut file: &File, from: u64, into: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(from))?;
    let mut length = 0;
    while length < into.len() {
        match file.read(&mut into[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

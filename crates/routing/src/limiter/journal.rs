//! What was sent, on file: all processes of a machine that use one address's budget know of each other, and one that starts
//! within a window of another's end knows what that one had sent.
//!
//! Each turn is a line, appended before the request leaves, and each answer is another. Nothing is flushed to the
//! disk: the system keeps what a killed process wrote, and a machine that loses power takes longer than a window to
//! come back. An append of sixty bytes to a file that is in memory takes a few microseconds, which is why it is
//! done in place, where it is certain to come before the request. A line cut short is no line.
//!
//! Turns are given inside the [gate](super::gate), after reading what the others have appended: so no two processes give
//! the same place away. A file that cannot be written makes nobody wait: the limiter goes on with what it has in memory,
//! and says so once.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Display, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use market_backbone_core::{Clock, Timestamp};

use super::journal_record::{ClockStamp, JournalRecord, RecordKind};
use super::peer_log::{MAX_IN_FLIGHT, PeerEvent, PeerLog};
use super::process_lock::{ProcessLock, ProcessLockGuard};
use super::since_boot::BootClock;

/// A longer file is cut down to what can still matter.
const COMPACT_ABOVE: u64 = 1 << 20;
/// How often to look whether the gate is free where there is no later, and how far apart.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_RETRY_DELAY: Duration = Duration::from_micros(100);
/// The first line, a number and nothing else, is another one whenever the file has been cut down: who has read further
/// begins again.
const GENERATION_LEN: usize = 11;

/// The file in which the sends of one scope are recorded, and the clocks that stamp them.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// The file; it and its folder are created.
    pub path: PathBuf,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// A clock that nobody sets and that starts with the machine, where there is one.
    pub steady: Option<Arc<dyn Clock>>,
}

impl JournalConfig {
    /// Uses the file at `path`, with `clock` and the system's monotonic clock.
    #[must_use]
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let steady = BootClock::find().map(|found| Arc::new(found) as _);
        Self { path, clock, steady }
    }

    fn now(&self) -> ClockStamp {
        ClockStamp { wall: self.clock.now(), steady: self.steady.as_ref().map(|clock| clock.now()) }
    }
}

/// The journal, open.
#[derive(Debug)]
pub(super) struct Journal {
    config: JournalConfig,
    writer: u32,
    retention: Duration,
    process_lock: ProcessLock,
    state: Mutex<JournalState>,
}

#[derive(Debug)]
struct JournalState {
    file: File,
    /// Its first line when it was read last,
    generation: [u8; GENERATION_LEN],
    /// and how far.
    read_to: u64,
    peers: PeerLog,
    failed: bool,
}

impl Journal {
    /// Opens the file for these `groups` and reads what can still matter, if the longest window is `window`.
    pub(super) fn open(
        config: JournalConfig,
        groups: impl IntoIterator<Item = &'static str>,
        window: Duration,
    ) -> io::Result<Self> {
        if let Some(folder) = config.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().read(true).append(true).create(true).open(&config.path)?;
        let mut gate = config.path.clone().into_os_string();
        gate.push(".gate");
        let inbox = PeerLog::of(groups);
        let journal = Self {
            process_lock: ProcessLock::open(gate.as_ref())?,
            writer: fastrand::u32(1..),
            retention: window + MAX_IN_FLIGHT,
            state: Mutex::new(JournalState {
                file,
                generation: [0; GENERATION_LEN],
                read_to: 0,
                peers: inbox,
                failed: false,
            }),
            config,
        };
        journal.replay()?;
        Ok(journal)
    }

    /// Reads all that was written so far.
    fn replay(&self) -> io::Result<()> {
        let mut book = self.lock_state();
        let inside = self.lock_with_retries();
        let alone = book.file.try_lock().is_ok();
        self.ingest(&mut book)?;
        if alone {
            book.peers.mark_lost(self.config.now());
        }
        if inside.is_some_and(|inside| inside.is_exclusive()) {
            self.compact(&mut book)?;
        } else if book.file.metadata()?.len() != book.read_to {
            // Somebody was killed in the middle of a line.
            book.file.write_all(b"\n")?;
        }
        // Held as long as the file is open: it says that somebody writes.
        let _ = book.file.try_lock_shared();
        Ok(())
    }

    /// The gate, for what cannot wait until later: whoever is inside is out again in microseconds.
    fn lock_with_retries(&self) -> Option<ProcessLockGuard<'_>> {
        let again = |_| {
            let inside = self.process_lock.try_lock();
            if inside.is_none() {
                thread::sleep(LOCK_RETRY_DELAY);
            }
            inside
        };
        (0..LOCK_ATTEMPTS).find_map(again)
    }

    /// Goes where turns are given; `None` if another process is giving one at this moment.
    pub(super) fn try_lock(&self) -> Option<JournalGuard<'_>> {
        // First the book, last out: the lock of the gate is one for the whole process.
        let mut book = self.lock_state();
        let inside = self.process_lock.try_lock()?;
        let result = self.ingest(&mut book).and_then(|()| {
            if book.read_to > COMPACT_ABOVE && inside.is_exclusive() {
                self.compact(&mut book)
            } else {
                Ok(())
            }
        });
        self.warn(&mut book, result);
        Some(JournalGuard { journal: self, _lock: inside, state: book })
    }

    /// Notes what happened to a request, before anything else happens.
    pub(super) fn append(&self, what: RecordKind, group: &str, number: u64) {
        let mut book = self.lock_state();
        // Should somebody be cutting the file down, the line would be lost.
        let _inside = self.lock_with_retries();
        self.write(&mut book, what, group, number);
    }

    fn write(&self, book: &mut JournalState, what: RecordKind, group: &str, number: u64) {
        let record =
            JournalRecord { kind: what, stamp: self.config.now(), writer: self.writer, group, number };
        let result = book.file.write_all(record.to_string().as_bytes());
        self.warn(book, result);
    }

    fn warn(&self, book: &mut JournalState, result: io::Result<()>) {
        if let Err(error) = result
            && !std::mem::replace(&mut book.failed, true)
        {
            let file = self.config.path.display();
            tracing::warn!(%error, %file, "what is sent cannot be noted; other processes will not know of it");
        }
    }

    /// Reads what has been appended by others.
    fn ingest(&self, book: &mut JournalState) -> io::Result<()> {
        let mut edition = [0; GENERATION_LEN];
        read_at(&mut book.file, 0, &mut edition)?;
        let length = book.file.metadata()?.len();
        if edition != book.generation || length < book.read_to {
            // Cut down, be it to a length that grew to what it was: what is told once more is known by its number.
            (book.generation, book.read_to) = (edition, 0);
        }
        if length == book.read_to {
            return Ok(());
        }
        let mut text = vec![0; usize::try_from(length.saturating_sub(book.read_to)).unwrap_or(0)];
        let length = read_at(&mut book.file, book.read_to, &mut text)?;
        // Somebody may be in the middle of a line.
        let whole = text[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        book.read_to += whole as u64;
        let now = self.config.now();
        for line in text[..whole].split(|byte| *byte == b'\n') {
            let record = std::str::from_utf8(line).ok().and_then(JournalRecord::parse);
            let theirs =
                |record: &JournalRecord<'_>| record.writer != self.writer && self.is_relevant(record, now);
            if let Some(record) = record.filter(theirs) {
                book.peers.push(&record);
            }
        }
        Ok(())
    }

    /// Drops what is too old to matter; inside the gate only. The rest is written over the beginning, under another
    /// first line, before the end is cut off, so that a kill in between loses nothing.
    fn compact(&self, book: &mut JournalState) -> io::Result<()> {
        let now = self.config.now();
        let matters =
            |line: &&str| JournalRecord::parse(line).is_some_and(|record| self.is_relevant(&record, now));
        let mut text = vec![0; usize::try_from(book.file.metadata()?.len()).unwrap_or(0)];
        let length = read_at(&mut book.file, 0, &mut text)?;
        let text = String::from_utf8_lossy(&text[..length]);
        let mut rest = format!("{:0digits$}\n", fastrand::u32(..), digits = GENERATION_LEN - 1);
        rest.extend(text.lines().filter(matters).flat_map(|line| [line, "\n"]));
        let mut start = File::options().write(true).open(&self.config.path)?;
        start.write_all(rest.as_bytes())?;
        start.set_len(rest.len() as u64)?;
        book.generation.copy_from_slice(&rest.as_bytes()[..GENERATION_LEN]);
        book.read_to = rest.len() as u64;
        Ok(())
    }

    fn is_relevant(&self, record: &JournalRecord<'_>, now: ClockStamp) -> bool {
        let keep = match record.kind {
            RecordKind::Banned | RecordKind::Paused => Duration::from_millis(record.number),
            RecordKind::Sent | RecordKind::Answered | RecordKind::Lost | RecordKind::Unused => self.retention,
        };
        record.stamp.age(now) < keep
    }

    /// Where it is.
    pub(super) fn file(&self) -> Display<'_> {
        self.config.path.display()
    }

    /// What the time of day will be after `time`, without the parts of a second.
    pub(super) fn in_whole_seconds(&self, time: Duration) -> Timestamp {
        Timestamp::from_secs(self.config.clock.now().plus(time).as_secs())
    }

    fn lock_state(&self) -> MutexGuard<'_, JournalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where turns are given: by one process at a time, who knows what all others have sent.
#[derive(Debug)]
pub(super) struct JournalGuard<'a> {
    journal: &'a Journal,
    // Dropped in this order.
    _lock: ProcessLockGuard<'a>,
    state: MutexGuard<'a, JournalState>,
}

impl JournalGuard<'_> {
    /// What the others have said of `group` since this was asked last.
    pub(super) fn take_events(&mut self, group: &str) -> Vec<PeerEvent> {
        self.state.peers.take(group, self.journal.config.now())
    }

    /// Notes that a turn was given.
    pub(super) fn record_grant(&mut self, group: &str, number: u64) {
        self.journal.write(&mut self.state, RecordKind::Sent, group, number);
    }
}

/// Reads as much as there is, or as fits.
fn read_at(file: &mut File, from: u64, into: &mut [u8]) -> io::Result<usize> {
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

#[cfg(test)]
mod tests {
    use market_backbone_core::ManualClock;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct JournalFixture {
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
    }

    impl JournalFixture {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
            Self { folder: tempfile::tempdir().unwrap(), clock }
        }

        fn config(&self) -> JournalConfig {
            let clock: Arc<ManualClock> = Arc::clone(&self.clock);
            JournalConfig { path: self.folder.path().join("deep/upbit.sends"), clock, steady: None }
        }

        fn open(&self) -> Journal {
            Journal::open(self.config(), ["candles", "trades"], SECOND).unwrap()
        }

        fn size(&self) -> u64 {
            fs::metadata(self.config().path).unwrap().len()
        }
    }

    fn take_events(journal: &Journal, group: &str) -> Vec<PeerEvent> {
        journal.try_lock().unwrap().take_events(group)
    }

    /// Returns the candle records that `journal` reads, in short form.
    fn candle_events(journal: &Journal) -> Vec<(RecordKind, u64, u64)> {
        let news = take_events(journal, "candles").into_iter();
        news.map(|news| (news.kind, news.number, news.age.as_secs())).collect()
    }

    #[test]
    fn the_next_run_knows_what_the_last_had_sent() {
        let place = JournalFixture::new();
        let journal = place.open();
        assert_eq!(candle_events(&journal), []);
        for number in 1..=4 {
            journal.append(RecordKind::Sent, "candles", number);
        }
        place.clock.advance(SECOND);
        journal.append(RecordKind::Answered, "candles", 1);
        journal.append(RecordKind::Lost, "candles", 2);
        journal.append(RecordKind::Unused, "candles", 3);
        drop(journal);
        place.clock.advance(2 * SECOND);
        let next = place.open();
        let sent = [1, 2, 3].map(|number| (RecordKind::Sent, number, 3));
        let over = [(RecordKind::Answered, 1, 2), (RecordKind::Lost, 2, 2), (RecordKind::Unused, 3, 2)];
        let orphan = [(RecordKind::Lost, 4, 0)];
        assert_eq!(candle_events(&next), [sent.as_slice(), &orphan, &over].concat());
        assert_eq!(candle_events(&next), [], "each is told once");
    }

    #[test]
    fn two_at_once_know_of_each_other() {
        let place = JournalFixture::new();
        let one = place.open();
        one.append(RecordKind::Sent, "candles", 1);
        let other = place.open();
        assert_eq!(candle_events(&other), [(RecordKind::Sent, 1, 0)], "who sent it lives");
        one.append(RecordKind::Answered, "candles", 1);
        one.append(RecordKind::Sent, "trades", 1);
        let mut desk = other.try_lock().unwrap();
        assert!(one.try_lock().is_none(), "one at a time");
        assert_eq!(desk.take_events("candles").len(), 1);
        desk.record_grant("candles", 1);
        drop(desk);
        let mut desk = one.try_lock().unwrap();
        assert_eq!(
            desk.take_events("candles").iter().map(|news| news.kind).collect::<Vec<_>>(),
            [RecordKind::Sent]
        );
        assert_eq!(desk.take_events("trades"), [], "its own is no news");
    }

    #[test]
    fn a_ban_is_one_for_all_and_outlives_the_process() {
        let place = JournalFixture::new();
        let (one, other) = (place.open(), place.open());
        one.append(RecordKind::Banned, "-", 60_000);
        for group in ["candles", "trades"] {
            assert_eq!(take_events(&other, group)[0].kind, RecordKind::Banned);
        }
        drop((one, other));
        place.clock.advance(45 * SECOND);
        assert_eq!(candle_events(&place.open()), [(RecordKind::Banned, 60_000, 45)]);
        place.clock.advance(15 * SECOND);
        assert_eq!(candle_events(&place.open()), [], "it is over");
    }

    #[test]
    fn a_pause_is_of_its_group_and_outlives_the_process() {
        let place = JournalFixture::new();
        place.open().append(RecordKind::Paused, "candles", 900_000);
        place.clock.advance(300 * SECOND);
        let next = place.open();
        assert_eq!(candle_events(&next), [(RecordKind::Paused, 900_000, 300)]);
        assert_eq!(take_events(&next, "trades"), []);
        place.clock.advance(600 * SECOND);
        assert_eq!(candle_events(&place.open()), [], "it is over");
    }

    #[test]
    fn a_file_cut_short_or_spoilt_is_read_as_far_as_it_makes_sense() {
        for alone in [true, false] {
            let place = JournalFixture::new();
            let first = place.open();
            first.append(RecordKind::Sent, "candles", 1);
            let _first = (!alone).then_some(first);
            let path = place.config().path;
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend([0xFF, 0, b'\n']);
            bytes.extend(b"s 1000000000000 - 7 cand");
            fs::write(&path, bytes).unwrap();
            let journal = place.open();
            assert_eq!(candle_events(&journal).len(), 1);
            journal.append(RecordKind::Sent, "candles", 2);
            assert_eq!(candle_events(&place.open()).len(), 2);
        }
    }

    #[test]
    fn what_cannot_matter_any_more_is_dropped_while_others_write() {
        let place = JournalFixture::new();
        let journal = place.open();
        journal.append(RecordKind::Sent, "candles", 1);
        let other = place.open();
        assert_eq!(candle_events(&other).len(), 1);
        other.append(RecordKind::Sent, "candles", 1);
        place.clock.advance(60 * SECOND);
        other.append(RecordKind::Sent, "candles", 2);
        // Whoever comes cuts off what is old, and all know where they are.
        let third = place.open();
        assert!(place.size() < 100, "{}", place.size());
        assert_eq!(candle_events(&third), [(RecordKind::Sent, 2, 0)]);
        third.append(RecordKind::Answered, "candles", 1);
        assert_eq!(candle_events(&journal), [(RecordKind::Sent, 2, 0), (RecordKind::Answered, 1, 0)]);
        assert_eq!(candle_events(&other), [(RecordKind::Answered, 1, 0)]);
    }

    #[test]
    fn a_file_that_is_as_long_as_before_may_be_another() {
        let place = JournalFixture::new();
        let journal = place.open();
        journal.append(RecordKind::Lost, "candles", 1);
        assert_eq!(candle_events(&journal), [], "its own");
        // Cut down, and something added that is as long as what was cut off.
        let text = fs::read_to_string(place.config().path).unwrap();
        let writer = journal.writer.to_string();
        let other = writer.replace(|digit| digit != '1', "1").replacen('1', "2", 1);
        let changed = format!("{:010}{}", 7, &text[GENERATION_LEN - 1..]).replace(&writer, &other);
        assert_eq!(changed.len(), text.len());
        fs::write(place.config().path, changed).unwrap();
        assert_eq!(candle_events(&journal), [(RecordKind::Lost, 1, 0)]);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let place = JournalFixture::new();
        let journal = place.open();
        let other = place.open();
        for number in 0..40_000 {
            journal.try_lock().unwrap().record_grant("candles", number);
            place.clock.advance(SECOND / 10);
        }
        assert!(place.size() < 2 * COMPACT_ABOVE, "{}", place.size());
        assert!(candle_events(&other).len() < 40_000, "only what can matter, and what is after");
        drop((journal, other));
        let left = candle_events(&place.open());
        assert_eq!(left.iter().filter(|(what, ..)| *what == RecordKind::Lost).count(), 299);
    }
}

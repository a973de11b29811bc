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

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use market_backbone_core::Clock;

use super::gate::{Gate, Inside};
use super::record::{Record, Stamp, What};
use super::since_boot::SinceBoot;

/// No request is under way for longer; what nobody has heard of since was given up.
const LONGEST_TRIP: Duration = Duration::from_secs(30);
/// A longer file is cut down to what can still matter.
const ROOMY: u64 = 1 << 20;
/// How often a process that starts looks whether the gate is free, a millisecond apart.
const KNOCKS: u32 = 50;

/// Where the sends of one scope are noted, and by which clocks.
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
    /// In this file, by `clock` and what the system has for a steady one.
    #[must_use]
    pub fn new(path: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let steady = SinceBoot::find().map(|found| Arc::new(found) as _);
        Self { path, clock, steady }
    }

    fn now(&self) -> Stamp {
        Stamp { wall: self.clock.now(), steady: self.steady.as_ref().map(|clock| clock.now()) }
    }
}

/// What another process, or an earlier one, says of a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) what: What,
    pub(super) writer: u32,
    /// Which request of the writer and group, or how many ms a ban lasts.
    pub(super) number: u64,
    /// How long ago, at least.
    pub(super) ago: Duration,
}

/// The journal, open.
#[derive(Debug)]
pub(super) struct Journal {
    config: JournalConfig,
    writer: u32,
    keep: Duration,
    gate: Gate,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    file: File,
    /// Up to here it has been read.
    heard: u64,
    /// What was read and nobody has asked for, by group.
    inbox: HashMap<&'static str, Vec<News>>,
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
        let inbox = groups.into_iter().map(|group| (group, Vec::new())).collect();
        let journal = Self {
            gate: Gate::open(gate.as_ref())?,
            writer: fastrand::u32(1..),
            keep: window + LONGEST_TRIP,
            book: Mutex::new(Book { file, heard: 0, inbox, failed: false }),
            config,
        };
        journal.begin()?;
        Ok(journal)
    }

    /// Reads all that was written so far.
    fn begin(&self) -> io::Result<()> {
        let knock = |_| {
            let inside = self.gate.enter();
            if inside.is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            inside
        };
        let _inside = (0..KNOCKS).find_map(knock);
        let mut book = self.lock();
        let alone = book.file.try_lock().is_ok();
        self.hear(&mut book)?;
        if alone {
            book.bury();
            self.cut_down(&mut book)?;
        }
        if book.file.metadata()?.len() != book.heard {
            // Somebody was killed in the middle of a line.
            book.file.write_all(b"\n")?;
        }
        // Held as long as the file is open: it says that somebody writes.
        let _ = book.file.try_lock_shared();
        Ok(())
    }

    /// Goes where turns are given; `None` if another process is giving one at this moment.
    pub(super) fn enter(&self) -> Option<Desk<'_>> {
        let inside = self.gate.enter()?;
        let mut book = self.lock();
        let result = self.hear(&mut book).and_then(|()| {
            if book.heard > ROOMY && book.file.try_lock().is_ok() {
                self.cut_down(&mut book)?;
                let _ = book.file.try_lock_shared();
            }
            Ok(())
        });
        self.warn(&mut book, result);
        Some(Desk { journal: self, book, _inside: inside })
    }

    /// What the others have said of `group` since this was asked last.
    pub(super) fn listen(&self, group: &str) -> Vec<News> {
        let mut book = self.lock();
        let result = self.hear(&mut book);
        self.warn(&mut book, result);
        book.take(group)
    }

    /// Notes what happened to a request, before anything else happens.
    pub(super) fn note(&self, what: What, group: &str, number: u64) {
        self.write(&mut self.lock(), what, group, number);
    }

    fn write(&self, book: &mut Book, what: What, group: &str, number: u64) {
        let record = Record { what, stamp: self.config.now(), writer: self.writer, group, number };
        let result = book.file.write_all(record.to_string().as_bytes());
        self.warn(book, result);
    }

    fn warn(&self, book: &mut Book, result: io::Result<()>) {
        if let Err(error) = result
            && !std::mem::replace(&mut book.failed, true)
        {
            let file = self.config.path.display();
            tracing::warn!(%error, %file, "what is sent cannot be noted; other processes will not know of it");
        }
    }

    /// Reads what has been appended by others.
    fn hear(&self, book: &mut Book) -> io::Result<()> {
        if book.file.metadata()?.len() == book.heard {
            return Ok(());
        }
        let text = read(&mut book.file, book.heard)?;
        // Somebody may be in the middle of a line.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        book.heard += whole as u64;
        let now = self.config.now();
        for line in text[..whole].split(|byte| *byte == b'\n') {
            let record = std::str::from_utf8(line).ok().and_then(Record::read);
            if let Some(record) = record.filter(|record| record.writer != self.writer) {
                book.deliver(&record, record.stamp.age(now));
            }
        }
        Ok(())
    }

    /// Drops what is too old to matter; only for who is alone, inside the gate. The rest is written over the
    /// beginning before the end is cut off, so that a kill in between loses nothing.
    fn cut_down(&self, book: &mut Book) -> io::Result<()> {
        let now = self.config.now();
        let matters = |line: &&str| {
            let record = Record::read(line);
            record.is_some_and(|record| record.stamp.age(now) < self.kept(&record))
        };
        let text = read(&mut book.file, 0)?;
        let text = String::from_utf8_lossy(&text);
        let rest: String = text.lines().filter(matters).flat_map(|line| [line, "\n"]).collect();
        let mut start = File::options().write(true).open(&self.config.path)?;
        start.write_all(rest.as_bytes())?;
        book.heard = rest.len() as u64;
        start.set_len(book.heard)
    }

    fn kept(&self, record: &Record<'_>) -> Duration {
        match record.what {
            What::Banned => Duration::from_millis(record.number),
            What::Sent | What::Answered | What::Lost | What::Unused => self.keep,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn deliver(&mut self, record: &Record<'_>, ago: Duration) {
        let Record { what, writer, number, .. } = *record;
        let news = News { what, writer, number, ago };
        if what == What::Banned {
            self.inbox.values_mut().for_each(|inbox| inbox.push(news));
        } else if let Some(inbox) = self.inbox.get_mut(record.group) {
            inbox.push(news);
        }
    }

    /// Nobody else lives: what is under way was given up with the process that sent it, which may have been just now.
    fn bury(&mut self) {
        for inbox in self.inbox.values_mut() {
            let over = |news: &&News| matches!(news.what, What::Answered | What::Lost | What::Unused);
            let over: HashSet<_> = inbox.iter().filter(over).map(|news| (news.writer, news.number)).collect();
            for news in inbox {
                let under_way = news.what == What::Sent && !over.contains(&(news.writer, news.number));
                if under_way && news.ago < LONGEST_TRIP {
                    (news.what, news.ago) = (What::Lost, Duration::ZERO);
                }
            }
        }
    }

    fn take(&mut self, group: &str) -> Vec<News> {
        self.inbox.get_mut(group).map(std::mem::take).unwrap_or_default()
    }
}

/// Where turns are given: by one process at a time, who knows what all others have sent.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    journal: &'a Journal,
    book: MutexGuard<'a, Book>,
    _inside: Inside<'a>,
}

impl Desk<'_> {
    /// What the others have said of `group` since this was asked last.
    pub(super) fn news(&mut self, group: &str) -> Vec<News> {
        self.book.take(group)
    }

    /// Notes that a turn was given.
    pub(super) fn gave(&mut self, group: &str, number: u64) {
        self.journal.write(&mut self.book, What::Sent, group, number);
    }
}

fn read(file: &mut File, from: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{ManualClock, Timestamp};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Place {
        folder: tempfile::TempDir,
        clock: Arc<ManualClock>,
    }

    impl Place {
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

    /// What `journal` hears of candles, in brief.
    fn heard(journal: &Journal) -> Vec<(What, u64, u64)> {
        let news = journal.listen("candles").into_iter();
        news.map(|news| (news.what, news.number, news.ago.as_secs())).collect()
    }

    #[test]
    fn the_next_run_knows_what_the_last_had_sent() {
        let place = Place::new();
        let journal = place.open();
        assert_eq!(heard(&journal), []);
        for number in 1..=4 {
            journal.note(What::Sent, "candles", number);
        }
        place.clock.advance(SECOND);
        journal.note(What::Answered, "candles", 1);
        journal.note(What::Lost, "candles", 2);
        journal.note(What::Unused, "candles", 3);
        drop(journal);
        place.clock.advance(2 * SECOND);
        let next = place.open();
        let sent = [1, 2, 3].map(|number| (What::Sent, number, 3));
        let over = [(What::Answered, 1, 2), (What::Lost, 2, 2), (What::Unused, 3, 2)];
        let orphan = [(What::Lost, 4, 0)];
        assert_eq!(heard(&next), [sent.as_slice(), &orphan, &over].concat());
        assert_eq!(heard(&next), [], "each is told once");
    }

    #[test]
    fn two_at_once_know_of_each_other() {
        let place = Place::new();
        let one = place.open();
        one.note(What::Sent, "candles", 1);
        let other = place.open();
        assert_eq!(heard(&other), [(What::Sent, 1, 0)], "who sent it lives");
        one.note(What::Answered, "candles", 1);
        one.note(What::Sent, "trades", 1);
        let mut desk = other.enter().unwrap();
        assert!(one.enter().is_none(), "one at a time");
        assert_eq!(desk.news("candles").len(), 1);
        desk.gave("candles", 1);
        drop(desk);
        let mut desk = one.enter().unwrap();
        assert_eq!(desk.news("candles").iter().map(|news| news.what).collect::<Vec<_>>(), [What::Sent]);
        assert_eq!(desk.news("trades"), [], "its own is no news");
    }

    #[test]
    fn a_ban_is_one_for_all_and_outlives_the_process() {
        let place = Place::new();
        let (one, other) = (place.open(), place.open());
        one.note(What::Banned, "-", 60_000);
        for group in ["candles", "trades"] {
            assert_eq!(other.listen(group)[0].what, What::Banned);
        }
        drop((one, other));
        place.clock.advance(45 * SECOND);
        assert_eq!(heard(&place.open()), [(What::Banned, 60_000, 45)]);
        place.clock.advance(15 * SECOND);
        assert_eq!(heard(&place.open()), [(What::Banned, 60_000, 60)]);
        assert_eq!(heard(&place.open()), [], "it is over, and cut off");
    }

    #[test]
    fn a_file_cut_short_or_spoilt_is_read_as_far_as_it_makes_sense() {
        for alone in [true, false] {
            let place = Place::new();
            let first = place.open();
            first.note(What::Sent, "candles", 1);
            let _first = (!alone).then_some(first);
            let path = place.config().path;
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend([0xFF, 0, b'\n']);
            bytes.extend(b"s 1000000000000 - 7 cand");
            fs::write(&path, bytes).unwrap();
            let journal = place.open();
            assert_eq!(heard(&journal).len(), 1);
            journal.note(What::Sent, "candles", 2);
            assert_eq!(heard(&place.open()).len(), 2);
        }
    }

    #[test]
    fn what_cannot_matter_any_more_is_dropped_by_whoever_is_alone() {
        let place = Place::new();
        let journal = place.open();
        journal.note(What::Sent, "candles", 1);
        let other = place.open();
        place.clock.advance(60 * SECOND);
        let third = place.open();
        assert!(place.size() > 0, "others write");
        drop((journal, other, third));
        place.open().note(What::Banned, "-", 1);
        assert!(place.size() < 60, "{}", place.size());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let place = Place::new();
        let journal = place.open();
        for number in 0..40_000 {
            journal.enter().unwrap().gave("candles", number);
            place.clock.advance(SECOND / 10);
        }
        assert!(place.size() < 2 * ROOMY, "{}", place.size());
        drop(journal);
        let left = heard(&place.open());
        assert_eq!(left.iter().filter(|(what, ..)| *what == What::Lost).count(), 299);
    }
}

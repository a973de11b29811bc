//! What was sent, on file: a process that starts within a window of another's end knows what that one had sent.
//!
//! Each send is a line, appended before the request leaves, and each answer is another. Nothing is flushed to the
//! disk: the system keeps what a killed process wrote, and a machine that loses power takes longer than a window to
//! come back. An append of sixty bytes to a file that is in memory takes a few microseconds, which is why it is
//! done in place, where it is certain to come before the request. A line cut short is no line.
//!
//! A file that cannot be written makes nobody wait: the limiter goes on with what it has in memory, and says so once.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::Clock;

use super::record::{Record, Stamp, What};
use super::since_boot::SinceBoot;

/// No request is under way for longer; what nobody has heard of since was given up.
const LONGEST_TRIP: Duration = Duration::from_secs(30);
/// A longer file is cut down to what can still matter.
const ROOMY: u64 = 1 << 20;

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

/// What is known of a request of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// It was answered so long ago.
    Answered(Duration),
    /// It was given up so long ago, be it by the process or with it.
    Lost(Duration),
}

/// What earlier runs have left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heritage {
    /// By group.
    pub(super) sends: Vec<(String, Past)>,
    /// How much longer the venue shuts us out.
    pub(super) banned_for: Option<Duration>,
}

/// The journal, open.
#[derive(Debug)]
pub(super) struct Journal {
    config: JournalConfig,
    writer: u32,
    keep: Duration,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    file: File,
    length: u64,
    failed: bool,
}

impl Journal {
    /// Opens the file and reads what can still matter, if the longest window is `window`.
    pub(super) fn open(config: JournalConfig, window: Duration) -> io::Result<(Self, Heritage)> {
        if let Some(folder) = config.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().read(true).append(true).create(true).open(&config.path)?;
        let book = Mutex::new(Book { file, length: 0, failed: false });
        let journal = Self { config, writer: fastrand::u32(..), keep: window + LONGEST_TRIP, book };
        let mut book = journal.lock();
        let text = read(&mut book.file)?;
        let heritage = heritage(&text, journal.config.now());
        if !text.is_empty() && !text.ends_with('\n') {
            book.file.write_all(b"\n")?;
        }
        journal.cut_down(&mut book)?;
        drop(book);
        Ok((journal, heritage))
    }

    /// Notes what happened to a request, before anything else happens.
    pub(super) fn note(&self, what: What, group: &str, number: u64) {
        let record = Record { what, stamp: self.config.now(), writer: self.writer, group, number };
        let line = record.to_string();
        let mut book = self.lock();
        let done = book.file.write_all(line.as_bytes()).and_then(|()| {
            book.length += line.len() as u64;
            if book.length > ROOMY { self.cut_down(&mut book) } else { Ok(()) }
        });
        if let Err(error) = done
            && !std::mem::replace(&mut book.failed, true)
        {
            let file = self.config.path.display();
            tracing::warn!(%error, %file, "what is sent cannot be noted; a quick restart will not know of it");
        }
    }

    /// Drops what is too old to matter, unless another process has the file open too. The rest is written over the
    /// beginning before the end is cut off, so that a kill in between loses nothing.
    fn cut_down(&self, book: &mut Book) -> io::Result<()> {
        let alone = book.file.try_lock().is_ok();
        let mut length = book.file.metadata()?.len();
        if alone {
            let now = self.config.now();
            let matters = |line: &&str| {
                let record = Record::read(line);
                record.is_some_and(|record| record.stamp.age(now) < self.kept(&record))
            };
            let text = read(&mut book.file)?;
            let rest: String = text.lines().filter(matters).flat_map(|line| [line, "\n"]).collect();
            let mut start = File::options().write(true).open(&self.config.path)?;
            start.write_all(rest.as_bytes())?;
            length = rest.len() as u64;
            start.set_len(length)?;
        }
        // What others have written does not count: they cut down what they write.
        book.length = if alone { length } else { 0 };
        // Held as long as the file is open: it says that somebody writes.
        let _ = book.file.try_lock_shared();
        Ok(())
    }

    fn kept(&self, record: &Record<'_>) -> Duration {
        match record.what {
            What::Banned => Duration::from_millis(record.number),
            What::Sent | What::Answered | What::Lost => self.keep,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the lines say, as of `now`.
fn heritage(text: &str, now: Stamp) -> Heritage {
    let mut sends: HashMap<(u32, &str, u64), Option<Past>> = HashMap::new();
    let mut banned_for = Duration::ZERO;
    for record in text.lines().filter_map(Record::read) {
        let Record { what, stamp, writer, group, number } = record;
        let (age, key) = (stamp.age(now), (writer, group, number));
        match what {
            // Given up when its process ended, which may have been just now.
            What::Sent if age < LONGEST_TRIP => {
                sends.entry(key).or_insert(Some(Past::Lost(Duration::ZERO)));
            }
            What::Sent => {
                sends.entry(key).or_insert(None);
            }
            What::Answered => {
                sends.insert(key, Some(Past::Answered(age)));
            }
            What::Lost => {
                sends.insert(key, Some(Past::Lost(age)));
            }
            What::Banned => {
                banned_for = banned_for.max(Duration::from_millis(number).saturating_sub(age));
            }
        }
    }
    let sends = sends.into_iter().filter_map(|((_, group, _), past)| Some((group.to_owned(), past?)));
    Heritage { sends: sends.collect(), banned_for: Some(banned_for).filter(|left| !left.is_zero()) }
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

        fn open(&self) -> (Journal, Heritage) {
            Journal::open(self.config(), SECOND).unwrap()
        }

        fn size(&self) -> u64 {
            fs::metadata(self.config().path).unwrap().len()
        }
    }

    #[test]
    fn the_next_run_knows_what_the_last_had_sent() {
        let place = Place::new();
        let (journal, nothing) = place.open();
        assert_eq!(nothing, Heritage::default());
        for number in 1..=3 {
            journal.note(What::Sent, "candles", number);
        }
        place.clock.advance(SECOND);
        journal.note(What::Answered, "candles", 1);
        journal.note(What::Lost, "candles", 2);
        drop(journal);
        place.clock.advance(2 * SECOND);
        let mut found: Vec<_> = place.open().1.sends.into_iter().map(|(_, past)| past).collect();
        found.sort_by_key(|past| format!("{past:?}"));
        assert_eq!(found, [Past::Answered(2 * SECOND), Past::Lost(Duration::ZERO), Past::Lost(2 * SECOND)]);
    }

    #[test]
    fn a_ban_outlives_the_process() {
        let place = Place::new();
        place.open().0.note(What::Banned, "-", 60_000);
        place.clock.advance(45 * SECOND);
        assert_eq!(place.open().1.banned_for, Some(15 * SECOND));
        place.clock.advance(15 * SECOND);
        assert_eq!(place.open().1.banned_for, None);
    }

    #[test]
    fn a_file_cut_short_or_spoilt_is_read_as_far_as_it_makes_sense() {
        let place = Place::new();
        place.open().0.note(What::Sent, "candles", 1);
        let path = place.config().path;
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0xFF, 0, b'\n']);
        bytes.extend(b"s 1000000000000 - 7 cand");
        fs::write(&path, bytes).unwrap();
        let (journal, heritage) = place.open();
        assert_eq!(heritage.sends.len(), 1);
        journal.note(What::Sent, "candles", 2);
        assert_eq!(place.open().1.sends.len(), 2);
    }

    #[test]
    fn what_cannot_matter_any_more_is_dropped_by_whoever_is_alone() {
        let place = Place::new();
        let (journal, _) = place.open();
        journal.note(What::Sent, "candles", 1);
        let (other, heritage) = place.open();
        assert_eq!(heritage.sends.len(), 1, "two that share the folder know of each other at the start");
        place.clock.advance(60 * SECOND);
        let third = place.open().0;
        assert!(place.size() > 0, "others write");
        drop((journal, other, third));
        place.open().0.note(What::Banned, "-", 1);
        assert!(place.size() < 60, "{}", place.size());
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let place = Place::new();
        let (journal, _) = place.open();
        for number in 0..40_000 {
            journal.note(What::Sent, "candles", number);
            place.clock.advance(SECOND / 10);
        }
        assert!(place.size() < 2 * ROOMY, "{}", place.size());
        assert_eq!(place.open().1.sends.len(), 299);
    }
}

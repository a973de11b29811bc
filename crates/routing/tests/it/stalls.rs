//! Nothing waits for a file with a lock in hand: while the journal is taken, everything that needs no file
//! goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use market_backbone_core::{Clock, ManualClock, Priority, RateLimitGroup, RateLimitRule, Timestamp};
use market_backbone_routing::{JournalConfig, Limiter, LimiterConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

const ONE: RateLimitGroup = RateLimitGroup("one");
const OTHER: RateLimitGroup = RateLimitGroup("other");
const SECOND: Duration = Duration::from_secs(1);
const RULES: [RateLimitRule; 2] = [RateLimitRule::new(ONE, 5, SECOND), RateLimitRule::new(OTHER, 5, SECOND)];
const NORMAL: Priority = Priority::Normal;
/// Longer than anything takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

fn open(scope: &str, path: &Path, clock: Arc<dyn Clock>) -> Limiter {
    let journal = JournalConfig { path: path.to_owned(), clock, steady: None };
    Limiter::of_scope(scope, &RULES, LimiterConfig::default(), Some(journal))
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("x.sends")
}

fn permits_in(path: &Path) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| line.starts_with("s ")).count()
}

/// A clock that blocks its next reader, as a file on a slow disk would: the journal dates its lines.
#[derive(Debug)]
struct StallingClock {
    /// Signals that a reader is blocked, and releases it.
    next: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Clock for StallingClock {
    fn now(&self) -> Timestamp {
        let next = self.next.lock().unwrap().take();
        if let Some((held_up, go_on)) = next {
            held_up.send(()).unwrap();
            // Ends as well when the test gives up.
            let _ = go_on.recv_timeout(2 * PATIENCE);
        }
        Timestamp::from_secs(1_000)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn while_one_thread_is_held_up_by_the_file_the_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let clock = Arc::new(StallingClock { next: Mutex::default() });
    let shared: Arc<StallingClock> = Arc::clone(&clock);
    let limiter = open("stall@x", &path, shared);
    let answered_later = runtime().block_on(limiter.acquire(ONE, NORMAL)).unwrap();

    let (held_up, is_held_up) = mpsc::channel();
    let (go_on, gone_on) = mpsc::channel();
    *clock.next.lock().unwrap() = Some((held_up, gone_on));
    let stuck = thread::spawn({
        let limiter = limiter.clone();
        move || runtime().block_on(limiter.acquire(ONE, NORMAL)).map(drop).unwrap()
    });
    is_held_up.recv_timeout(PATIENCE).expect("the file is looked at before a permit is given");

    let (done, is_done) = mpsc::channel();
    let others = thread::spawn({
        let limiter = limiter.clone();
        move || {
            let seen = limiter.metrics();
            let free = (limiter.busy(ONE), limiter.eta(ONE, NORMAL, 3).is_some(), limiter.banned_for());
            answered_later.answered();
            // After a second nobody waits for the file any more, be it in this group or another.
            runtime().block_on(limiter.acquire(OTHER, NORMAL)).map(drop).unwrap();
            done.send((seen.group(ONE).unwrap().waiting, free)).unwrap();
        }
    });
    let seen = is_done.recv_timeout(PATIENCE).expect("a lock is held while the file is waited for");
    assert_eq!(seen, (1, (true, true, None)));
    assert!(!stuck.is_finished());
    go_on.send(()).unwrap();
    stuck.join().unwrap();
    others.join().unwrap();
    drop(limiter);
    assert_eq!(permits_in(&path), 3, "what was given meanwhile is noted all the same");
}

/// Another process that is in the middle of giving a permit.
fn take_lock(path: &Path) -> File {
    let mut gate = path.to_owned().into_os_string();
    gate.push(".gate");
    let file = File::options().append(true).open(gate).unwrap();
    file.try_lock().unwrap();
    file
}

#[tokio::test(start_paused = true)]
async fn while_another_process_has_the_lock_only_permits_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let limiter = open("lock@x", &path, Arc::<ManualClock>::clone(&clock));
    let before = limiter.acquire(ONE, NORMAL).await.unwrap();
    let other_process = take_lock(&path);

    let mut asking = JoinSet::new();
    for group in [ONE, OTHER] {
        let limiter = limiter.clone();
        asking.spawn(async move { limiter.acquire(group, NORMAL).await.map(drop).unwrap() });
    }
    before.answered();
    sleep(Duration::from_millis(500)).await;
    let waiting = |group| limiter.metrics().group(group).unwrap().waiting;
    assert_eq!([ONE, OTHER].map(waiting), [1, 1]);
    // A limiter that shares nothing with that process does not notice.
    let start = Instant::now();
    Limiter::new(&RULES).acquire(ONE, NORMAL).await.unwrap().answered();
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(other_process);
    while asking.join_next().await.is_some() {}
    assert!(start.elapsed() <= Duration::from_millis(5), "{:?}", start.elapsed());
    assert_eq!(permits_in(&path), 3);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_keeps_the_lock_is_waited_for_for_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let limiter = open("stopped@x", &path, Arc::<ManualClock>::clone(&clock));
    let _stopped = take_lock(&path);
    let start = Instant::now();
    limiter.acquire(ONE, NORMAL).await.unwrap().answered();
    let took = start.elapsed();
    assert!(SECOND <= took && took < SECOND + Duration::from_millis(50), "{took:?}");
    // From then on nobody waits for it.
    for _ in 0..4 {
        limiter.acquire(ONE, NORMAL).await.unwrap().answered();
        advance(Duration::from_millis(1)).await;
    }
    assert!(start.elapsed() < took + Duration::from_millis(50), "{:?}", start.elapsed());
    assert_eq!(permits_in(&path), 5, "the file is written all the same");
}

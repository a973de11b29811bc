//! Programs that are killed while they correct and seal: whatever they leave behind, what is read is what the
//! table holds.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use market_backbone_core::{Candle, CandleStore, Grid};
use market_backbone_storage::IntegrityIssue;

use crate::material::{candle, everything, proof, series};
use crate::sealed::{open, open_without};

/// On both sides of where a segment begins.
const START: i64 = 65_536 - 1_500;
const SLOTS: i64 = 3_000;
/// Names the folder to the process that is going to be killed.
const FOLDER: &str = "SEALED_KILL_FOLDER";
/// What is said of a round.
const SAID: &str = "sealed in round";
/// As long as a process may take to begin on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The rows of a round: each round corrects some of them.
fn rows(round: i64) -> Vec<Candle> {
    let from = START + (round * 977) % (SLOTS - 400);
    let row = |number| Candle { volume: 1.0 + round as f64, ..candle(number) };
    let all = if round == 0 { START..START + SLOTS } else { from..from + 1 + (round * 131) % 400 };
    all.map(row).collect()
}

#[expect(clippy::print_stdout, reason = "the other test listens, across processes")]
fn say(round: i64) {
    println!("\n{SAID} {round}");
}

/// Corrects and seals, a round after the other, and notes and says each.
async fn correct_and_seal(folder: &Path, rounds: impl Iterator<Item = i64>) {
    let store = open(folder).await;
    for round in rounds {
        let rows = rows(round);
        let from = rows[0].open_time.as_secs() / 60;
        store.commit(&series("KRW-BTC"), &rows, &proof(from, from + rows.len() as i64)).await.unwrap();
        store.seal().await.unwrap();
        std::fs::write(folder.join("rounds"), round.to_string()).unwrap();
        say(round);
    }
    store.close().await;
}

/// What is read with files, in long and short reads, is what is read without.
async fn compare(folder: &Path) {
    let (with, without, btc) = (open(folder).await, open_without(folder).await, series("KRW-BTC"));
    let all = without.read(&btc, everything(), usize::MAX).await.unwrap().candles;
    assert_eq!(all.len() as i64, SLOTS);
    assert_eq!(with.read(&btc, everything(), usize::MAX).await.unwrap().candles, all);
    for end in [64, 1_000, 1_501, 2_999, SLOTS] {
        let range = crate::material::minutes(START, START + end);
        let few = with.read(&btc, range, 63).await.unwrap().candles;
        assert_eq!(few, without.read(&btc, range, 63).await.unwrap().candles);
    }
    let found = with.check(Grid::Utc).await.unwrap();
    let is_wrong = |issue: IntegrityIssue| !matches!(issue, IntegrityIssue::Disputed);
    assert!(!found.iter().any(|found| is_wrong(found.issue)), "{found:?}");
    with.close().await;
    without.close().await;
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn noted(folder: &Path) -> Option<i64> {
    std::fs::read_to_string(folder.join("rounds")).ok()?.parse().ok()
}

/// Is killed by [`whatever_killed_programs_leave_the_table_is_what_counts`], which runs it in a process of its own;
/// otherwise it makes some rounds and lives.
#[test]
fn corrections_and_files_keep_up_with_each_other() {
    let given = std::env::var_os(FOLDER).map(PathBuf::from);
    match given {
        Some(folder) => {
            let next = noted(&folder).map_or(0, |round| round + 1);
            runtime().block_on(correct_and_seal(&folder, next..));
        }
        None => {
            let folder = tempfile::tempdir().unwrap();
            runtime().block_on(async {
                correct_and_seal(folder.path(), 0..4).await;
                compare(folder.path()).await;
            });
        }
    }
}

fn spawn(folder: &Path) -> Child {
    let name = "sealed_kill::corrections_and_files_keep_up_with_each_other";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The rounds that a process says it has made.
fn rounds_of(child: &mut Child) -> Receiver<String> {
    let (said, rounds) = sync_channel(1);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    std::thread::spawn(move || {
        // Ends with the process, or when nobody listens any more.
        lines.filter(|line| line.starts_with(SAID)).all(|line| said.send(line).is_ok())
    });
    rounds
}

#[test]
fn whatever_killed_programs_leave_the_table_is_what_counts() {
    #[expect(clippy::disallowed_methods, reason = "how thorough a test is to be is said from outside")]
    let kills = std::env::var("KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let folder = tempfile::tempdir().unwrap();
    let mut chance = fastrand::Rng::with_seed(13);
    for _ in 0..kills {
        let mut child = spawn(folder.path());
        let rounds = rounds_of(&mut child);
        // It has made a round, and is somewhere in a later one.
        rounds.recv_timeout(PATIENCE).expect("a round in time");
        for _ in 0..chance.u32(0..200_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        runtime().block_on(compare(folder.path()));
    }
}

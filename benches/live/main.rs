//! The live path: `cargo bench -p market-backbone-benches --bench live`.
//!
//! Frames a second on one core, from bytes to the hands of one lossless reader (a task of its own, woken as in earnest):
//! in bursts, as a busy socket holds them, and one at a time; beside what decoding alone takes, and beside what ccxt.pro
//! and cryptofeed make of the same frames in the same run (all by processor time); then how long the latest value takes to
//! read while a writer never rests. `MARKET_BACKBONE_PYTHON` names a Python that has the other two; without them, ours
//! stands alone. `MARKET_BACKBONE_OLD_LIVE` names an older build of this bench: it is run before and after ours, and the
//! ratios to it are printed, and what stands in the way where one is below its goal. The recorded frames are used where
//! they are at hand, and made ones of the same shape elsewhere.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures with the machine's own clock")]

mod older_build;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use futures::StreamExt;
use market_backbone_benches::{BURST, Frames, Kind, LiveRig};
use market_backbone_core::{Delivery, Symbol, SymbolTable, Timestamp, Venue};
use market_backbone_upbit::{UPBIT, Upbit};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};

use self::older_build::{Medians, OlderBuild};

const ROUNDS: usize = 7;
const A_ROUND: Duration = Duration::from_millis(500);
const KINDS: [Kind; 3] = [Kind::Trade, Kind::Ticker, Kind::Book];

const OURS: &str = "market-backbone";
const SINGLY: &str = "(one at a time)";
const DECODING: &str = "(decoding alone)";

/// Frames a second of each, by program and kind.
type Rates = BTreeMap<(&'static str, String), Vec<f64>>;

fn main() -> anyhow::Result<()> {
    if env::args().any(|arg| arg == "--test") {
        return Ok(()); // `cargo test --benches` asks whether it starts
    }
    let mut older = env::var("MARKET_BACKBONE_OLD_LIVE").ok().map(|program| OlderBuild::new(program.into()));
    if let Some(older) = &mut older {
        older.run()?;
    }
    let mut rates = Rates::new();
    for _ in 0..ROUNDS {
        for kind in KINDS {
            let bursts = frames_a_second(kind, |rig, burst| rig.feed_all(burst.iter().copied()))?;
            let singly = frames_a_second(kind, |rig, burst| burst.iter().for_each(|frame| rig.feed(frame)))?;
            for (who, rate) in [(OURS, bursts), (SINGLY, singly), (DECODING, decoded_a_second(kind))] {
                rates.entry((who, kind.as_str().to_owned())).or_default().push(rate);
            }
        }
        theirs(&mut rates)?;
    }
    let medians = report(rates);
    if let Some(older) = &mut older {
        older.run()?;
        older.report(&medians);
    }
    for kind in [Kind::Ticker, Kind::Book, Kind::Trade] {
        latest_under_fire(kind);
    }
    Ok(())
}

fn frames_of(kind: Kind) -> Frames {
    Frames::recorded(kind).unwrap_or_else(|| Frames::made(kind, 400))
}

/// One thread: the feed and the reader's task take turns on it. `feed` gets the frames of a burst, as a socket holds them.
fn frames_a_second(kind: Kind, feed: impl Fn(&mut LiveRig, &[&[u8]])) -> anyhow::Result<f64> {
    let mut frames = frames_of(kind);
    let mut rig = LiveRig::new(&frames, kind);
    let mut reader = rig.reader(Delivery::default());
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    Builder::new_current_thread().build()?.block_on(async {
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(event) = reader.next().await {
                black_box(&event);
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (started, used, mut fed) = (Instant::now(), on_the_processor(), 0);
        while started.elapsed() < A_ROUND {
            frames.move_on();
            let all: Vec<_> = frames.iter().collect();
            for burst in all.chunks(BURST) {
                feed(&mut rig, black_box(burst));
                yield_now().await;
            }
            fed += frames.count();
            while read.load(Ordering::Relaxed) < fed {
                yield_now().await;
            }
        }
        let took = since(started, used);
        anyhow::ensure!(rig.hub().metrics().lagged == 0, "the reader fell behind");
        Ok(fed as f64 / took.as_secs_f64())
    })
}

/// One thread that only decodes.
fn decoded_a_second(kind: Kind) -> f64 {
    let frames = frames_of(kind);
    let symbols = frames.codes().iter().filter_map(|code| Symbol::new(UPBIT, code).ok());
    let (mut decoder, symbols): (_, SymbolTable) = (Upbit::new().decoder(), symbols.collect());
    let (started, used, mut decoded) = (Instant::now(), on_the_processor(), 0);
    let mut events = Vec::new();
    while started.elapsed() < A_ROUND {
        for frame in frames.iter() {
            events.clear();
            let outcome = decoder.decode(black_box(frame), Timestamp::EPOCH, &symbols, &mut events);
            assert!(outcome.is_ok() && events.len() == 1, "a frame was not read");
            black_box(&events);
        }
        decoded += frames.count();
    }
    decoded as f64 / since(started, used).as_secs_f64()
}

/// The processor time since `used`, or else the time since `started`.
fn since(started: Instant, used: Option<Duration>) -> Duration {
    match (used, on_the_processor()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => started.elapsed(),
    }
}

/// How long this thread has had a processor: on a busy machine, what it waited for one is not its own doing. The others
/// are measured likewise.
fn on_the_processor() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

/// One round of the other two, if there is a Python that has them.
fn theirs(rates: &mut Rates) -> anyhow::Result<()> {
    let Ok(python) = env::var("MARKET_BACKBONE_PYTHON") else { return Ok(()) };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/live_others.py");
    let folder = env::temp_dir().join(format!("market-backbone-live-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for kind in KINDS {
        let lines: Vec<_> = frames_of(kind).iter().flat_map(|frame| [frame, b"\n"].concat()).collect();
        fs::write(folder.join(kind.as_str()), lines)?;
    }
    let output = Command::new(python).arg(script).arg(&folder).output()?;
    fs::remove_dir_all(&folder)?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // `ccxt.pro trade 83000.1`, a line each.
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut words = line.split_whitespace();
        let (Some(who), Some(kind), Some(rate)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let who = if who == "cryptofeed" { "cryptofeed" } else { "ccxt.pro" };
        rates.entry((who, kind.to_owned())).or_default().push(rate.parse()?);
    }
    Ok(())
}

/// Prints and returns the medians.
fn report(rates: Rates) -> Medians {
    println!("frames a second on one core, median (lowest to highest) of {ROUNDS} rounds:");
    let mut medians = Medians::new();
    for (key, mut all) in rates {
        all.sort_by(f64::total_cmp);
        medians.insert(key, (all[all.len() / 2], all[0], all[all.len() - 1]));
    }
    for ((who, kind), (median, lowest, highest)) in &medians {
        let ours = medians.get(&(OURS, kind.clone())).map_or(f64::NAN, |(ours, ..)| *ours);
        let times = match *who {
            OURS => String::new(),
            DECODING => format!(", ours is {:.2} of that", ours / median),
            _ => format!(", ours is {:.1} times that", ours / median),
        };
        println!("{who:16} {kind:10} {median:>10.0} ({lowest:.0} to {highest:.0}){times}");
    }
    medians
}

/// The latest value, read by one thread while another feeds frames and never rests.
fn latest_under_fire(kind: Kind) {
    let mut frames = Frames::made(kind, 400);
    let mut rig = LiveRig::new(&frames, kind);
    // Who follows keeps the channels in the cache.
    let _reader = rig.reader(Delivery::Conflated);
    let (hub, symbols) = (rig.hub().clone(), rig.symbols());
    let done = AtomicBool::new(false);
    let mut nanos = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                frames.move_on();
                frames.iter().for_each(|frame| rig.feed(frame));
            }
        });
        let read = |at: usize| {
            let symbol = &symbols[at % symbols.len()];
            let started = Instant::now();
            match kind {
                Kind::Trade => drop(black_box(hub.latest_trade(symbol))),
                Kind::Ticker => drop(black_box(hub.latest_ticker(symbol))),
                Kind::Book => drop(black_box(hub.latest_book(symbol))),
            }
            started.elapsed().as_nanos()
        };
        let nanos: Vec<_> = (0..1_000_000).map(read).collect();
        done.store(true, Ordering::Relaxed);
        nanos
    });
    nanos.sort_unstable();
    let at = |share: usize| nanos[nanos.len() * share / 1_000];
    println!(
        "latest {} while a writer feeds: p50 {} ns, p99 {} ns, p99.9 {} ns",
        kind.as_str(),
        at(500),
        at(990),
        at(999)
    );
}

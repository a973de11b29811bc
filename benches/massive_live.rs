//! All shares at once: `cargo bench -p market-backbone-benches --bench massive_live`. 10,000 tickers on `T.*`, 100,000
//! trades a second, one core for the backbone (a runtime of one thread: socket, decoder, cache and reader take turns on
//! it).
//!
//! The venue is a process of its own that sends what is due by the clock, each ticker's trades numbered without a gap. It
//! is a short run unless `SECONDS=60` asks for a longer one; `TRADES_A_SECOND` and `TICKERS` change the rest. After that,
//! what one core could do at the most, of frames that were made before, without a socket.
#![expect(clippy::print_stdout, reason = "a bench says what it measured")]
#![expect(clippy::disallowed_methods, reason = "a bench measures with the machine's own clock")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::Context;
use futures::StreamExt;
use market_backbone::{Clock, SystemClock};
use market_backbone_core::{
    Delivery, FeedEvent, LiveSource, ManualClock, Secret, StreamKind, Subscription, Symbol, Timestamp, Trade,
    TradeId,
};
use market_backbone_emulator::{Emulator, Scenario, StockActivity, TickerSet, TickerSpec, TradeFlood};
use market_backbone_massive::{MASSIVE, Massive, MassivePlan};
use market_backbone_routing::{Endpoint, FrameFeed, Router, RouterConfig, SessionConfig};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, yield_now};

const KEY: &str = "test-key";
/// More than waits of a second's trades.
const DEPTH: usize = 1 << 17;
/// Not counted: the markets are met, the buffers grow.
const WARM_UP: Duration = Duration::from_secs(2);

fn main() -> anyhow::Result<()> {
    if env::args().any(|arg| arg == "--test") {
        return Ok(()); // `cargo test --benches` asks whether it starts
    }
    let flood =
        TradeFlood { per_second: number("TRADES_A_SECOND", 100_000)?, tickers: number("TICKERS", 10_000)? };
    if env::args().any(|arg| arg == "--venue") {
        return venue(flood);
    }
    over_the_socket(flood, Duration::from_secs(number("SECONDS", 5)?))?;
    at_the_most(flood)
}

fn number<T: std::str::FromStr>(name: &str, default: T) -> anyhow::Result<T> {
    match env::var(name) {
        Ok(text) => text.parse().ok().with_context(|| format!("{name}: `{text}` is no number")),
        Err(_) => Ok(default),
    }
}

/// The other process: says where it is, and goes when its input ends.
fn venue(flood: TradeFlood) -> anyhow::Result<()> {
    Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let tickers =
            (0..flood.tickers).map(|n| TickerSpec::new(&format!("S{n:05}"), StockActivity::Never)).collect();
        let stage = market_backbone_emulator::StocksScenario {
            tickers: TickerSet::Own(tickers),
            history_days: 1,
            flood: Some(flood),
            ..Default::default()
        };
        let running = Emulator::start(Scenario { massive: stage, ..Scenario::default() }).await?;
        println!("{} {}", running.rest_url(), running.stocks_ws_url());
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        running.stop().await;
        Ok(())
    })
}

/// Ends with us.
struct Venue {
    child: Child,
    endpoint: Endpoint,
}

impl Venue {
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(env::current_exe()?)
            .arg("--venue")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("it has an output")?).read_line(&mut line)?;
        let (rest, socket) = line.trim().split_once(' ').context("the venue did not start")?;
        let endpoint = Endpoint::new(rest, socket);
        Ok(Self { child, endpoint })
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It may be gone already; then there is nothing to wait for.
        let _ = self.child.wait();
    }
}

/// What the reader saw.
#[derive(Default)]
struct Seen {
    /// The number of the last trade of each ticker.
    last: Vec<u64>,
    trades: u64,
    missing: u64,
    out_of_turn: u64,
    lagged: u64,
    gaps: u64,
    /// From the frame's arrival to the reader's hands, and from the venue's clock to there: by microsecond.
    within: Delays,
    whole_way: Delays,
}

struct Delays(Vec<u32>);

impl Default for Delays {
    fn default() -> Self {
        Self(vec![0; 200_000])
    }
}

impl Delays {
    fn add(&mut self, nanos: i64) {
        let micros = usize::try_from(nanos / 1_000).unwrap_or(0).min(self.0.len() - 1);
        self.0[micros] += 1;
    }

    /// In milliseconds.
    fn at(&self, share: f64) -> f64 {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut left = (all as f64 * share) as u64;
        let place = self.0.iter().position(|count| {
            let here = u64::from(*count);
            let found = left < here;
            left = left.saturating_sub(here);
            found
        });
        place.unwrap_or(self.0.len()) as f64 / 1_000.0
    }

    fn summary(&self) -> String {
        let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 0.999_999_9].map(|share| self.at(share));
        format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, worst {most:.1} ms")
    }
}

impl Seen {
    fn take(&mut self, event: &FeedEvent, measured: bool) {
        match event {
            FeedEvent::Trade(trade) => self.trade(trade, measured),
            FeedEvent::Lagged { missed } => self.lagged += missed,
            FeedEvent::Gap(_) => self.gaps += 1,
            _ => {}
        }
    }

    fn trade(&mut self, trade: &Trade, measured: bool) {
        let (Some(ticker), Some(number)) = (ticker(trade), sequence(trade)) else {
            self.out_of_turn += 1;
            return;
        };
        if self.last.len() <= ticker {
            self.last.resize(ticker + 1, 0);
        }
        let before = std::mem::replace(&mut self.last[ticker], number);
        if before != 0 {
            self.missing += number.saturating_sub(before + 1);
            self.out_of_turn += u64::from(number <= before);
        }
        if measured {
            let now = SystemClock.now().as_nanos();
            self.trades += 1;
            self.within.add(now - trade.received.as_nanos());
            self.whole_way.add(now - trade.time.as_nanos());
        }
    }
}

fn ticker(trade: &Trade) -> Option<usize> {
    trade.symbol.code().strip_prefix('S')?.parse().ok()
}

fn sequence(trade: &Trade) -> Option<u64> {
    let TradeId::Text(id) = &trade.id else { return None };
    id.with_str(|id| id.split(':').nth(1)?.parse().ok())
}

fn massive() -> Arc<Massive> {
    Arc::new(Massive::new(Secret::new(KEY), MassivePlan::Advanced))
}

fn all_trades() -> anyhow::Result<Subscription> {
    let mut subscription = Subscription::new([Symbol::any(MASSIVE)], [StreamKind::Trade])?;
    subscription.delivery = Delivery::Buffered { capacity: DEPTH };
    Ok(subscription)
}

/// One thread for everything that is ours.
fn over_the_socket(flood: TradeFlood, long: Duration) -> anyhow::Result<()> {
    let venue = Venue::start()?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let router =
            Router::start(massive(), &venue.endpoint, Arc::new(SystemClock), RouterConfig::default())?;
        let mut reader = router.subscribe(all_trades()?).await?;
        let mut seen = Seen::default();
        let started = Instant::now();
        let (mut begun, mut memory) = (None, Vec::new());
        while started.elapsed() < WARM_UP + long {
            let Some(event) = reader.next().await else { break };
            let measured = started.elapsed() >= WARM_UP;
            if measured && begun.is_none() {
                begun = Some((Instant::now(), on_the_processor()));
            }
            seen.take(&event, measured);
            let seconds = started.elapsed().as_secs() as usize;
            if memory.len() < seconds {
                memory.resize(seconds, resident_mib().unwrap_or_default());
            }
        }
        let (begun, used) = begun.context("nothing came")?;
        let (took, metrics) = (begun.elapsed(), router.metrics().live);
        let used = used.zip(on_the_processor()).map(|(before, after)| after.saturating_sub(before));
        router.shutdown().await;
        let rate = seen.trades as f64 / took.as_secs_f64();
        println!(
            "{} tickers on T.*, {:.0} s, {:.0} trades a second:",
            seen.last.len(),
            took.as_secs_f64(),
            rate
        );
        println!(
            "  lost {}, out of turn {}, pushed out {}, gaps {}, repeated {}, unreadable {}",
            seen.missing,
            seen.out_of_turn,
            seen.lagged,
            seen.gaps,
            metrics.repeated,
            metrics.dropped + metrics.unreadable
        );
        println!("  frame to reader: {}", seen.within.summary());
        println!("  venue to reader: {}", seen.whole_way.summary());
        let share = used.map_or(f64::NAN, |used| used.as_secs_f64() / took.as_secs_f64() * 100.0);
        let at = |share: f64| memory.get((memory.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        println!(
            "  {share:.0} % of a core; resident after a quarter {:.0} MiB, half {:.0}, the end {:.0}",
            at(0.25),
            at(0.5),
            at(0.999)
        );
        if rate < f64::from(flood.per_second) * 0.99 {
            println!("  fewer came than were asked for: the emulator or the machine was the limit");
        }
        anyhow::ensure!(seen.missing + seen.out_of_turn + seen.lagged + seen.gaps == 0, "something was lost");
        Ok(())
    })
}

/// Frames that were made before, as fast as one core takes them, to a reader of its own task.
fn at_the_most(flood: TradeFlood) -> anyhow::Result<()> {
    const A_FRAME: usize = 500;
    const FRAMES: usize = 600;
    let frame = |number: usize| {
        let events: Vec<_> =
            (number * A_FRAME..(number + 1) * A_FRAME).map(|n| print(n, flood.tickers)).collect();
        format!("[{}]", events.join(",")).into_bytes()
    };
    let frames: Vec<Vec<u8>> = (0..FRAMES).map(frame).collect();
    let mut feed = FrameFeed::new(massive(), Arc::new(ManualClock::default()), SessionConfig::default());
    let mut reader = feed.hub().subscribe(&all_trades()?);
    let read = Arc::new(Mutex::new(0_usize));
    let counter = Arc::clone(&read);
    let count = || *read.lock().unwrap_or_else(PoisonError::into_inner);
    Builder::new_current_thread().build()?.block_on(async {
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(event) = reader.next().await {
                black_box(&event);
                *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
        });
        let (started, used) = (Instant::now(), on_the_processor());
        for (fed, frame) in frames.iter().enumerate() {
            feed.feed(black_box(frame), Timestamp::EPOCH);
            while count() < fed * A_FRAME {
                yield_now().await;
            }
        }
        while count() < FRAMES * A_FRAME && started.elapsed() < Duration::from_secs(60) {
            yield_now().await;
        }
        let took = used
            .zip(on_the_processor())
            .map_or_else(|| started.elapsed(), |(from, to)| to.saturating_sub(from));
        anyhow::ensure!(count() == FRAMES * A_FRAME, "{} of {} came", count(), FRAMES * A_FRAME);
        let rate = count() as f64 / took.as_secs_f64();
        println!("made frames, no socket: {rate:.0} trades a second on one core");
        Ok(())
    })
}

fn print(n: usize, tickers: usize) -> String {
    let (ticker, number) = (n % tickers.max(1), n / tickers.max(1) + 1);
    format!(
        r#"{{"ev":"T","sym":"S{ticker:05}","x":10,"i":"{number}","z":3,"p":{}.{:02},"s":{},"c":[14,41],"t":1786028400000,"q":{number}}}"#,
        10 + n % 500,
        n % 100,
        1 + n % 500
    )
}

/// How long this thread has had a processor.
fn on_the_processor() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}

/// What this process keeps in memory.
fn resident_mib() -> Option<f64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4_096.0 / f64::from(1 << 20))
}

//! 20,000 candles on four networks, beside a client that sends ten requests at once each second.

use std::time::Duration;

use market_backbone::{Backbone, Priority, Timeframe};
use market_backbone_emulator::{Faults, GroupReport};
use tokio::time::{Instant, sleep};

use crate::naive;
use crate::remote_emulator::RemoteEmulator;

/// The candles of one fetch: 100 pages.
const CANDLES: usize = 20_000;
/// What 20,000 candles at a constant 40 ms are to take at the most, in seconds: nine windows, and what little a careful
/// client needs.
const WANTED_AT_40_MS: f64 = 9.2;
/// A while in which every window empties.
const PAUSE: Duration = Duration::from_secs(2);

/// The four networks of decision 17. Half of a delay passes before the venue counts.
fn networks() -> [(&'static str, Faults); 4] {
    let plain = Faults { latency_ms: 40, counted_after: 0.5, ..Faults::default() };
    [
        ("40 ms", plain),
        ("30 to 50 ms", Faults { latency_ms: 30, jitter_ms: 20, ..plain }),
        (
            "40 ms, then 5 to 20 ms of service, one at a time",
            Faults { service_ms: 5, service_jitter_ms: 15, ..plain },
        ),
        ("heavy tail, log-normal with a median of 40 ms and σ 0.8", Faults { latency_sigma: 0.8, ..plain }),
    ]
}

/// The rounds of one client on one network.
#[derive(Debug, Default)]
struct Rounds {
    times: Vec<Duration>,
    asked: u64,
    refused: u64,
    worst: u64,
}

impl Rounds {
    fn add(&mut self, took: Duration, counted: &GroupReport) {
        self.times.push(took);
        self.asked = self.asked.max(counted.asked);
        self.refused += counted.rejected + counted.banned;
        self.worst = self.worst.max(counted.worst);
    }

    fn median(&self) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    }

    fn print(&self, who: &str) {
        let (least, most) = (self.times.iter().min(), self.times.iter().max());
        let seconds = |time: Option<&Duration>| time.copied().unwrap_or_default().as_secs_f64();
        println!(
            "  {who}: {:.2} s (from {:.2} to {:.2}), {} requests, {} refused, at most {} in any second",
            self.median(),
            seconds(least),
            seconds(most),
            self.asked,
            self.refused,
            self.worst
        );
    }
}

/// Prints the medians of `rounds` rounds, each with a new limiter and a new emulator.
pub(crate) async fn compare(rounds: usize) -> anyhow::Result<()> {
    println!(
        "{CANDLES} candles, medians of {rounds} rounds, as counted by an emulator in a process of its own"
    );
    for (name, faults) in networks() {
        let (mut ours, mut naive) = (Rounds::default(), Rounds::default());
        let mut answers = Vec::new();
        for _ in 0..rounds {
            let venue = RemoteEmulator::start(&faults)?;
            let took = fetch(&venue).await?;
            ours.add(took, &venue.candles().await?);
            sleep(PAUSE).await;
            venue.reset().await?;
            let took = naive::fetch(&venue, u32::try_from(CANDLES / 200)?).await?;
            naive.add(took, &venue.candles().await?);
            sleep(PAUSE).await;
            answers.extend(naive::single_answers(&venue).await?);
        }
        answers.sort_unstable();
        let answer = answers[answers.len() / 2].as_secs_f64();
        println!("{name}");
        ours.print("market-backbone");
        naive.print("ten at once each second");
        let wanted = if name == "40 ms" { WANTED_AT_40_MS } else { naive.median() };
        verdict(ours.median(), naive.median(), wanted, answer);
    }
    Ok(())
}

/// Says whether the time is what is wanted, and if not, what stands in the way.
fn verdict(ours: f64, naive: f64, wanted: f64, answer: f64) {
    let (above, ms) = ((ours - naive) * 1_000.0, answer * 1_000.0);
    println!("  {above:.0} ms more, or {:.1} %", (ours / naive - 1.0) * 100.0);
    if ours <= wanted {
        println!("  at most {wanted:.2} s wanted: reached");
        return;
    }
    let windows = (CANDLES / 200 - 1) / 10;
    let (margins, floor) = (windows as f64 * 0.003, windows as f64);
    // One answer for the probe and one for the last page; in the second window there is no credit for the way yet.
    let answers = 3.0 * answer;
    println!(
        "  at most {wanted:.2} s wanted: NOT reached by {:.0} ms. What stands in the way: {floor:.1} s are {windows} \
         windows; {:.0} ms are the probe's answer, the first window's and the last page's, {ms:.0} ms each when asked \
         alone; {:.0} ms are {windows} margins of 3 ms; the other {:.0} ms are what answers vary by (a slow answer may \
         be a request that arrived late, so its place is free later) and the processor that both programs share; see \
         docs/decisions/0017 for why no client that keeps the limit does without",
        (ours - wanted) * 1_000.0,
        answers * 1_000.0,
        margins * 1_000.0,
        ((ours - floor - answers - margins) * 1_000.0).max(0.0),
    );
}

async fn fetch(venue: &RemoteEmulator) -> anyhow::Result<Duration> {
    let builder = Backbone::builder().upbit_at(&venue.rest_url(), &venue.ws_url()).in_memory();
    let backbone = builder.build().await?;
    let client = backbone.client(Priority::Normal);
    let started = Instant::now();
    let set = client.candles("KRW-BTC", Timeframe::M1).last(CANDLES).closed().await?;
    let took = started.elapsed();
    anyhow::ensure!(set.len() > CANDLES / 2, "{} candles", set.len());
    backbone.shutdown().await;
    Ok(took)
}

//! An older build of this bench, run before and after ours: how many times as fast ours is, and what stands in the way.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::{DECODING, OURS};

/// How many times as fast as the build before batches ours is to be.
const GOALS: [(&str, f64); 3] = [("trade", 2.0), ("ticker", 1.8), ("orderbook", 1.25)];

/// Medians by program and kind.
pub(super) type Medians = BTreeMap<(&'static str, String), (f64, f64, f64)>;

/// The older build, and what it has measured.
#[derive(Debug)]
pub(super) struct OlderBuild {
    program: PathBuf,
    /// The frames a second of its runs, by kind.
    rates: BTreeMap<String, Vec<f64>>,
}

impl OlderBuild {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, rates: BTreeMap::new() }
    }

    /// Runs it once, without the clients of others.
    pub(super) fn run(&mut self) -> anyhow::Result<()> {
        let output =
            Command::new(&self.program).arg("--bench").env_remove("MARKET_BACKBONE_PYTHON").output()?;
        anyhow::ensure!(output.status.success(), "the older build: {}", output.status);
        // `market-backbone  trade  2500000 (2400000 to 2600000)`, a line each.
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let mut words = line.split_whitespace();
            if words.next() == Some(OURS)
                && let (Some(kind), Some(rate)) = (words.next(), words.next())
            {
                self.rates.entry(kind.to_owned()).or_default().push(rate.parse()?);
            }
        }
        Ok(())
    }

    /// Says how `medians` compare.
    pub(super) fn report(&self, medians: &Medians) {
        println!("beside {}:", self.program.display());
        for (kind, goal) in GOALS {
            let median = |who: &'static str| medians.get(&(who, kind.to_owned())).map(|(median, ..)| *median);
            let (Some(runs), Some(ours), Some(decoding)) =
                (self.rates.get(kind), median(OURS), median(DECODING))
            else {
                println!("{kind:10} is not in the output of the older build");
                continue;
            };
            let old = runs.iter().sum::<f64>() / runs.len() as f64;
            let nanos = |rate: f64| 1e9 / rate;
            println!(
                "{kind:10} {:.2} times as fast, {goal} wanted: {:.0} ns before, {:.0} ns now",
                ours / old,
                nanos(old),
                nanos(ours)
            );
            if ours < old * goal {
                println!(
                    "           in the way: {goal} times are {:.0} ns; decoding alone takes {:.0}, and {:.0} go after it",
                    nanos(old) / goal,
                    nanos(decoding),
                    nanos(ours) - nanos(decoding)
                );
            }
        }
    }
}

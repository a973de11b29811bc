//! A simulation of a network, callers that give up, concurrent processes of which one is killed and
//! restarted, and a wall clock that is set.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use market_backbone_core::{Priority, RateLimitGroup, RateLimitRule, Timestamp};
use market_backbone_routing::{JournalConfig, Limiter, LimiterConfig};
use market_backbone_testkit::TaskClock;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::arrivals::Arrivals;
use super::network::Network;

pub(crate) const GROUP: RateLimitGroup = RateLimitGroup("candles");
pub(crate) const WINDOW: Duration = Duration::from_secs(1);
pub(crate) const NEVER: u64 = u64::MAX;

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Who asks for what, and what happens meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// So much in each second.
    pub(crate) max: u32,
    /// More rules that hold at the same time.
    pub(crate) more: Vec<RateLimitRule>,
    /// A request weighs between the first and the second of these.
    pub(crate) weights: (u32, u32),
    pub(crate) count: u64,
    /// Between two requests, at first.
    pub(crate) gap: Duration,
    pub(crate) network: Network,
    /// One request in this many is given up by who asked, at some moment.
    pub(crate) cancelled: u64,
    /// So many processes more ask too, and are left alone.
    pub(crate) beside: u64,
    /// After so many ms the process is killed, and started again after so many more.
    pub(crate) kills: Vec<(u64, u64)>,
    /// At so many ms the wall's clock is set by so many seconds.
    pub(crate) steps: Vec<(u64, i64)>,
    pub(crate) seed: u64,
    pub(crate) trust: bool,
    /// Whether some are more urgent than others; then a part of the window is kept for them.
    pub(crate) mixed: bool,
    /// What the venue's clock showed at the start, in ms, and by how much less and more each answer leaves open.
    pub(crate) venue_clock: Option<(u64, [u64; 2])>,
    /// The margin of each window; the limiter's own if there is none.
    pub(crate) margin: Option<Duration>,
}

impl Schedule {
    /// Nothing but `count` requests at once.
    pub(crate) fn plain(max: u32, count: u64, network: Network) -> Self {
        let (kills, steps) = (Vec::new(), Vec::new());
        let (gap, cancelled, beside) = (Duration::ZERO, NEVER, 0);
        let (more, weights) = (Vec::new(), (1, 1));
        Self {
            max,
            more,
            weights,
            count,
            gap,
            network,
            cancelled,
            beside,
            kills,
            steps,
            seed: 1,
            trust: true,
            mixed: false,
            venue_clock: None,
            margin: None,
        }
    }

    /// All rules that hold.
    pub(crate) fn rules(&self) -> Vec<RateLimitRule> {
        let first = RateLimitRule::new(GROUP, self.max, WINDOW);
        std::iter::once(first).chain(self.more.iter().copied()).collect()
    }

    fn weight_of(&self, number: u64) -> u32 {
        let (least, most) = self.weights;
        fastrand::Rng::with_seed(self.seed.rotate_left(17) ^ number).u32(least..=most)
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) origin: Instant,
    pub(crate) arrivals: Arrivals,
    pub(crate) took: Duration,
    /// Requests that were answered or given up; none is left waiting.
    pub(crate) served: u64,
}

/// What outlives a process.
#[derive(Debug)]
struct World {
    origin: Instant,
    schedule: Schedule,
    /// From then on no way takes any time.
    falls: Option<Duration>,
    /// In the order in which requests were sent off: the next to be asked, and what has arrived or will.
    next: Mutex<u64>,
    arrivals: Mutex<Vec<(Instant, u32)>>,
    wall: Arc<TaskClock>,
    steady: Arc<TaskClock>,
    /// The venue, where it serves one request at a time; in the order of arrival.
    server: tokio::sync::Mutex<()>,
}

impl World {
    /// The limiter of one of the processes.
    fn limiter(&self, journal: &Path, process: u64) -> Limiter {
        let rules = self.schedule.rules();
        // How long somebody waits is not what is tested where windows are long.
        let max_wait = Duration::from_secs(if rules.len() > 1 { 3_600 } else { 120 });
        let trust_round_trips = self.schedule.trust;
        let config = LimiterConfig::default().trust_round_trips(trust_round_trips).max_wait(max_wait);
        let config = self.schedule.margin.map_or(config, |margin| config.margin(margin));
        let clock: Arc<TaskClock> = Arc::clone(&self.wall);
        let steady: Arc<TaskClock> = Arc::clone(&self.steady);
        let path = journal.to_owned();
        let noted = JournalConfig { path, clock, steady: Some(steady) };
        // What is of one name is of one process.
        let scope = format!("{process}@{}", journal.display());
        Limiter::of_scope(&scope, &rules, config, Some(noted))
    }

    fn way(&self, way: (u64, u64), chance: &mut fastrand::Rng) -> Duration {
        let since = self.origin.elapsed();
        if self.falls.is_some_and(|falls| since >= falls) {
            return Duration::ZERO;
        }
        self.schedule.network.way(way, since, chance)
    }

    /// One request, until it is answered well or given up.
    async fn ask(&self, limiter: &Limiter, number: u64) {
        let mut chance = fastrand::Rng::with_seed(self.schedule.seed ^ (number << 32));
        let mixed = Priority::ALL[chance.usize(0..Priority::ALL.len())];
        let priority = if self.schedule.mixed { mixed } else { Priority::Normal };
        let gives_up = chance.u64(0..self.schedule.cancelled) == 0;
        let gives_up_after = ms(chance.u64(0..2_500));
        let asking = async {
            while self.attempt(limiter, priority, number, &mut chance).await {
                sleep(ms(chance.u64(0..300))).await;
            }
        };
        if gives_up {
            let _ = tokio::time::timeout(gives_up_after, asking).await;
        } else {
            asking.await;
        }
    }

    /// Asks once; whether to ask again.
    async fn attempt(
        &self,
        limiter: &Limiter,
        priority: Priority,
        number: u64,
        chance: &mut fastrand::Rng,
    ) -> bool {
        let network = self.schedule.network;
        let weight = self.schedule.weight_of(number);
        let permit = limiter.acquire(GROUP.with_weight(weight), priority).await.unwrap();
        if (network.cold && number == 0) || chance.u64(0..network.handshake) == 0 {
            for _ in 0..3 {
                sleep(self.way(network.out, chance)).await;
            }
        }
        // From here on it arrives, whatever becomes of who asked.
        let arrives = Instant::now() + self.way(network.out, chance);
        let is_lost = chance.u64(0..network.lost) == 0;
        if !network.counted_late {
            self.arrivals.lock().unwrap().push((arrives, weight));
        }
        sleep_until(arrives).await;
        if let Some(service) = network.service(chance) {
            let _served = self.server.lock().await;
            sleep(service).await;
        }
        if network.counted_late {
            // Who gives up before is never counted.
            self.arrivals.lock().unwrap().push((Instant::now(), weight));
        }
        if is_lost {
            // The answer is lost on its way back: a venue counts such a request where it counts every other.
            sleep(ms(2_000)).await;
            return false; // the permit is dropped
        }
        sleep(self.way(network.back, chance)).await;
        if let Some((offset, [less, more])) = self.schedule.venue_clock {
            let shows = Timestamp::from_secs(86_400).plus(ms(offset) + self.origin.elapsed());
            limiter.set_venue_time(shows.minus(ms(less)), shows.plus(ms(more)));
        }
        permit.answered();
        chance.u64(0..network.failing) == 0
    }

    /// A process that asks for what has not been asked for yet, until it is through.
    async fn process(self: &Arc<Self>, limiter: Limiter) {
        let mut requests = JoinSet::new();
        loop {
            let number = {
                let mut next = self.next.lock().unwrap();
                if *next >= self.schedule.count {
                    break;
                }
                *next += 1;
                *next - 1
            };
            let (world, limiter) = (Arc::clone(self), limiter.clone());
            requests.spawn(async move { world.ask(&limiter, number).await });
            sleep(self.schedule.gap).await;
        }
        requests.join_all().await;
    }

    async fn run(self: Arc<Self>) -> Duration {
        // In memory where that can be had: the disk of a loaded machine takes longer than all the rest.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let journal = folder.path().join("venue.sends");
        let mut clocks = JoinSet::new();
        for (at, by) in self.schedule.steps.clone() {
            let wall = Arc::clone(&self.wall);
            clocks.spawn(async move {
                sleep(ms(at)).await;
                wall.set_forward(by);
            });
        }
        let mut beside = JoinSet::new();
        for number in 1..=self.schedule.beside {
            let (world, journal) = (Arc::clone(&self), journal.clone());
            beside.spawn(async move {
                sleep(ms(number * 137)).await;
                world.process(world.limiter(&journal, number)).await;
            });
        }
        for (after, pause) in self.schedule.kills.clone() {
            let mut process = Box::pin(self.process(self.limiter(&journal, 0)));
            if tokio::time::timeout(ms(after), &mut process).await.is_ok() {
                break;
            }
            let left = std::fs::metadata(&journal).unwrap().len();
            drop(process);
            tokio::task::yield_now().await;
            unsay(&journal, left);
            sleep(ms(pause)).await;
        }
        self.process(self.limiter(&journal, 0)).await;
        beside.join_all().await;
        self.origin.elapsed()
    }
}

/// A killed process writes nothing more, not even that it gives up: spoils such lines beyond the first `left` bytes. Where
/// one is another's, that one's request only seems to take longer.
fn unsay(journal: &Path, left: u64) {
    let mut bytes = std::fs::read(journal).unwrap();
    let mut begins = true;
    for byte in bytes.iter_mut().skip(usize::try_from(left).unwrap()) {
        if begins && matches!(byte, b'l' | b'u') {
            *byte = b'x';
        }
        begins = *byte == b'\n';
    }
    let mut file = std::fs::File::options().write(true).open(journal).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
}

/// Plays it.
pub(crate) fn play(schedule: &Schedule) -> Run {
    play_on(schedule, None)
}

/// Plays it on a network on which from some moment on nothing takes any time.
pub(crate) fn play_falling(schedule: &Schedule, falls: Duration) -> Run {
    play_on(schedule, Some(falls))
}

fn play_on(schedule: &Schedule, falls: Option<Duration>) -> Run {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let origin = Instant::now();
        let world = Arc::new(World {
            origin,
            schedule: schedule.clone(),
            falls,
            next: Mutex::default(),
            arrivals: Mutex::default(),
            wall: Arc::new(TaskClock::since(origin, Timestamp::from_secs(1_790_000_000))),
            steady: Arc::new(TaskClock::since(origin, Timestamp::from_secs(8_000))),
            server: tokio::sync::Mutex::default(),
        });
        let took = Arc::clone(&world).run().await;
        let arrivals = Arrivals::weighing(world.arrivals.lock().unwrap().drain(..));
        let served = *world.next.lock().unwrap();
        Run { origin, arrivals, took, served }
    })
}

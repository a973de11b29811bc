//! A network, and how long a venue takes.

use std::time::Duration;

use super::model::{NEVER, ms};

/// How long a request is on the way, in milliseconds: at least the first, at most both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Network {
    pub(crate) out: (u64, u64),
    pub(crate) back: (u64, u64),
    /// One way in this many takes up to 300 ms longer.
    pub(crate) spike: u64,
    /// One request in this many needs a new connection: three more ways out before it is sent off.
    pub(crate) handshake: u64,
    /// One request in this many is never answered and given up after 2 s.
    pub(crate) lost: u64,
    /// One request in this many is answered with a fault, and asked again.
    pub(crate) failing: u64,
    /// From so many ms on each way takes so many ms longer.
    pub(crate) slower: Option<(u64, u64)>,
    /// The first request of all needs a new connection.
    pub(crate) cold: bool,
    /// The venue needs between these for each request, and serves one at a time; no time if both are 0.
    pub(crate) service: (u64, u64),
    /// The venue counts a request when it has served it, not when it arrives.
    pub(crate) counted_late: bool,
    /// Ways vary by a heavy tail: the least times a log-normal factor of this σ.
    pub(crate) tail: f64,
}

impl Network {
    pub(crate) fn of(out: (u64, u64), back: (u64, u64)) -> Self {
        let (spike, handshake, lost, failing) = (NEVER, NEVER, NEVER, NEVER);
        let (slower, service, counted_late, tail) = (None, (0, 0), false, 0.0);
        let cold = true;
        Self { out, back, spike, handshake, lost, failing, slower, cold, service, counted_late, tail }
    }

    /// The four networks of decision 17: 40 ms; 40 ± 10 ms; 40 ms and a service of 5 to 20 ms, one at a time; a heavy tail.
    pub(crate) fn four() -> [(&'static str, Self); 4] {
        let steady = Self { cold: false, ..Self::of((20, 0), (20, 0)) };
        [
            ("40 ms", steady),
            ("30 to 50 ms", Self { out: (15, 10), back: (15, 10), ..steady }),
            ("40 ms, 5 to 20 ms of service", Self { service: (5, 20), ..steady }),
            ("heavy tail", Self { tail: 0.8, ..steady }),
        ]
    }

    pub(crate) fn service(&self, chance: &mut fastrand::Rng) -> Option<Duration> {
        let (least, most) = self.service;
        (most > 0).then(|| Duration::from_micros(chance.u64(least * 1_000..=most * 1_000)))
    }

    pub(crate) fn way(
        &self,
        (least, jitter): (u64, u64),
        since: Duration,
        chance: &mut fastrand::Rng,
    ) -> Duration {
        let spike = if chance.u64(0..self.spike) == 0 { chance.u64(0..=300) } else { 0 };
        let slower = self.slower.filter(|(from, _)| since >= ms(*from)).map_or(0, |(_, more)| more);
        let least = if self.tail > 0.0 {
            (least as f64 * 1_000.0 * (self.tail * normal(chance)).exp()) as u64
        } else {
            least * 1_000
        };
        let micros = least + slower * 1_000 + chance.u64(0..=(jitter * 1_000)).max(spike * 1_000);
        // Beyond that a request that was given up may come later than is assumed.
        Duration::from_micros(micros).min(ms(490))
    }
}

/// A number of the standard normal distribution.
fn normal(chance: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * chance.f64().max(f64::MIN_POSITIVE).ln()).sqrt();
    radius * (std::f64::consts::TAU * chance.f64()).cos()
}

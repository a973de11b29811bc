//! The log of one group's requests: those the venue may still be counting.
//!
//! Why this log keeps the promise is told in `limiter.rs`.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::estimate::Outlook;
use super::round_trips::RoundTrips;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    UnderWay,
    Answered(Instant),
    /// Given up: it may have arrived, or not.
    Lost(Instant),
}

/// Whose share of the window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Critical,
    Others,
    /// Not ours: somebody else on this address.
    Foreign,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    id: u64,
    at: Instant,
    share: Share,
    fate: Fate,
}

impl Sent {
    /// The latest moment at which it can have arrived, less `credit` if it was answered.
    fn latest(&self, credit: Duration) -> Option<Instant> {
        match self.fate {
            Fate::UnderWay => None,
            Fate::Answered(at) => Some(at.checked_sub(credit).unwrap_or(at).max(self.at)),
            Fate::Lost(at) => Some(at),
        }
    }
}

/// When there is room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Now,
    At(Instant),
    /// When one of those under way has been answered.
    AfterAnAnswer,
}

/// The log.
#[derive(Debug)]
pub(super) struct Sends {
    hold: Duration,
    log: VecDeque<Sent>,
    trips: RoundTrips,
}

impl Sends {
    /// For a group that takes `max` requests in a `window`.
    pub(super) fn new(max: u32, window: Duration, margin: Duration) -> Self {
        Self { hold: window + margin, log: VecDeque::new(), trips: RoundTrips::new(max) }
    }

    pub(super) fn push(&mut self, id: u64, at: Instant, share: Share) {
        let fate = if share == Share::Foreign { Fate::Lost(at) } else { Fate::UnderWay };
        self.log.push_back(Sent { id, at, share, fate });
    }

    /// Takes note of what became of a request.
    pub(super) fn settle(&mut self, id: u64, fate: Fate) {
        let Some(sent) = self.log.iter_mut().find(|sent| sent.id == id && sent.share != Share::Foreign)
        else {
            return;
        };
        sent.fate = fate;
        if let Fate::Answered(at) = fate {
            let trip = at - sent.at;
            self.trips.note(at, trip);
        }
    }

    /// Strikes out a turn that was given but never used.
    pub(super) fn strike(&mut self, id: u64) {
        self.log.retain(|sent| sent.id != id || sent.share == Share::Foreign);
    }

    /// When `allowed` requests leave room for one more, counting only those that `counts` says.
    pub(super) fn room(&self, now: Instant, allowed: u32, counts: impl Fn(Share) -> bool) -> Room {
        let credit = self.trips.credit(now);
        let held = self.log.iter().filter(|sent| counts(sent.share));
        let leaves = held.map(|sent| sent.latest(credit).map(|latest| latest + self.hold));
        let mut leaves: Vec<_> = leaves.filter(|leaves| leaves.is_none_or(|at| at > now)).collect();
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX).max(1);
        let Some(surplus) = leaves.len().checked_sub(allowed) else {
            return Room::Now;
        };
        leaves.sort_unstable_by_key(|at| (at.is_none(), *at));
        leaves[surplus].map_or(Room::AfterAnAnswer, Room::At)
    }

    pub(super) fn trips(&self) -> &RoundTrips {
        &self.trips
    }

    /// What is to come, if a round trip takes `trip`, nothing is sent before `start` and `allowed` may hold a place.
    pub(super) fn outlook(&self, now: Instant, trip: Duration, start: Duration, allowed: usize) -> Outlook {
        let answers_until_credit = self.trips.needed_at(now);
        let credit = self.trips.credit_to_be(now).unwrap_or(trip / 2);
        let latest = |sent: &Sent| sent.latest(credit).unwrap_or_else(|| (sent.at + trip).max(now));
        let mut leaves: Vec<_> =
            self.log.iter().map(|sent| (latest(sent) + self.hold).saturating_duration_since(now)).collect();
        leaves.retain(|leaves| !leaves.is_zero());
        leaves.sort_unstable();
        Outlook { start, leaves, allowed, hold: self.hold, trip, credit, answers_until_credit }
    }

    /// How many requests the venue can have counted in a window that ends with the arrival of one sent at
    /// `sent`: every one that was not certainly there a window before.
    pub(super) fn countable(&self, sent: Instant) -> usize {
        let counted = |other: &&Sent| other.latest(Duration::ZERO).is_none_or(|at| at + self.hold > sent);
        self.log.iter().filter(counted).count()
    }

    /// Drops what can matter to nobody: neither to the next turn nor to a count still under way.
    pub(super) fn prune(&mut self, now: Instant) {
        let under_way = self.log.iter().filter(|sent| sent.fate == Fate::UnderWay).map(|sent| sent.at);
        let horizon = under_way.min().unwrap_or(now);
        let hold = self.hold;
        self.log.retain(|sent| sent.latest(Duration::ZERO).is_none_or(|at| at + hold > horizon));
    }

    /// Whether one of ours is under way, or was sent less than `within` ago.
    pub(super) fn any_since(&self, now: Instant, within: Duration) -> bool {
        let ours = self.log.iter().filter(|sent| sent.share != Share::Foreign);
        ours.into_iter().any(|sent| sent.fate == Fate::UnderWay || now - sent.at < within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);
    const ALL: fn(Share) -> bool = |_| true;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_request_under_way_holds_its_place_until_it_is_answered() {
        let start = Instant::now();
        let mut sends = Sends::new(1, WINDOW, ms(3));
        sends.push(0, start, Share::Others);
        assert_eq!(sends.room(start + ms(5_000), 1, ALL), Room::AfterAnAnswer);
        sends.settle(0, Fate::Answered(start + ms(5_000)));
        assert_eq!(sends.room(start + ms(5_000), 1, ALL), Room::At(start + ms(6_003)));
        assert_eq!(sends.room(start + ms(6_003), 1, ALL), Room::Now);
    }

    #[test]
    fn a_turn_never_used_leaves_no_trace() {
        let start = Instant::now();
        let mut sends = Sends::new(1, WINDOW, ms(3));
        sends.push(0, start, Share::Others);
        sends.strike(0);
        assert_eq!(sends.room(start, 1, ALL), Room::Now);
    }

    #[test]
    fn room_comes_when_enough_have_left() {
        let start = Instant::now();
        let mut sends = Sends::new(3, WINDOW, Duration::ZERO);
        for id in 0..3 {
            let at = start + ms(id * 100);
            sends.push(id, at, Share::Others);
            sends.settle(id, Fate::Answered(at));
        }
        let now = start + ms(300);
        assert_eq!(sends.room(now, 3, ALL), Room::At(start + ms(1_000)));
        assert_eq!(sends.room(now, 2, ALL), Room::At(start + ms(1_100)));
        assert_eq!(sends.room(now, 4, ALL), Room::Now);
    }

    #[test]
    fn our_own_requests_side_by_side_are_not_taken_for_others() {
        let start = Instant::now();
        let mut sends = Sends::new(10, WINDOW, ms(3));
        for id in 0..10 {
            sends.push(id, start + ms(id), Share::Others);
        }
        // The first is answered while the others are under way: the venue may have seen all ten before.
        assert_eq!(sends.countable(start), 10);
        sends.settle(0, Fate::Answered(start + ms(40)));
        assert_eq!(sends.countable(start + ms(1_500)), 9);
    }
}

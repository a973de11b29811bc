//! The log of one group's requests: those the venue may still be counting.
//!
//! Why this log keeps the promise is told in `limiter.rs`.

use std::collections::VecDeque;
use std::time::Duration;

use market_backbone_core::LimitGroup;
use tokio::time::Instant;

use super::LimiterConfig;
use super::estimate::Outlook;
use super::inbox::News;
use super::record::What;
use super::round_trips::RoundTrips;

/// What another process has sent is there after so long, or never will be: that process may have been killed.
const LONGEST_FOREIGN_TRIP: Duration = Duration::from_secs(5);

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    UnderWay,
    Answered(Instant),
    /// Given up at this moment: it never arrives, or does a little later.
    Lost(Instant),
    /// Certainly there by this moment.
    Arrived(Instant),
}

/// Whose share of the window a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Critical,
    Others,
    /// Not of this process: another one of this machine, one before this one, or somebody else on this address.
    Foreign,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Of which process; 0: ours, or nobody knows.
    writer: u32,
    id: u64,
    at: Instant,
    share: Share,
    fate: Fate,
}

impl Sent {
    /// The latest moment at which it can have arrived, less `credit` if it was answered. What was given up may
    /// `stray` so much longer.
    fn latest(&self, credit: Duration, stray: Duration) -> Option<Instant> {
        match self.fate {
            Fate::UnderWay if self.share == Share::Foreign => Some(self.at + LONGEST_FOREIGN_TRIP),
            Fate::UnderWay => None,
            Fate::Answered(at) => Some(at.checked_sub(credit).unwrap_or(at).max(self.at)),
            Fate::Lost(at) => Some(at + stray),
            Fate::Arrived(at) => Some(at),
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
    stray: Duration,
    log: VecDeque<Sent>,
    trips: RoundTrips,
}

impl Sends {
    /// For a group that takes `max` requests in a `window`.
    pub(super) fn new(limit: LimitGroup, config: &LimiterConfig) -> Self {
        let LimiterConfig { margin, stray, trust_round_trips, .. } = *config;
        let trips = RoundTrips::new(limit.max, trust_round_trips);
        Self { hold: limit.window + margin, stray, log: VecDeque::new(), trips }
    }

    /// Takes note of a request of ours that is sent now.
    pub(super) fn push(&mut self, id: u64, at: Instant, share: Share) {
        self.log.push_back(Sent { writer: 0, id, at, share, fate: Fate::UnderWay });
    }

    /// Takes note of a request that somebody on this address sent, and that arrived just now at the latest.
    pub(super) fn push_foreign(&mut self, now: Instant) {
        self.log.push_back(Sent {
            writer: 0,
            id: 0,
            at: now,
            share: Share::Foreign,
            fate: Fate::Arrived(now),
        });
    }

    /// Takes note of what another process says of its requests.
    pub(super) fn hear(&mut self, news: News, now: Instant) {
        let News { what, writer, number: id, ago } = news;
        // The clock of this process may not reach back so far; then it was just now.
        let at = now.checked_sub(ago).unwrap_or(now);
        let fate = match what {
            What::Sent => Fate::UnderWay,
            What::Answered => Fate::Arrived(at),
            What::Lost => Fate::Lost(at),
            What::Unused => return self.log.retain(|sent| (sent.writer, sent.id) != (writer, id)),
            What::Banned | What::Paused => return,
        };
        match self.log.iter_mut().find(|sent| (sent.writer, sent.id) == (writer, id)) {
            Some(sent) => sent.fate = fate,
            None => self.log.push_back(Sent { writer, id, at, share: Share::Foreign, fate }),
        }
    }

    /// Whether anything of another process is under way: it will not say so when that is answered.
    pub(super) fn is_foreign_under_way(&self) -> bool {
        self.log.iter().any(|sent| sent.share == Share::Foreign && sent.fate == Fate::UnderWay)
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
        let leaves = held.map(|sent| sent.latest(credit, self.stray).map(|latest| latest + self.hold));
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
        let latest =
            |sent: &Sent| sent.latest(credit, self.stray).unwrap_or_else(|| (sent.at + trip).max(now));
        let mut leaves: Vec<_> =
            self.log.iter().map(|sent| (latest(sent) + self.hold).saturating_duration_since(now)).collect();
        leaves.retain(|leaves| !leaves.is_zero());
        leaves.sort_unstable();
        Outlook { start, leaves, allowed, hold: self.hold, trip, credit, answers_until_credit }
    }

    /// How many requests the venue can have counted in a window that ends with the arrival of one sent at
    /// `sent`: every one that was not certainly there a window before.
    pub(super) fn countable(&self, sent: Instant) -> usize {
        let counted =
            |other: &&Sent| other.latest(Duration::ZERO, self.stray).is_none_or(|at| at + self.hold > sent);
        self.log.iter().filter(counted).count()
    }

    /// Drops what can matter to nobody: neither to the next turn nor to a count still under way.
    pub(super) fn prune(&mut self, now: Instant) {
        let ours = self.log.iter().filter(|sent| sent.share != Share::Foreign);
        let under_way = ours.filter(|sent| sent.fate == Fate::UnderWay).map(|sent| sent.at);
        let horizon = under_way.min().unwrap_or(now);
        let (hold, stray) = (self.hold, self.stray);
        self.log.retain(|sent| sent.latest(Duration::ZERO, stray).is_none_or(|at| at + hold > horizon));
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

    fn sends(max: u32, margin: u64) -> Sends {
        let group = market_backbone_core::CallGroup("x");
        let config = LimiterConfig { margin: ms(margin), ..LimiterConfig::default() };
        Sends::new(LimitGroup { group, max, window: WINDOW }, &config)
    }

    #[test]
    fn a_request_under_way_holds_its_place_until_it_is_answered() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, Share::Others);
        assert_eq!(sends.room(start + ms(5_000), 1, ALL), Room::AfterAnAnswer);
        sends.settle(0, Fate::Answered(start + ms(5_000)));
        assert_eq!(sends.room(start + ms(5_000), 1, ALL), Room::At(start + ms(6_003)));
        assert_eq!(sends.room(start + ms(6_003), 1, ALL), Room::Now);
    }

    #[test]
    fn what_was_given_up_may_still_arrive_a_little_later() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, Share::Others);
        sends.settle(0, Fate::Lost(start + ms(10)));
        assert_eq!(sends.room(start + ms(10), 1, ALL), Room::At(start + ms(10 + 500 + 1_003)));
    }

    #[test]
    fn a_turn_never_used_leaves_no_trace() {
        let start = Instant::now();
        let mut sends = sends(1, 3);
        sends.push(0, start, Share::Others);
        sends.strike(0);
        assert_eq!(sends.room(start, 1, ALL), Room::Now);
    }

    #[test]
    fn room_comes_when_enough_have_left() {
        let start = Instant::now();
        let mut sends = sends(3, 0);
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
        let mut sends = sends(10, 3);
        for id in 0..10 {
            sends.push(id, start + ms(id), Share::Others);
        }
        // The first is answered while the others are under way: the venue may have seen all ten before.
        assert_eq!(sends.countable(start), 10);
        sends.settle(0, Fate::Answered(start + ms(40)));
        assert_eq!(sends.countable(start + ms(1_500)), 9);
    }
}

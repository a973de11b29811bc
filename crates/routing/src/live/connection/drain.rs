//! Decides when a replaced connection may close.
//!
//! Both connections deliver the same data for a while. A busy venue may serve the old one late and the new
//! one at once. If the old one closed at a fixed time, data from before the new one began would be lost
//! unnoticed. So it stays open until it has delivered what the new one had delivered when the linger time
//! ended.

use std::time::Duration;

use market_backbone_core::Timestamp;
use tokio::time::Instant;

use crate::live::link::{Link, Links};

/// The drain of a replaced connection.
#[derive(Debug)]
pub(super) struct ConnectionDrain {
    successor: u64,
    /// The time until which it is read in any case.
    linger_until: Instant,
    /// The venue time that it must reach before it closes, known once it has lingered.
    target_time: Option<Timestamp>,
    /// The time at which it is given up if it has not reached that.
    deadline: Instant,
}

/// The next step of the drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrainState {
    Draining,
    /// The connection has delivered all that it could.
    Drained,
    /// The connection is so far behind that it is given up.
    TimedOut,
}

impl ConnectionDrain {
    pub(super) fn new(successor: u64, linger: Duration, catch_up: Duration, now: Instant) -> Self {
        let lingers = now + linger;
        Self { successor, linger_until: lingers, target_time: None, deadline: lingers + catch_up }
    }

    /// Returns when to check again.
    pub(super) fn next_check(&self) -> Instant {
        if self.target_time.is_none() { self.linger_until } else { self.deadline }
    }

    pub(super) fn check(&mut self, link: &Link, links: &Links, now: Instant) -> DrainState {
        if now < self.linger_until {
            return DrainState::Draining;
        }
        // If the successor is gone already, its end is reported to its readers.
        let known = || links.with(self.successor, Link::latest_venue_time).unwrap_or(Timestamp::MIN);
        let goal = *self.target_time.get_or_insert_with(known);
        if link.latest_venue_time() >= goal {
            DrainState::Drained
        } else if now >= self.deadline {
            DrainState::TimedOut
        } else {
            DrainState::Draining
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_secs(1);
    const CATCH_UP: Duration = Duration::from_secs(30);

    #[test]
    fn it_goes_when_it_has_told_what_the_other_knew_or_never_will() {
        let (links, start) = (Links::default(), Instant::now());
        let (old, new) = (links.open(), links.open());
        let retirement = || ConnectionDrain::new(new.number, LINGER, CATCH_UP, start);
        let mut held_up = retirement();
        old.advance_venue_time(Timestamp::from_secs(10));
        new.advance_venue_time(Timestamp::from_secs(12));
        assert_eq!(held_up.check(&old, &links, start), DrainState::Draining);
        assert_eq!(held_up.next_check(), start + LINGER);
        new.advance_venue_time(Timestamp::from_secs(13));
        assert_eq!(held_up.check(&old, &links, start + LINGER), DrainState::Draining);
        assert_eq!(held_up.next_check(), start + LINGER + CATCH_UP);
        new.advance_venue_time(Timestamp::from_secs(60));
        old.advance_venue_time(Timestamp::from_secs(12));
        assert_eq!(held_up.check(&old, &links, start + LINGER), DrainState::Draining);
        assert_eq!(held_up.check(&old, &links, start + LINGER + CATCH_UP), DrainState::TimedOut);
        old.advance_venue_time(Timestamp::from_secs(13));
        assert_eq!(held_up.check(&old, &links, start + LINGER), DrainState::Drained);
        links.close(new.number);
        assert_eq!(
            retirement().check(&old, &links, start + LINGER),
            DrainState::Drained,
            "nobody to wait for"
        );
    }

    #[test]
    fn in_a_quiet_market_nothing_is_waited_for() {
        let links = Links::default();
        let (old, new, now) = (links.open(), links.open(), Instant::now());
        let mut retirement = ConnectionDrain::new(new.number, Duration::ZERO, CATCH_UP, now);
        assert_eq!(retirement.check(&old, &links, now), DrainState::Drained);
    }
}

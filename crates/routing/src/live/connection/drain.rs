//! When a connection that was replaced may go.
//!
//! Both bring the same for a while. A venue that is busy may serve the old one late and the new one at once: were the old
//! one closed by the clock alone, what it had yet to tell from before the new one began would be lost, and nobody would
//! know. So it stays until it has told of what the new one knew when the clock ran out.

use std::time::Duration;

use market_backbone_core::Timestamp;
use tokio::time::Instant;

use crate::live::link::{Link, Links};

/// How a connection that was replaced is doing.
#[derive(Debug)]
pub(super) struct ConnectionDrain {
    successor: u64,
    /// Until then it is read in any case.
    linger_until: Instant,
    /// What it is to tell of before it goes, once it has lingered.
    target_time: Option<Timestamp>,
    /// Whoever is not there by then is not believed to come.
    deadline: Instant,
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrainState {
    Draining,
    /// All it could tell is told.
    Drained,
    /// It is so far behind that it is given up.
    TimedOut,
}

impl ConnectionDrain {
    pub(super) fn new(successor: u64, linger: Duration, catch_up: Duration, now: Instant) -> Self {
        let lingers = now + linger;
        Self { successor, linger_until: lingers, target_time: None, deadline: lingers + catch_up }
    }

    /// When to look at the clock again.
    pub(super) fn next_check(&self) -> Instant {
        if self.target_time.is_none() { self.linger_until } else { self.deadline }
    }

    pub(super) fn check(&mut self, link: &Link, links: &Links, now: Instant) -> DrainState {
        if now < self.linger_until {
            return DrainState::Draining;
        }
        // If the other is gone already, its end is told to whoever reads it.
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

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
pub(super) struct Retirement {
    successor: u64,
    /// Until then it is read in any case.
    lingers: Instant,
    /// What it is to tell of before it goes, once it has lingered.
    goal: Option<Timestamp>,
    /// Whoever is not there by then is not believed to come.
    latest: Instant,
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Stay,
    /// All it could tell is told.
    Go,
    /// It is so far behind that it is given up.
    Behind,
}

impl Retirement {
    pub(super) fn new(successor: u64, linger: Duration, catch_up: Duration, now: Instant) -> Self {
        let lingers = now + linger;
        Self { successor, lingers, goal: None, latest: lingers + catch_up }
    }

    /// When to look at the clock again.
    pub(super) fn due(&self) -> Instant {
        if self.goal.is_none() { self.lingers } else { self.latest }
    }

    pub(super) fn judge(&mut self, link: &Link, links: &Links, now: Instant) -> Verdict {
        if now < self.lingers {
            return Verdict::Stay;
        }
        // If the other is gone already, its end is told to whoever reads it.
        let known = || links.of(self.successor, Link::reached).unwrap_or(Timestamp::MIN);
        let goal = *self.goal.get_or_insert_with(known);
        if link.reached() >= goal {
            Verdict::Go
        } else if now >= self.latest {
            Verdict::Behind
        } else {
            Verdict::Stay
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
        let retirement = || Retirement::new(new.number, LINGER, CATCH_UP, start);
        let mut held_up = retirement();
        old.tells_of(Timestamp::from_secs(10));
        new.tells_of(Timestamp::from_secs(12));
        assert_eq!(held_up.judge(&old, &links, start), Verdict::Stay);
        assert_eq!(held_up.due(), start + LINGER);
        new.tells_of(Timestamp::from_secs(13));
        assert_eq!(held_up.judge(&old, &links, start + LINGER), Verdict::Stay);
        assert_eq!(held_up.due(), start + LINGER + CATCH_UP);
        new.tells_of(Timestamp::from_secs(60));
        old.tells_of(Timestamp::from_secs(12));
        assert_eq!(held_up.judge(&old, &links, start + LINGER), Verdict::Stay);
        assert_eq!(held_up.judge(&old, &links, start + LINGER + CATCH_UP), Verdict::Behind);
        old.tells_of(Timestamp::from_secs(13));
        assert_eq!(held_up.judge(&old, &links, start + LINGER), Verdict::Go);
        links.close(new.number);
        assert_eq!(retirement().judge(&old, &links, start + LINGER), Verdict::Go, "nobody to wait for");
    }

    #[test]
    fn in_a_quiet_market_nothing_is_waited_for() {
        let links = Links::default();
        let (old, new, now) = (links.open(), links.open(), Instant::now());
        let mut retirement = Retirement::new(new.number, Duration::ZERO, CATCH_UP, now);
        assert_eq!(retirement.judge(&old, &links, now), Verdict::Go);
    }
}

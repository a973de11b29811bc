//! The state of the reader of stdout or stderr: whether it accepts more, whether it has gone. Asks the
//! system, without writing.

#[cfg(unix)]
mod system {
    use std::io::{stderr, stdout};
    use std::os::fd::AsFd;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn events(stream: &impl AsFd, within: Duration) -> Option<PollFlags> {
        let mut asked = [PollFd::new(stream, PollFlags::OUT)];
        let within = Timespec::try_from(within).ok()?;
        poll(&mut asked, Some(&within)).ok()?;
        Some(asked[0].revents())
    }

    /// Returns whether the reader of stdout has gone.
    pub(in crate::output) fn is_gone() -> bool {
        events(&stdout(), Duration::ZERO)
            .is_some_and(|events| events.intersects(PollFlags::ERR | PollFlags::HUP))
    }

    /// Returns whether stderr accepts more, now or within the given time.
    pub(in crate::output) fn stderr_takes_more(within: Duration) -> bool {
        events(&stderr(), within).is_some_and(|events| events.contains(PollFlags::OUT))
    }
}

#[cfg(not(unix))]
mod system {
    use std::time::Duration;

    /// Returns false: the next write finds out.
    pub(in crate::output) const fn is_gone() -> bool {
        false
    }

    pub(in crate::output) const fn stderr_takes_more(_: Duration) -> bool {
        true
    }
}

pub(super) use system::{is_gone, stderr_takes_more};

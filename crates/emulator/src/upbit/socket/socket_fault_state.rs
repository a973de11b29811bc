//! The fault state of a socket at its age: healthy, or one of the ways in which an open connection can be
//! useless.

use crate::faults::Faults;
use crate::hash_random;

/// The fault state of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketFaultState {
    /// The socket behaves as it should.
    ///
    /// What was due while it was silent, up to this age in ms, is never sent.
    Healthy { silent_until: u64 },
    /// The socket reads and answers, pings included, but sends no data.
    Mute,
    /// The socket neither reads nor writes.
    Stalled,
    /// The socket is to be cut.
    Expired,
}

impl SocketFaultState {
    /// Returns the state of a socket that was opened `age_ms` ago; `lot` is its own key for random numbers.
    pub(crate) fn at(faults: &Faults, lot: u64, age_ms: u64) -> Self {
        let begun = |after_ms: u64, salt: u64| {
            let late = hash_random::unit(hash_random::draw(lot, salt)) * faults.age_jitter_ms as f64;
            (after_ms > 0).then(|| after_ms.saturating_add(late as u64)).filter(|begins| *begins <= age_ms)
        };
        let ends = |begun: Option<u64>, for_ms: u64| match (begun, for_ms) {
            (None, _) => 0,
            (Some(_), 0) => u64::MAX,
            (Some(begins), for_ms) => begins.saturating_add(for_ms),
        };
        let stalled_until = ends(begun(faults.stall_after_ms, 2), faults.stall_for_ms);
        let mute_until = ends(begun(faults.mute_after_ms, 3), faults.mute_for_ms);
        if begun(faults.drop_after_ms, 1).is_some() {
            Self::Expired
        } else if age_ms < stalled_until {
            Self::Stalled
        } else if age_ms < mute_until {
            Self::Mute
        } else {
            Self::Healthy { silent_until: stalled_until.max(mute_until) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mood_has_its_time() {
        let faults = Faults {
            mute_after_ms: 10,
            mute_for_ms: 30,
            stall_after_ms: 20,
            stall_for_ms: 10,
            drop_after_ms: 50,
            ..Faults::default()
        };
        let moods = [9, 10, 20, 30, 40, 49, 50, 1_000].map(|age| SocketFaultState::at(&faults, 1, age));
        use SocketFaultState::{Expired, Healthy, Mute, Stalled};
        let (before, after) = (Healthy { silent_until: 0 }, Healthy { silent_until: 40 });
        assert_eq!(moods, [before, Mute, Stalled, Mute, after, after, Expired, Expired]);
        let for_ever = Faults { stall_for_ms: 0, drop_after_ms: 0, ..faults };
        assert_eq!(SocketFaultState::at(&for_ever, 1, 1 << 40), Stalled);
        assert_eq!(SocketFaultState::at(&Faults::default(), 1, u64::MAX), before);
    }

    #[test]
    fn ages_vary_from_socket_to_socket() {
        let faults = Faults { drop_after_ms: 1_000, age_jitter_ms: 1_000, ..Faults::default() };
        let over_at = |lot| {
            (0..=2_000).find(|age| SocketFaultState::at(&faults, lot, *age) == SocketFaultState::Expired)
        };
        let ages: Vec<u64> = (0..100).map(|lot| over_at(lot).expect("cut in the end")).collect();
        assert!(ages.iter().all(|age| (1_000..=2_000).contains(age)));
        assert!(ages.iter().max() > ages.iter().min().map(|age| age + 700).as_ref(), "{ages:?}");
        assert_eq!(over_at(7), over_at(7));
    }
}

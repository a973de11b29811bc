//! Injects frame faults: duplicated, reordered and lost frames.

use crate::faults::Faults;
use crate::hash_random;

/// The longest time for which a frame is held back, in ms.
const HELD_MS: i64 = 500;

/// The frame faults of one session.
#[derive(Debug, Default)]
pub(crate) struct FrameFaultInjector {
    number: u64,
    held: Option<(String, i64)>,
}

impl FrameFaultInjector {
    /// Returns what is sent in place of `frames`; `lot` is the session's key for random numbers.
    pub(crate) fn apply(
        &mut self,
        lot: u64,
        faults: &Faults,
        frames: Vec<String>,
        now_ms: i64,
    ) -> Vec<String> {
        let plays = faults.duplicate > 0.0 || faults.reorder > 0.0 || faults.swallow > 0.0;
        if !plays && self.held.is_none() {
            return frames;
        }
        let mut sent = Vec::with_capacity(frames.len() + 1);
        for frame in frames {
            self.number += 1;
            let drawn = |salt| hash_random::unit(hash_random::draw(lot ^ salt, self.number));
            if drawn(0x6012) < faults.swallow {
                continue;
            }
            if self.held.is_none() && drawn(0x5AAB) < faults.reorder {
                self.held = Some((frame, now_ms));
                continue;
            }
            if drawn(0x2222) < faults.duplicate {
                sent.push(frame.clone());
            }
            sent.push(frame);
            sent.extend(self.held.take().map(|(held, _)| held));
        }
        if let Some((held, _)) = self.held.take_if(|(_, since)| now_ms - *since >= HELD_MS) {
            sent.push(held);
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<String> {
        (0..100).map(|n| format!("{n:03}")).collect()
    }

    #[test]
    fn a_reordered_stream_loses_nothing() {
        let faults = Faults { reorder: 0.3, ..Faults::default() };
        let mut mischief = FrameFaultInjector::default();
        let mut sent = mischief.apply(1, &faults, frames(), 0);
        sent.extend(mischief.apply(1, &faults, Vec::new(), HELD_MS));
        assert_ne!(sent, frames());
        sent.sort();
        assert_eq!(sent, frames());
    }

    #[test]
    fn what_is_swallowed_is_gone_and_the_rest_is_in_order() {
        let faults = Faults { swallow: 0.3, ..Faults::default() };
        let swallowed = |lot| FrameFaultInjector::default().apply(lot, &faults, frames(), 0);
        let sent = swallowed(1);
        assert!((55..85).contains(&sent.len()), "{}", sent.len());
        assert!(sent.is_sorted_by(|a, b| a < b));
        assert_eq!(sent, swallowed(1));
        assert_ne!(sent, swallowed(2), "another session, other frames");
    }

    #[test]
    fn duplicates_follow_their_original() {
        let faults = Faults { duplicate: 0.3, ..Faults::default() };
        let mut sent = FrameFaultInjector::default().apply(1, &faults, frames(), 0);
        assert!(sent.len() > 110, "{}", sent.len());
        sent.dedup();
        assert_eq!(sent, frames());
    }
}

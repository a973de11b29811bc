//! Recordings that are written, killed, damaged and read again.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod damage;
mod player;
mod queue;
mod rig;
mod round_trip;

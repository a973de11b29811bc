//! Replays: a recording in the place of a venue, on its own time.

pub(crate) mod driver;
pub(crate) mod player;
pub(crate) mod tape_clock;

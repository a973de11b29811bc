//! Times the whole house; each bench is a file of its own beside this folder. Here is what they time it with.

mod frames;
mod live_rig;

pub use frames::{Frames, Kind};
pub use live_rig::{BURST, LiveRig};

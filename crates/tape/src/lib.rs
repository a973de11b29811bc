//! Recordings of what a venue sent: its frames, connections and answers, each with its receive time.
//!
//! A [`TapeRecorder`] observes the layer that talks to a venue and writes in a thread of its own: recording never slows
//! the live path. A [`TapeReader`] reads a recording back, from any moment on. `docs/tape.md` describes the files.

mod block;
mod error;
mod reader;
mod record;
mod record_buffer;
mod recorder;
mod replay;
mod tape_file;
mod writer;

pub use error::TapeError;
pub use reader::{TapeReader, TornTail};
pub use record::{TapeEntry, TapeRecord, TapeSession};
pub use recorder::{RecorderLimits, RecordingStats, TapeRecorder};
pub use replay::driver::{ReplayStats, TapeDriver};
pub use replay::player::{TapePlayer, TapeTransport};
pub use replay::tape_clock::TapeClock;
pub use writer::WriterLimits;

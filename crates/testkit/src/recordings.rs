//! The place of data that were recorded at venues, on machines that have some. None are stored in the repository.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Returns the file or folder of recorded data called `name`. Prints that a test is skipped, and returns `None`, if there is none.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests have no binary that reads the environment for them")]
pub fn recorded(name: &str) -> Option<PathBuf> {
    let folder = std::env::var("MARKET_BACKBONE_FIXTURES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    let place = path.display();
    let note =
        format!("\nskipped: no recorded data at {place}; name their folder in MARKET_BACKBONE_FIXTURES\n");
    // This bypasses the test harness, which shows what a test prints only where it fails.
    let _ = std::io::stderr().write_all(note.as_bytes());
    None
}

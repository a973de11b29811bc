//! The place of recorded data, on machines that have it.

use std::io::Write;
use std::path::PathBuf;

/// Returns the file of recorded data called `name`; prints a note and returns `None` if there is none.
pub(crate) fn fixture(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("MARKET_BACKBONE_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    // Past the test harness, which shows what a test prints only where it fails.
    let said = format!(
        "\nskipped: no recorded data at {}; name their folder in MARKET_BACKBONE_FIXTURES\n",
        path.display()
    );
    let _ = std::io::stderr().write_all(said.as_bytes());
    None
}

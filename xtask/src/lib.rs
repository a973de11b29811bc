//! Checks on the house itself, run as tests: `cargo test -p xtask`.
//!
//! Rules that are only written down are forgotten; these fail the build.

pub mod arrows;
pub mod doc_lines;
pub mod names;
pub mod public_api;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The folder that holds the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

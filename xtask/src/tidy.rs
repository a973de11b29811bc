//! What every source file owes its reader: a first line that says what it is for, a name that says
//! the same, and a length that can be read in one sitting.

use std::path::{Path, PathBuf};

/// The most lines of its own (tests at its end not counted) that a file may have.
pub const MOST_LINES: usize = 600;

/// Names that say nothing.
const VAGUE: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types", "stuff"];

/// What is wrong with the file at `path` that holds `text`.
#[must_use]
pub fn violations(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let shown = path.display();
    if !text.starts_with("//! ") && !text.starts_with("#![doc = include_str!(") {
        found.push(format!("{shown}: the first line must say what the file is for (`//! …`)"));
    }
    let own = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
    if own > MOST_LINES {
        found.push(format!("{shown}: {own} lines; split it by reason to change ({MOST_LINES} at most)"));
    }
    if path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| VAGUE.contains(&stem)) {
        found.push(format!("{shown}: the name says nothing; name it after what is in it"));
    }
    if path.ends_with("mod.rs") {
        found.push(format!("{shown}: write `name.rs` beside `name/`, not `mod.rs`"));
    }
    found
}

/// What is wrong with the sources of the workspace at `root`.
///
/// # Errors
///
/// If a folder or file cannot be read.
pub fn check(root: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for top in ["crates", "examples", "tests", "benches", "xtask"] {
        for path in sources(&root.join(top))? {
            let text = std::fs::read_to_string(&path)?;
            found.extend(violations(path.strip_prefix(root).unwrap_or(&path), &text));
        }
    }
    Ok(found)
}

pub(crate) fn sources(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_tidy() {
        assert_eq!(check(&crate::root()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_rules_fire() {
        let long = format!("//! Long.\n{}", "x\n".repeat(MOST_LINES));
        assert_eq!(violations(Path::new("a.rs"), &long).len(), 1);
        assert_eq!(violations(Path::new("a.rs"), "fn main() {}").len(), 1);
        assert_eq!(violations(Path::new("utils.rs"), "//! Odds and ends.").len(), 1);
        assert_eq!(violations(Path::new("a/mod.rs"), "//! A maze.").len(), 1);
        assert_eq!(violations(Path::new("a.rs"), "//! Fine.").len(), 0);
    }

    #[test]
    fn tests_at_the_end_do_not_count() {
        let text = format!("//! Fine.\n#[cfg(test)]\n{}", "x\n".repeat(MOST_LINES));
        assert_eq!(violations(Path::new("a.rs"), &text).len(), 0);
    }
}

//! No layer names a venue: what is true of one venue alone is in its crate, in its emulator, or in a file named after it.
//!
//! A venue is whatever crate keeps a descriptor. Comments and tests may give examples; help texts, which are comments in the
//! command line's arguments, may not, and messages may not.

use std::path::{Path, PathBuf};

/// Files that list venues: the list itself and the facade's table of contents.
const LISTS: &[&str] = &["crates/market-backbone/src/venues.rs", "crates/market-backbone/src/lib.rs"];
/// Examples: of the spelling of names, and of command lines.
const EXAMPLES: &[&str] = &["crates/core/src/venue_id.rs", "crates/cli/src/args/examples.rs"];
/// Speaks like venues, and shares no type with their crates.
const EMULATOR: &str = "emulator";
/// Serves the tests of all crates, which may give examples.
const TESTKIT: &str = "testkit";
/// Where comments are help texts.
const ARGUMENTS: &str = "crates/cli/src/args";

/// The names of all venues: crates that keep a descriptor.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn venues(root: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let path = entry?.path();
        if path.join("src/descriptor.rs").is_file() {
            names.extend(path.file_name().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a venue called `name` may be named in the file at `path`.
fn is_allowed(path: &Path, name: &str) -> bool {
    let mut parts = path.components().filter_map(|part| part.as_os_str().to_str());
    let is_list = LISTS.iter().chain(EXAMPLES).any(|list| Path::new(list) == path);
    is_list
        || parts.any(|part| {
            part == EMULATOR
                || part == TESTKIT
                || part.trim_end_matches(".rs").split('_').any(|word| word == name)
        })
}

/// Where `text`, the file at `path`, names one of `venues` though nothing in it is of that venue alone.
#[must_use]
pub fn violations(path: &Path, text: &str, venues: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let has_help = path.starts_with(ARGUMENTS) || path == Path::new(ARGUMENTS).with_extension("rs");
    let own = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    for (at, line) in own.enumerate() {
        let is_help = has_help && line.trim_start().starts_with("/// ");
        let code = if is_help { line } else { without_comment(line) };
        let code = code.to_ascii_lowercase();
        for venue in venues.iter().filter(|venue| code.contains(venue.as_str()) && !is_allowed(path, venue)) {
            found.push(format!(
                "{}:{}: names {venue}: ask its descriptor, or move this into a file named after it",
                path.display(),
                at + 1
            ));
        }
    }
    found
}

/// The line up to its comment. An address in a text is no comment.
fn without_comment(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//") {
        let at = from + at;
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// Where the crates of the workspace at `root` name a venue though they may not.
///
/// # Errors
///
/// If a folder or file cannot be read.
pub fn check(root: &Path) -> std::io::Result<Vec<String>> {
    let venues = venues(root)?;
    let mut found = Vec::new();
    for path in crate::tidy::sources(&root.join("crates"))? {
        let shown: PathBuf = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        let is_source = shown.components().nth(2).is_some_and(|part| part.as_os_str() == "src");
        if is_source && !is_test {
            found.extend(violations(&shown, &std::fs::read_to_string(&path)?, &venues));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_layer_names_a_venue() {
        let root = crate::root();
        assert_eq!(venues(&root).unwrap(), ["massive", "upbit"]);
        let found = check(&root).unwrap();
        assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[track_caller]
    fn lines(path: &str, text: &str, want: usize) {
        let found = violations(Path::new(path), text, &["upbit".to_owned()]);
        assert_eq!(found.len(), want, "{path}: {found:?}");
    }

    #[test]
    fn a_venue_is_named_in_its_own_places_only() {
        lines("crates/routing/src/router.rs", "if venue == UPBIT {", 1);
        lines("crates/cli/src/settings.rs", "let text = \"see https://api.upbit.com\";", 1);
        lines("crates/cli/src/args/store.rs", "    /// A venue, like upbit", 1);
        lines("crates/cli/src/args.rs", "    /// A venue, like upbit", 1);
        for place in [
            "crates/upbit/src/rest.rs",
            "crates/emulator/src/connection.rs",
            "crates/market-backbone/src/venues.rs",
            "crates/market-backbone/src/venues/upbit.rs",
            "crates/market-backbone/src/upbit_client.rs",
        ] {
            lines(place, "use market_backbone_upbit::UPBIT;", 0);
        }
        lines("crates/market-backbone/src/venues/massive.rs", "use market_backbone_upbit::UPBIT;", 1);
    }

    #[test]
    fn comments_and_tests_may_give_examples() {
        let text =
            "/// Like `upbit@127.0.0.1`.\nlet a = 1; // as upbit does\n#[cfg(test)]\nconst UPBIT: u8 = 1;";
        lines("crates/routing/src/router.rs", text, 0);
    }
}

//! One name for one thing: no two types of the workspace's crates share a name.
//!
//! A reader who searches for a type must find one definition, and a name in a review must need no path beside it. The
//! adapters of venues are the exception: they mirror each other on purpose, so that one teaches the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Crates that mirror each other: a name may occur once in each of them.
const MIRRORED: &[&str] = &["upbit", "massive"];

/// Names that a trait of the language or of a library demands.
const DEMANDED: &[&str] = &[
    "Error",
    "Item",
    "Output",
    "Target",
    "Response",
    "Future",
    "Service",
    "Err",
    "Inner",
    "IntoIter",
    "IntoFuture",
    "Strategy",
    "Policy",
    "Reply",
    "Value",
];

/// The types that `text` defines, in order. Definitions inside functions and test modules count too.
#[must_use]
pub fn defined(text: &str) -> Vec<&str> {
    text.lines().filter_map(definition).collect()
}

fn definition(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => match rest.strip_prefix('(') {
            Some(scoped) => scoped.split_once(')')?.1.trim_start(),
            None => rest.strip_prefix(' ')?,
        },
        None => line,
    };
    let (keyword, rest) = line.split_once(' ')?;
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    let name = &rest[..end];
    let is_type = match keyword {
        "struct" | "enum" | "trait" | "union" => true,
        // An associated type is named by its trait.
        "type" => !DEMANDED.contains(&name),
        _ => false,
    };
    (is_type && name.starts_with(|first: char| first.is_uppercase())).then_some(name)
}

/// Names that `places` (a name and the file that defines it) hold more than once.
#[must_use]
pub fn shared(places: &[(String, PathBuf)]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for (name, path) in places {
        let paths = by_name.entry(name).or_default();
        // Two in one file are one thing for two systems, or local to two functions.
        if !paths.contains(&path.as_path()) {
            paths.push(path);
        }
    }
    by_name
        .into_iter()
        .filter(|(_, paths)| paths.len() > 1 && !mirrored(paths))
        .map(|(name, paths)| {
            let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            format!(
                "`{name}` names {} types, in {}: say in the name what each is",
                paths.len(),
                files.join(", ")
            )
        })
        .collect()
}

/// Whether each path lies in another one of the crates that mirror each other.
fn mirrored(paths: &[&Path]) -> bool {
    let crates: Vec<_> =
        paths.iter().filter_map(|path| path.components().nth(1)?.as_os_str().to_str()).collect();
    crates.len() == paths.len()
        && crates.iter().all(|name| MIRRORED.contains(name))
        && crates.iter().enumerate().all(|(at, name)| !crates[..at].contains(name))
}

/// What the crates of the workspace at `root` name twice.
///
/// # Errors
///
/// If a folder or file cannot be read.
pub fn check(root: &Path) -> std::io::Result<Vec<String>> {
    let mut places = Vec::new();
    for path in crate::tidy::sources(&root.join("crates"))? {
        let shown = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        if !shown.components().any(|part| part.as_os_str() == "src") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        places.extend(defined(&text).into_iter().map(|name| (name.to_owned(), shown.clone())));
    }
    Ok(shared(&places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_types_share_a_name() {
        assert_eq!(check(&crate::root()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn definitions_are_found() {
        let text = "pub struct A;\n    enum B {\npub(crate) trait C: Send {\ntype Item = u8;\npub type D<T> = Vec<T>;\nfn e() {}\nlet type_ = 1;";
        assert_eq!(defined(text), ["A", "B", "C", "D"]);
    }

    #[test]
    fn a_name_used_twice_is_seen() {
        let at = |name: &str, path: &str| (name.to_owned(), PathBuf::from(path));
        let twice = [at("State", "crates/core/src/a.rs"), at("State", "crates/routing/src/b.rs")];
        assert_eq!(shared(&twice).len(), 1);
        assert_eq!(shared(&twice[..1]), Vec::<String>::new());
    }

    #[test]
    fn venues_mirror_each_other_and_nobody_else() {
        let at = |path: &str| ("Row".to_owned(), PathBuf::from(path));
        let both = [at("crates/upbit/src/wire.rs"), at("crates/massive/src/wire.rs")];
        assert_eq!(shared(&both), Vec::<String>::new());
        assert_eq!(shared(&[both[0].clone(), at("crates/upbit/src/rest.rs")]).len(), 1);
        assert_eq!(shared(&[both[0].clone(), at("crates/core/src/a.rs")]).len(), 1);
    }
}

//! The first line of a doc comment stands alone in an index: it has to make sense there.
//!
//! Rustdoc shows that line, and only that line, beside the name in lists and search results. A fragment that continues
//! the name ("doubled each time,") says nothing to a reader who came from elsewhere.

use std::path::Path;

/// Words that begin a fragment: a preposition, a conjunction or a question word without its sentence.
const OPENINGS: &[&str] = &[
    "About", "After", "Also", "And", "As", "At", "Because", "Before", "Between", "Beyond", "But", "By",
    "For", "From", "How", "If", "In", "Never", "Nor", "Not", "Of", "On", "Only", "Or", "Since", "So", "Than",
    "That", "Then", "Though", "To", "Until", "What", "When", "Where", "Whether", "Which", "While", "Who",
    "Whose", "Why", "With", "Within", "Without", "Yet",
];

/// The fewest words that say something.
const FEWEST_WORDS: usize = 3;

/// Why `paragraph`, the first of a doc comment, does not stand alone; `None` where it does.
#[must_use]
pub fn flaw(paragraph: &str) -> Option<&'static str> {
    let mut words = paragraph.split_whitespace();
    let first = words.next()?;
    if first.starts_with(|letter: char| letter.is_lowercase() || letter == '…') {
        return Some("begins in the middle of a sentence");
    }
    let end = paragraph.trim_end_matches([')', '"', '*']);
    if !end.ends_with(['.', '!', '?', ':']) {
        return Some("does not end as a sentence does");
    }
    if OPENINGS.contains(&first.trim_end_matches(',')) {
        return Some("is a fragment: begin with the thing or with a verb");
    }
    (1 + words.count() < FEWEST_WORDS).then_some("is too short to make sense in an index")
}

/// The first paragraph of every doc comment on something public or on a field, a variant or a method, with its line.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let is_doc = |at: usize| lines.get(at).is_some_and(|line| line.starts_with("///"));
    let mut found = Vec::new();
    for at in 0..lines.len() {
        if !is_doc(at) || (at > 0 && is_doc(at - 1)) {
            continue;
        }
        let docs = lines[at..].iter().take_while(|line| line.starts_with("///")).map(|line| line[3..].trim());
        let paragraph: Vec<_> = docs.take_while(|line| !line.is_empty()).collect();
        let item = lines[at..].iter().find(|line| !line.starts_with("///") && !line.starts_with('#'));
        if item.is_some_and(|item| is_shown(item)) {
            found.push((at + 1, paragraph.join(" ")));
        }
    }
    found
}

/// Whether an index or a page lists what begins with this line.
fn is_shown(item: &str) -> bool {
    item.starts_with("pub ")
        || item.starts_with("fn ")
        || item.starts_with("async fn ")
        || item.starts_with(char::is_uppercase)
}

/// What is wrong with the doc comments of the file at `path` that holds `text`.
#[must_use]
pub fn violations(path: &Path, text: &str) -> Vec<String> {
    let flawed = paragraphs(text).into_iter().filter_map(|(line, words)| Some((line, flaw(&words)?, words)));
    flawed.map(|(line, flaw, words)| format!("{}:{line}: `{words}` {flaw}", path.display())).collect()
}

/// What is wrong with the doc comments of the crates of the workspace at `root`.
///
/// # Errors
///
/// If a folder or file cannot be read.
pub fn check(root: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in crate::tidy::sources(&root.join("crates"))? {
        let shown = path.strip_prefix(root).unwrap_or(&path);
        if shown.components().any(|part| part.as_os_str() == "src") {
            found.extend(violations(shown, &std::fs::read_to_string(&path)?));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_line_stands_alone() {
        let found = check(&crate::root()).unwrap();
        assert!(found.is_empty(), "{} fragments:\n{}", found.len(), found.join("\n"));
    }

    #[test]
    fn fragments_are_seen() {
        for fragment in ["doubled each time,", "How many.", "Of which series.", "The price", "Books."] {
            assert!(flaw(fragment).is_some(), "{fragment}");
        }
        for sentence in
            ["Returns the venue's name.", "The best bid price.", "`None` stands for the newest page."]
        {
            assert_eq!(flaw(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn only_what_is_listed_counts() {
        let text = "/// doubled\npub struct A;\n/// doubled\nlet x = 1;\n/// doubled\n#[derive(Debug)]\npub enum B {\n    /// doubled\n    C,\n}";
        let lines: Vec<_> = paragraphs(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 5, 8]);
    }
}

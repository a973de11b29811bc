//! Finds where two decision logs part, and what each of them knew there.

use std::io;

use serde_json::Value;

/// The first entry in which two decision logs differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The line, counted from 1.
    pub line: usize,
    /// The entry of the first log; `None` if it has ended.
    pub left: Option<Value>,
    /// The entry of the second log; `None` if it has ended.
    pub right: Option<Value>,
    /// The members that differ, where both logs have an entry.
    pub fields: Vec<FieldDifference>,
    /// The last entry that both logs have in common.
    pub last_common: Option<Value>,
}

/// A member of an entry that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDifference {
    /// The path of the member, like `on.close`.
    pub path: String,
    /// The value in the first log; null if the member is missing.
    pub left: Value,
    /// The value in the second log; null if the member is missing.
    pub right: Value,
}

/// Compares two decision logs line by line and returns where they part, or `None` if they are equal.
///
/// # Errors
///
/// If a log cannot be read, or a line that differs is no JSON.
pub fn first_divergence(left: impl io::BufRead, right: impl io::BufRead) -> io::Result<Option<Divergence>> {
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut common: Option<String> = None;
    for line in 1.. {
        let pair = (left.next().transpose()?, right.next().transpose()?);
        match pair {
            (None, None) => break,
            (Some(one), Some(other)) if one == other => common = Some(one),
            (one, other) => {
                let parse = |text: Option<String>| text.map(|text| parsed(&text, line)).transpose();
                let (left, right) = (parse(one)?, parse(other)?);
                let mut fields = Vec::new();
                if let (Some(left), Some(right)) = (&left, &right) {
                    compare("", left, right, &mut fields);
                }
                let last_common = parse(common)?;
                return Ok(Some(Divergence { line, left, right, fields, last_common }));
            }
        }
    }
    Ok(None)
}

fn parsed(text: &str, line: usize) -> io::Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        let what = format!("line {line} is no entry of a decision log: {error}");
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

fn compare(path: &str, left: &Value, right: &Value, found: &mut Vec<FieldDifference>) {
    let (Value::Object(ours), Value::Object(theirs)) = (left, right) else {
        if left != right {
            found.push(FieldDifference { path: path.to_owned(), left: left.clone(), right: right.clone() });
        }
        return;
    };
    let mut names: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let of = |side: &serde_json::Map<String, Value>| side.get(name).cloned().unwrap_or(Value::Null);
        compare(&inner, &of(ours), &of(theirs), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_with_what_was_known() {
        let left = "{\"n\":0}\n{\"n\":1,\"on\":{\"close\":2.5,\"kind\":\"bar\"}}\n{\"n\":2}\n";
        let right = "{\"n\":0}\n{\"n\":1,\"on\":{\"close\":2.0,\"kind\":\"bar\"}}\n";
        let found = first_divergence(left.as_bytes(), right.as_bytes()).unwrap().unwrap();
        assert_eq!((found.line, found.fields.len()), (2, 1));
        assert_eq!((found.fields[0].path.as_str(), &found.fields[0].left), ("on.close", &Value::from(2.5)));
        assert_eq!(found.last_common.unwrap()["n"], 0);
    }

    #[test]
    fn a_log_that_ends_early_differs_and_an_equal_one_does_not() {
        let (long, short) = ("{\"n\":0}\n{\"n\":1}\n", "{\"n\":0}\n");
        let found = first_divergence(long.as_bytes(), short.as_bytes()).unwrap().unwrap();
        assert_eq!((found.line, found.right), (2, None));
        assert_eq!(first_divergence(long.as_bytes(), long.as_bytes()).unwrap(), None);
        assert!(first_divergence("x\n".as_bytes(), "y\n".as_bytes()).is_err());
    }
}

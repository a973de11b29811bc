//! Edits a page in its spelling: everything else stays byte for byte.

use std::ops::Range;

/// Returns the first value of a key, as it is spelled.
pub(crate) fn value<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    span(json, key).map(|span| &json[span])
}

/// Returns the text with the first value of a key replaced.
pub(crate) fn set(json: &str, key: &str, value: &str) -> Option<String> {
    let span = span(json, key)?;
    Some(format!("{}{value}{}", &json[..span.start], &json[span.end..]))
}

fn span(json: &str, key: &str) -> Option<Range<usize>> {
    let key = format!("\"{key}\":");
    let start = json.find(&key)? + key.len();
    Some(start..start + length(&json[start..]))
}

/// Returns the length of the value that a text begins with.
fn length(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => depth -= 1,
            b',' | b']' | b'}' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Returns the elements of an array.
pub(crate) fn elements(array: &str) -> Vec<String> {
    let mut rest = array.strip_prefix('[').unwrap_or_default();
    let mut elements = Vec::new();
    loop {
        let end = length(rest);
        if end > 0 {
            elements.push(rest[..end].to_owned());
        }
        match rest[end..].strip_prefix(',') {
            Some(more) => rest = more,
            None => return elements,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_replaced_where_they_stand() {
        let json = r#"{"a":"x,\"b\":1}","b":[1,{"c":2}],"c":-3.50}"#;
        assert_eq!(value(json, "a"), Some(r#""x,\"b\":1}""#));
        assert_eq!(value(json, "b"), Some(r#"[1,{"c":2}]"#));
        assert_eq!(set(json, "b", "null").as_deref(), Some(r#"{"a":"x,\"b\":1}","b":null,"c":-3.50}"#));
        assert_eq!(set(json, "d", "null"), None);
        assert_eq!(elements(r#"[{"a":[1,2]},"b,c",3]"#), [r#"{"a":[1,2]}"#, r#""b,c""#, "3"]);
        assert!(elements("[]").is_empty() && elements("null").is_empty());
    }
}

//! A tokenizer for the small part of JSON that Massive's events use, without copying.
//!
//! Every function returns `None` as soon as anything is unusual: blanks, escapes, nesting where none is
//! expected. The content of a value is checked only when it is used.

/// A value without nesting.
#[derive(Clone, Copy)]
pub(super) enum JsonToken<'a> {
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Bare(&'a str),
    /// A list of plain values, which nobody reads.
    List,
}

impl<'a> JsonToken<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bare(_) | Self::List => None,
        }
    }

    /// Returns the integer, parsed by hand: `str::parse` would take half of the total time.
    pub(super) fn integer(self) -> Option<i64> {
        let Self::Bare(token) = self else { return None };
        if token.len() > 18 {
            return token.parse().ok();
        }
        let digit =
            |number: i64, byte: u8| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'));
        match token.as_bytes() {
            [b'-', ..] => token.parse().ok(),
            digits => digits.iter().try_fold(0, |number, byte| digit(number, *byte)),
        }
    }

    /// Returns the number. `str::parse` also accepts `inf` and `nan`, which no message may hold.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Bare(token) => token.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Text(_) | Self::List => None,
        }
    }
}

/// Passes each key of an object, and its value, to `field`. Returns the text after the object, or `None` as
/// soon as anything is unusual.
pub(super) fn object<'a>(
    text: &'a str,
    mut field: impl FnMut(&'a str, JsonToken<'a>) -> Option<()>,
) -> Option<&'a str> {
    let mut rest = text.strip_prefix('{')?;
    loop {
        let (key, after) = quoted(rest)?;
        let (value, after) = value(after.strip_prefix(':')?)?;
        field(key, value)?;
        match after.as_bytes().first()? {
            b',' => rest = &after[1..],
            b'}' => return Some(&after[1..]),
            _ => return None,
        }
    }
}

/// Reads a plain value or a list of such values, and returns it with the text after it.
fn value(text: &str) -> Option<(JsonToken<'_>, &str)> {
    match text.as_bytes().first()? {
        b'"' => quoted(text).map(|(text, after)| (JsonToken::Text(text), after)),
        b'[' => {
            let (list, after) = text.split_at(position(text, b']', b'"')? + 1);
            let plain = list.ends_with(']') && !list[1..].contains(['[', '{']);
            plain.then_some((JsonToken::List, after))
        }
        _ => {
            let (token, after) = text.split_at(position(text, b',', b'}')?);
            let plain = match token.as_bytes().first()? {
                b'0'..=b'9' | b'-' => true,
                _ => matches!(token, "null" | "true" | "false"),
            };
            plain.then_some((JsonToken::Bare(token), after))
        }
    }
}

/// Reads a text without escapes, and returns it with the text after it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let (text, after) = text.split_at(position(text, b'"', b'\\')?);
    Some((text, after.strip_prefix('"')?))
}

/// Returns the index of the first of two ASCII characters. Tokens are short, so going byte by byte is fastest.
fn position(text: &str, one: u8, other: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == one || byte == other)
}

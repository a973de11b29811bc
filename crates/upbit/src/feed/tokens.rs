//! The little JSON that Upbit's messages are made of, taken apart without copying.
//!
//! Every function answers `None` as soon as anything is unusual: blanks, escapes, nesting where none is
//! expected. What a value holds is checked only when it is asked for.

/// A plain value.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Bare(&'a str),
}

impl<'a> Value<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bare(_) => None,
        }
    }

    pub(super) fn integer(self) -> Option<i64> {
        match self {
            Self::Bare(token) => token.parse().ok(),
            Self::Text(_) => None,
        }
    }

    /// std also reads `inf` and `nan`, which no message may hold.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Bare(token) => token.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Text(_) => None,
        }
    }

    /// A number or `null`.
    pub(super) fn maybe(self) -> Option<Option<f64>> {
        match self {
            Self::Bare("null") => Some(None),
            value => value.number().map(Some),
        }
    }
}

/// Hands each key of an object, and what follows its colon, to `field`, which returns what follows the
/// value. Returns what follows the object; `None` as soon as anything is unusual.
pub(super) fn object<'a>(
    text: &'a str,
    mut field: impl FnMut(&'a str, &'a str) -> Option<&'a str>,
) -> Option<&'a str> {
    let mut rest = text.strip_prefix('{')?;
    loop {
        let (key, after) = quoted(rest)?;
        let after = field(key, after.strip_prefix(':')?)?;
        match after.as_bytes().first()? {
            b',' => rest = &after[1..],
            b'}' => return Some(&after[1..]),
            _ => return None,
        }
    }
}

/// Reads a whole message of plain values.
pub(super) fn flat<'a>(text: &'a str, mut field: impl FnMut(&'a str, Value<'a>) -> Option<()>) -> Option<()> {
    let rest = object(text, |key, after| {
        let (value, rest) = value(after)?;
        field(key, value)?;
        Some(rest)
    })?;
    rest.is_empty().then_some(())
}

/// A plain value, and what follows it.
pub(super) fn value(text: &str) -> Option<(Value<'_>, &str)> {
    if text.starts_with('"') {
        let (text, after) = quoted(text)?;
        return Some((Value::Text(text), after));
    }
    let (token, after) = text.split_at(position(text, b',', b'}')?);
    let plain = match token.as_bytes().first()? {
        b'0'..=b'9' | b'-' => true,
        _ => matches!(token, "null" | "true" | "false"),
    };
    plain.then_some((Value::Bare(token), after))
}

/// A text without escapes, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('"')?;
    let (text, after) = text.split_at(position(text, b'"', b'\\')?);
    Some((text, after.strip_prefix('"')?))
}

/// Where the first of two ASCII characters stands. Byte by byte on purpose: tokens are short and as long in
/// one frame as in the next, so the processor guesses where they end; eight bytes at once were slower.
fn position(text: &str, one: u8, other: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == one || byte == other)
}

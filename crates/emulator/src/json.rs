//! A JSON writer that keeps the order of keys and the spelling of numbers: both are part of the wire format.

use std::fmt::Write as _;

use crate::number::{NumberStyle, WireNumber};

/// A key with one spelling, or with a long and a short one.
pub(crate) trait ObjectKey: Copy {
    /// Returns the requested spelling.
    fn name(&self, short: bool) -> &'static str;
}

impl ObjectKey for &'static str {
    fn name(&self, _short: bool) -> &'static str {
        self
    }
}

impl ObjectKey for (&'static str, &'static str) {
    fn name(&self, short: bool) -> &'static str {
        if short { self.1 } else { self.0 }
    }
}

/// A JSON object being written.
#[derive(Debug)]
pub(crate) struct JsonObject {
    out: String,
    short: bool,
}

impl JsonObject {
    /// Creates an object with long keys.
    pub(crate) fn new() -> Self {
        Self::with_keys(false)
    }

    /// Creates an object with long or short keys.
    pub(crate) fn with_keys(short: bool) -> Self {
        Self { out: String::from("{"), short }
    }

    fn key(&mut self, key: &impl ObjectKey) -> &mut String {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        let _ = write!(self.out, "\"{}\":", key.name(self.short));
        &mut self.out
    }

    /// Adds a string, escaped where necessary.
    pub(crate) fn text(mut self, key: impl ObjectKey, value: &str) -> Self {
        write_text(value, self.key(&key));
        self
    }

    /// Adds a number in one of the wire's spellings.
    pub(crate) fn number(mut self, key: impl ObjectKey, value: WireNumber, style: NumberStyle) -> Self {
        value.write(style, self.key(&key));
        self
    }

    /// Adds an integer.
    pub(crate) fn int(mut self, key: impl ObjectKey, value: i64) -> Self {
        let _ = write!(self.key(&key), "{value}");
        self
    }

    /// Adds a value that is JSON already.
    pub(crate) fn raw(mut self, key: impl ObjectKey, value: &str) -> Self {
        self.key(&key).push_str(value);
        self
    }

    /// Returns the finished object.
    pub(crate) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }
}

/// Returns an array of finished values.
pub(crate) fn array<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let mut out = String::from("[");
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

/// Returns a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_text(text, &mut out);
    out
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_length() {
        let write = |short| {
            JsonObject::with_keys(short)
                .text(("type", "ty"), "tra\"de")
                .number(("trade_price", "tp"), WireNumber::e8(100_000_000), NumberStyle::Point)
                .int(("timestamp", "tms"), -1)
                .end()
        };
        assert_eq!(write(false), r#"{"type":"tra\"de","trade_price":1.0,"timestamp":-1}"#);
        assert_eq!(write(true), r#"{"ty":"tra\"de","tp":1.0,"tms":-1}"#);
        assert_eq!(array(["1", "2"]), "[1,2]");
    }
}

//! The answers of the plain venue: lines of words separated by blanks.

use std::time::Duration;

use market_backbone_core::{SourceError, SourceErrorKind, Symbol, Timestamp};

use crate::symbol;

fn malformed(line: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Malformed, format!("cannot read `{line}`"))
}

/// Reads lines of `N` words each.
pub(crate) fn rows<const N: usize>(body: &[u8]) -> Result<Vec<[&str; N]>, SourceError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("not text"))?;
    let row = |line| {
        let words: Vec<&str> = str::split_whitespace(line).collect();
        words.try_into().map_err(|_| malformed(line))
    };
    text.lines().map(row).collect()
}

pub(crate) fn number<T: std::str::FromStr>(word: &str) -> Result<T, SourceError> {
    word.parse().map_err(|_| malformed(word))
}

/// Reads a list of markets with prices. Returns of each its symbol, price and time.
pub(crate) fn priced(body: &[u8], received: Timestamp) -> Result<Vec<(Symbol, f64, Timestamp)>, SourceError> {
    let read = |[name, price]: [&str; 2]| {
        let (code, ahead) = name.split_once('+').unwrap_or((name, "0"));
        Ok((symbol(code), number(price)?, received.plus(Duration::from_secs(number(ahead)?))))
    };
    rows(body)?.into_iter().map(read).collect()
}

//! A split, and the format of a list of splits.

use std::fmt;

use crate::massive::new_york;

/// A split: each `from` shares became `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitSpec {
    /// The first day of the new shares, `yyyy-MM-dd`.
    pub date: String,
    /// The number of old shares.
    pub from: u32,
    /// The number of new shares.
    pub to: u32,
}

/// The largest number of shares; anything beyond is a typing error.
const MAX_SHARES: u32 = 100_000;

impl SplitSpec {
    /// Creates a split of each `from` shares into `to` on `date`, `yyyy-MM-dd`.
    #[must_use]
    pub fn new(date: &str, from: u32, to: u32) -> Self {
        Self { date: date.to_owned(), from, to }
    }

    /// Parses `TICKER=DATE:FROM:TO,…`: `NVDA=2024-06-10:1:10`.
    ///
    /// # Errors
    ///
    /// If the format is wrong, there is no such day, or a number is 0 or too large.
    pub fn parse_list(text: &str) -> Result<Vec<(String, Self)>, ParseSplitsError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| Self::parse(entry).ok_or_else(|| ParseSplitsError(entry.to_owned()))).collect()
    }

    fn parse(entry: &str) -> Option<(String, Self)> {
        let (ticker, split) = entry.split_once('=')?;
        let mut parts = split.split(':');
        let date = parts.next().filter(|date| new_york::parse_day(date).is_some())?;
        let mut shares = || parts.next()?.parse().ok().filter(|shares| (1..=MAX_SHARES).contains(shares));
        let (from, to) = (shares()?, shares()?);
        let is_all = !ticker.is_empty() && parts.next().is_none();
        is_all.then(|| (ticker.to_owned(), Self::new(date, from, to)))
    }
}

/// The error for an invalid list of splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSplitsError(String);

impl fmt::Display for ParseSplitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no split; write TICKER=DATE:FROM:TO, as in NVDA=2024-06-10:1:10", self.0)
    }
}

impl std::error::Error for ParseSplitsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_read_or_refused_with_their_name() {
        let read = SplitSpec::parse_list("NVDA=2024-06-10:1:10, BRK.B=2010-01-21:1:50,").unwrap();
        let want = [("NVDA", "2024-06-10", 1, 10), ("BRK.B", "2010-01-21", 1, 50)];
        assert_eq!(
            read,
            want.map(|(ticker, date, from, to)| (ticker.to_owned(), SplitSpec::new(date, from, to)))
        );
        for wrong in ["NVDA", "NVDA=2024-06-31:1:2", "A=2024-06-10:0:2", "A=2024-06-10:1", "=2024-06-10:1:2"]
        {
            assert!(SplitSpec::parse_list(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}

//! A range of delays, and its spelling on the command line.

use std::str::FromStr;

/// A delay that is drawn evenly from a range, in ms: written `40`, `5..20` or `40±10` (also `40+-10`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayRange {
    /// The least delay, in ms.
    pub least_ms: u64,
    /// The largest delay, in ms.
    pub most_ms: u64,
}

/// The reason why the text of a [`DelayRange`] is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no delay in ms; write 40, 5..20 or 40±10")]
pub struct ParseDelayError(String);

impl FromStr for DelayRange {
    type Err = ParseDelayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseDelayError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<DelayRange> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    if let Some((least, most)) = text.split_once("..") {
        let (least_ms, most_ms) = (number(least)?, number(most)?);
        return (least_ms <= most_ms).then_some(DelayRange { least_ms, most_ms });
    }
    if let Some((middle, around)) = text.split_once('±').or_else(|| text.split_once("+-")) {
        let (middle, around) = (number(middle)?, number(around)?);
        let (least_ms, most_ms) = (middle.checked_sub(around)?, middle.checked_add(around)?);
        return Some(DelayRange { least_ms, most_ms });
    }
    number(text).map(|delay| DelayRange { least_ms: delay, most_ms: delay })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_and_nonsense_refused() {
        let range = |least_ms, most_ms| Ok(DelayRange { least_ms, most_ms });
        for (text, want) in [
            ("40", range(40, 40)),
            ("5..20", range(5, 20)),
            ("40±10", range(30, 50)),
            ("40 +- 10", range(30, 50)),
            ("0", range(0, 0)),
        ] {
            assert_eq!(text.parse(), want, "{text}");
        }
        for wrong in ["", "x", "20..5", "10±40", "5..", "-1", "4.5"] {
            assert!(wrong.parse::<DelayRange>().is_err(), "{wrong}");
        }
    }
}

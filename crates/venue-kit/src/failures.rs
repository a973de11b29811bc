//! Failures as every venue has them.

use std::time::Duration;

use market_backbone_core::{FrameError, HttpReply, SourceError, SourceErrorKind, Symbol};

use crate::excerpt;

/// Makes the error for a body that is not what `venue` sends.
#[must_use]
pub fn malformed(venue: &str, body: &[u8]) -> SourceError {
    let message = format!("cannot read {venue}'s answer `{}`", excerpt(body));
    SourceError::new(SourceErrorKind::Malformed, message)
}

/// Makes the error for a frame that is not what a venue sends.
#[must_use]
pub fn unreadable_frame(error: &serde_json::Error, text: &str) -> FrameError {
    FrameError(format!("{error} in `{}`", excerpt(text.as_bytes())))
}

/// Names the markets of a refused request: `unknown market KRW-NOPE on upbit`. Of several, no venue says which it was.
#[must_use]
pub fn unknown_market(markets: &[Symbol], source: &str) -> String {
    match markets {
        [only] => format!("unknown market {only} on {source}"),
        [first, second] => format!("unknown market on {source}: {first} or {second}"),
        [first, second, rest @ ..] => {
            format!("unknown market on {source}: {first}, {second} or one of {} others", rest.len())
        }
        [] => format!("unknown market on {source}"),
    }
}

/// Returns the seconds that `Retry-After` names, if the reply has the header: how long to stay away.
#[must_use]
pub fn retry_after(reply: &HttpReply<'_>) -> Option<Duration> {
    let seconds = reply.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use market_backbone_core::VenueId;

    use super::*;

    #[test]
    fn the_markets_in_question_are_named_but_not_all_of_many() {
        let all: Vec<_> =
            ["A", "B", "C", "D"].map(|code| Symbol::new(VenueId::new("v"), code).unwrap()).into();
        for (count, want) in [
            (0, "unknown market on v"),
            (1, "unknown market A on v"),
            (2, "unknown market on v: A or B"),
            (4, "unknown market on v: A, B or one of 2 others"),
        ] {
            assert_eq!(unknown_market(&all[..count], "v"), want);
        }
    }

    #[test]
    fn a_wait_is_whole_seconds_or_not_said() {
        let wait = |value: &str| {
            let headers = [("retry-after".to_owned(), value.to_owned())];
            retry_after(&HttpReply { status: 429, headers: &headers, body: b"" })
        };
        assert_eq!(wait(" 7 "), Some(Duration::from_secs(7)));
        for other in ["", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(wait(other), None, "{other}");
        }
    }
}

//! Reads the `date` header.

use market_backbone_core::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads `Mon, 03 Aug 2026 10:40:00 GMT`, the only form that servers may write (RFC 9110, section 5.6.7);
/// `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split(' ');
    let (day, month, year, time, zone) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if zone != "GMT" || words.next().is_some() {
        return None;
    }
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_one_form_and_no_other() {
        let want = "2026-08-03T10:40:07Z".parse().ok();
        assert_eq!(parse("Mon, 03 Aug 2026 10:40:07 GMT"), want);
        for text in [
            "",
            "Monday, 03-Aug-26 10:40:07 GMT",
            "Mon, 03 Aug 2026 10:40:07 +0000",
            "Mon, 99 Aug 2026 10:40:07 GMT",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

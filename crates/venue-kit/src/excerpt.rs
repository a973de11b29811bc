//! As much of a body as may stand in a message.

/// How much of a body may be repeated in a message.
const EXCERPT_CHARS: usize = 160;

/// Returns at most 160 characters of a body, on one line, without control characters.
#[must_use]
pub fn excerpt(body: &[u8]) -> String {
    // A character has at most four bytes, so this much always holds enough of them.
    let head = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT_CHARS)]);
    let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text: String = line.chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS).collect();
    if text.len() < line.len() || body.len() > 4 * EXCERPT_CHARS {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_one_line() {
        let page = "<html>\r\n <body>\t점검 중입니다 ".repeat(400);
        let text = excerpt(page.as_bytes());
        assert_eq!(text.chars().count(), EXCERPT_CHARS + 1);
        assert!(!text.contains('\n'), "{text}");
        assert_eq!(excerpt(b"short"), "short");
        assert!(excerpt(&[0xff; 999]).chars().count() <= EXCERPT_CHARS + 1);
    }
}

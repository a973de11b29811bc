//! Why a text is no screen.

use std::fmt;
use std::ops::Range;

use crate::indicator::text::Fault;

/// The reason why a text is no screen, and the place.
///
/// [`Display`](fmt::Display) writes the text with a caret under the place:
///
/// ```
/// use market_backbone_strategy::screen::Screen;
///
/// let error = Screen::parse("rsu(14) < 30").unwrap_err();
/// assert_eq!(error.to_string(), "nothing is called `rsu`; did you mean `rsi`?\n  rsu(14) < 30\n  ^^^");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenError {
    text: String,
    at: Range<usize>,
    message: String,
}

impl ScreenError {
    pub(super) fn new(text: &str, fault: Fault) -> Self {
        Self { text: text.to_owned(), at: fault.at, message: fault.message }
    }

    /// Returns what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the place in the text, in bytes.
    #[must_use]
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }
}

impl fmt::Display for ScreenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line: String = self.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let before = self.text.get(..self.at.start).unwrap_or(&self.text).chars().count();
        let under = self.text.get(self.at.clone()).map_or(1, |text| text.chars().count()).max(1);
        write!(f, "{}\n  {line}\n  {}{}", self.message, " ".repeat(before), "^".repeat(under))
    }
}

impl std::error::Error for ScreenError {}

//! How text looks where a person reads it: colours and thousands separators on a terminal, neither in a pipe or a file.

use std::io::IsTerminal;
use std::sync::LazyLock;

use comfy_table::{Cell, Color};

/// What text for people may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextStyle {
    /// Escape sequences that colour text.
    pub(crate) colours: bool,
    /// Commas between thousands.
    pub(crate) separators: bool,
}

/// The colour of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tint {
    /// Green, for what rises or is bought.
    Up,
    /// Red, for what falls or is sold.
    Down,
    /// Yellow, for what is missing or uncertain.
    Warning,
    /// Grey, for what matters less.
    Faint,
}

impl TextStyle {
    /// For files and pipes.
    pub(crate) const PLAIN: Self = Self { colours: false, separators: false };

    /// What suits stdout. `NO_COLOR` (<https://no-color.org>) and a terminal that knows no colours are obeyed.
    pub(crate) fn of_stdout() -> Self {
        static STYLE: LazyLock<TextStyle> =
            LazyLock::new(|| TextStyle::of(std::io::stdout().is_terminal(), colours_allowed()));
        *STYLE
    }

    const fn of(is_terminal: bool, colours_allowed: bool) -> Self {
        Self { colours: is_terminal && colours_allowed, separators: is_terminal }
    }

    /// A plain decimal number, like `-1234567.5`, with commas where they are used.
    pub(crate) fn number(self, plain: &str) -> String {
        if self.separators { grouped(plain) } else { plain.to_owned() }
    }

    /// `text` in a colour, where colours are used.
    pub(crate) fn paint(self, tint: Tint, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let code = match tint {
            Tint::Up => 32,
            Tint::Down => 31,
            Tint::Warning => 33,
            Tint::Faint => 2,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The cell of a table, in a colour where colours are used.
    pub(crate) fn cell(self, tint: Option<Tint>, text: String) -> Cell {
        let colour = match tint.filter(|_| self.colours) {
            None => return Cell::new(text),
            Some(Tint::Up) => Color::DarkGreen,
            Some(Tint::Down) => Color::DarkRed,
            Some(Tint::Warning) => Color::DarkYellow,
            Some(Tint::Faint) => Color::DarkGrey,
        };
        Cell::new(text).fg(colour)
    }
}

/// Whether log lines on stderr are coloured.
pub(crate) fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && colours_allowed()
}

fn colours_allowed() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
    let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return plain.to_owned(); // an exponent, or no number at all
    }
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_in_the_whole_part_alone() {
        for (plain, shown) in [
            ("98718000", "98,718,000"),
            ("-1234.56789", "-1,234.56789"),
            ("999", "999"),
            ("1000.0", "1,000.0"),
            ("0.00012345", "0.00012345"),
            ("1e21", "1e21"),
            ("", ""),
        ] {
            assert_eq!(TextStyle::of(true, false).number(plain), shown);
            assert_eq!(TextStyle::PLAIN.number(plain), plain);
        }
    }

    #[test]
    fn a_pipe_gets_neither_and_no_color_takes_the_colours_alone() {
        assert_eq!(TextStyle::of(false, true), TextStyle::PLAIN);
        let without = TextStyle::of(true, false);
        assert_eq!((without.paint(Tint::Up, "buy"), without.separators), ("buy".to_owned(), true));
        assert_eq!(TextStyle::of(true, true).paint(Tint::Down, "sell"), "\u{1b}[31msell\u{1b}[0m");
    }
}

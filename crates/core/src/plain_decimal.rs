//! A plain decimal format of prices and volumes, for other programs.

use std::{fmt, io::Write};

/// A price or a volume as text that reads back bit for bit: all digits, no exponent, and always a decimal
/// point.
///
/// Programs that guess the type of a column from its first rows take `100` for an integer, and then fail on a
/// `99.9` thirty thousand rows later, or truncate it.
///
/// ```
/// use market_backbone_core::PlainDecimal;
///
/// assert_eq!(PlainDecimal(116_233_000.0).to_string(), "116233000.0");
/// assert_eq!(PlainDecimal(0.000_000_07).to_string(), "0.00000007");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlainDecimal(pub f64);

impl PlainDecimal {
    /// Appends the text to `out`.
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self.fixed(&mut zmij::Buffer::new()) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => write!(out, "{self}").expect("a list of bytes takes any text"),
        }
    }

    /// Returns the text if the fast way of printing writes it without an exponent, as it does for the prices and
    /// volumes of nearly all markets.
    fn fixed(self, buffer: &mut zmij::Buffer) -> Option<&str> {
        let Self(value) = self;
        let text = value.is_finite().then(|| buffer.format_finite(value))?;
        (!text.as_bytes().contains(&b'e')).then_some(text)
    }
}

impl fmt::Display for PlainDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = self;
        if let Some(text) = self.fixed(&mut zmij::Buffer::new()) {
            return f.write_str(text);
        }
        let is_whole = value.is_finite() && value.fract() == 0.0;
        if is_whole { write!(f, "{value}.0") } else { write!(f, "{value}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_figure_has_a_point_no_exponent_and_its_last_bit(bits in any::<u64>(), whole in any::<i64>()) {
            for value in [f64::from_bits(bits), whole as f64, whole as f64 / 1e8] {
                prop_assume!(value.is_finite());
                let text = PlainDecimal(value).to_string();
                prop_assert!(text.contains('.') && !text.contains(['e', 'E']), "{text}");
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                let point = if value.fract() == 0.0 { ".0" } else { "" };
                prop_assert_eq!(&text, &format!("{value}{point}"), "as the standard library spells it");
                let mut bytes = Vec::new();
                PlainDecimal(value).append_to(&mut bytes);
                prop_assert_eq!(bytes, text.into_bytes());
            }
        }
    }

    #[test]
    fn nothing_that_is_no_number_is_made_to_look_like_one() {
        assert_eq!(PlainDecimal(f64::NAN).to_string(), "NaN");
        assert_eq!(PlainDecimal(f64::NEG_INFINITY).to_string(), "-inf");
        assert_eq!(PlainDecimal(-0.0).to_string(), "-0.0");
    }
}

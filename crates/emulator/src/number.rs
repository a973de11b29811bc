//! Exact decimals and the many ways in which a venue spells them.
//!
//! Everything on the tape is an integer of 1e-8, so sums are exact in any order.

use std::fmt::Write as _;

/// A decimal number: `units` × 10^-`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireNumber {
    units: i128,
    scale: u32,
}

/// One spelling of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberStyle {
    /// The shortest decimal form: `116233000`, `0.0007772`.
    Plain,
    /// The decimal form with a point: `116233000.0`, `0.0007772`.
    Point,
    /// The decimal form with eight places: `116233000.00000000`, `0.00077720`.
    Fixed8,
    /// The form of a double in Java: `1.16233E8`, `7.772E-4`.
    Java,
}

/// The spelling of numbers by the emulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFormat {
    /// The spelling measured on each channel: they differ.
    #[default]
    Measured,
    /// The form `116233000` on all channels.
    Plain,
    /// The form `116233000.0` on all channels.
    Point,
    /// The form `116233000.00000000` on all channels.
    Fixed8,
    /// The form `1.16233E8` on all channels.
    Scientific,
}

impl NumberFormat {
    /// Returns the style for a channel on which `measured` was seen.
    pub(crate) const fn style(self, measured: NumberStyle) -> NumberStyle {
        match self {
            Self::Measured => measured,
            Self::Plain => NumberStyle::Plain,
            Self::Point => NumberStyle::Point,
            Self::Fixed8 => NumberStyle::Fixed8,
            Self::Scientific => NumberStyle::Java,
        }
    }
}

impl WireNumber {
    /// Creates a price or a size from units of 1e-8.
    pub(crate) const fn e8(units: i128) -> Self {
        Self { units, scale: 8 }
    }

    /// Creates a divided price or size from units of 1e-12.
    pub(crate) const fn e12(units: i128) -> Self {
        Self { units, scale: 12 }
    }

    /// Creates a product of a price and a size from units of 1e-16.
    pub(crate) const fn e16(units: i128) -> Self {
        Self { units, scale: 16 }
    }

    /// Creates a quotient, rounded to ten decimals.
    pub(crate) const fn ratio(numerator: i64, denominator: i64) -> Self {
        let scaled = numerator as i128 * 10_000_000_000;
        let half = denominator as i128 / 2;
        let units = if scaled < 0 {
            (scaled - half) / denominator as i128
        } else {
            (scaled + half) / denominator as i128
        };
        Self { units, scale: 10 }
    }

    /// Appends the number to `out`.
    pub(crate) fn write(self, style: NumberStyle, out: &mut String) {
        let Self { mut units, mut scale } = self;
        while scale > 0 && units % 10 == 0 && !(style == NumberStyle::Fixed8 && scale <= 8) {
            units /= 10;
            scale -= 1;
        }
        if units < 0 {
            out.push('-');
        }
        let digits = units.unsigned_abs().to_string();
        match style {
            NumberStyle::Java if units != 0 && !Self { units, scale }.is_mid_sized() => {
                write_java(&digits, scale, out)
            }
            NumberStyle::Plain => write_decimal(&digits, scale, false, out),
            NumberStyle::Point | NumberStyle::Java | NumberStyle::Fixed8 => {
                write_decimal(&digits, scale, true, out)
            }
        }
    }

    /// Returns whether Java would spell it without an exponent: 1e-3 ≤ |x| < 1e7.
    const fn is_mid_sized(self) -> bool {
        let magnitude = self.units.unsigned_abs();
        let one = 10_u128.pow(self.scale);
        magnitude * 1_000 >= one && magnitude < one * 10_000_000
    }
}

fn write_decimal(digits: &str, scale: u32, point: bool, out: &mut String) {
    let scale = scale as usize;
    if scale == 0 {
        out.push_str(digits);
        if point {
            out.push_str(".0");
        }
        return;
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    out.push_str(whole);
    out.push('.');
    out.push_str(fraction);
}

fn write_java(digits: &str, scale: u32, out: &mut String) {
    let exponent = digits.len() as i64 - 1 - i64::from(scale);
    let (lead, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let rest = if rest.is_empty() { "0" } else { rest };
    let _ = write!(out, "{lead}.{rest}E{exponent}");
}

/// Parses a decimal, with or without an exponent, as units of 1e-8; `None` where it is finer than that.
pub(crate) fn parse_e8(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.checked_add(8)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    let units = if shift >= 0 { digits.checked_mul(power)? } else { digits / power };
    (shift >= 0 || units * power == digits).then(|| i64::try_from(units).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: WireNumber, want: [&str; 4]) {
        let got =
            [NumberStyle::Plain, NumberStyle::Point, NumberStyle::Fixed8, NumberStyle::Java].map(|style| {
                let mut out = String::new();
                number.write(style, &mut out);
                out
            });
        assert_eq!(got, want);
    }

    #[test]
    fn spellings_are_the_measured_ones() {
        check(
            WireNumber::e8(11_653_900_000_000_000),
            ["116539000", "116539000.0", "116539000.00000000", "1.16539E8"],
        );
        check(WireNumber::e8(77_720), ["0.0007772", "0.0007772", "0.00077720", "7.772E-4"]);
        check(WireNumber::e8(50_000), ["0.0005", "0.0005", "0.00050000", "5.0E-4"]);
        check(WireNumber::e8(0), ["0", "0.0", "0.00000000", "0.0"]);
        check(WireNumber::e8(-12_700_000_000), ["-127", "-127.0", "-127.00000000", "-127.0"]);
        check(WireNumber::e16(1_234_567_890_123_456_789), ["123.4567890123456789"; 4]);
        check(WireNumber::ratio(-1, 3), ["-0.3333333333", "-0.3333333333", "-0.3333333333", "-0.3333333333"]);
    }

    proptest::proptest! {
        #[test]
        fn every_spelling_reads_back_to_the_same_number(units in 0..i64::MAX) {
            for style in [NumberStyle::Plain, NumberStyle::Point, NumberStyle::Fixed8, NumberStyle::Java] {
                let mut out = String::new();
                WireNumber::e8(units.into()).write(style, &mut out);
                proptest::prop_assert_eq!(parse_e8(&out), Some(units), "{}", out);
            }
        }
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        assert_eq!(parse_e8("17556.74238256"), Some(1_755_674_238_256));
        assert_eq!(parse_e8("61.0"), Some(6_100_000_000));
        assert_eq!(parse_e8("0.00000001000"), Some(1));
        assert_eq!(parse_e8("4.4E-7"), Some(44));
        assert_eq!(parse_e8("1.16539E8"), Some(11_653_900_000_000_000));
        for text in
            ["", ".", "-1", "1e", "1e5.0", "4.4E-9", "1e99", "0.000000001", "1,0", "99999999999999999999"]
        {
            assert_eq!(parse_e8(text), None, "{text}");
        }
    }
}

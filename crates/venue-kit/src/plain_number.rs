//! Reads numbers whose place in a message is known, all digits at once and exactly rounded.
//!
//! It reads what venues nearly always write: up to 19 digits, with a point before the last 15 at most. Anything else (a sign, an
//! exponent, more digits) is left to the caller's slower reader.

const LOW_BITS: u128 = 0x0101_0101_0101_0101_0101_0101_0101_0101;
const HIGH_BITS: u128 = LOW_BITS << 7;
/// The number of characters that are read at once.
const WINDOW: usize = 16;
const HALF: usize = WINDOW / 2;
/// At least the digits that are read after a point; all its bits are set, so that no bounds have to be checked.
const MAX_PLACES: usize = 15;
/// The most characters of a number; as many digits fit in a word.
const MAX_CHARACTERS: usize = 19;
/// The integers up to here are exact as floats.
const MAX_EXACT: u64 = 1 << 53;

const POWERS_OF_TEN: [u64; 20] = {
    let (mut tens, mut at) = ([1; 20], 1);
    while at < tens.len() {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

const FLOAT_POWERS_OF_TEN: [f64; 20] = {
    let (mut floats, mut at) = ([1.0; 20], 0);
    while at < floats.len() {
        floats[at] = POWERS_OF_TEN[at] as f64;
        at += 1;
    }
    floats
};

/// Reads the number from `start` to `end` of `text`; `None` if it is not plain.
#[inline(always)]
#[must_use]
pub fn plain_number(text: &[u8], start: usize, end: usize) -> Option<f64> {
    match short_digits(text, start, end) {
        // Both are exact as floats, so their quotient is rounded once, as it should be.
        Some((value, places)) => Some(value.cast_signed() as f64 / FLOAT_POWERS_OF_TEN[places & MAX_PLACES]),
        None => long_number(text, start, end),
    }
}

/// Reads a number that has more digits than [`short_digits`] reads.
#[inline(never)]
fn long_number(text: &[u8], start: usize, end: usize) -> Option<f64> {
    let (value, places) = long_digits(text, start, end)?;
    Some(if value <= MAX_EXACT {
        value as f64 / FLOAT_POWERS_OF_TEN[places]
    } else {
        divide(value, POWERS_OF_TEN[places])
    })
}

/// Reads the integer from `start` to `end` of `text`; `None` if it is not plain.
#[inline(always)]
#[must_use]
pub fn plain_integer(text: &[u8], start: usize, end: usize) -> Option<i64> {
    let len = end.checked_sub(start)?;
    if (HALF + 1..=WINDOW).contains(&len) && end >= WINDOW {
        let value = window_digits(text, len, end)?;
        // A first digit of 0 is not plain.
        return if value >= POWERS_OF_TEN[len - 1] { Some(value.cast_signed()) } else { None };
    }
    other_integer(text, start, end)
}

/// Reads an integer that is shorter or longer than the window.
#[inline(never)]
fn other_integer(text: &[u8], start: usize, end: usize) -> Option<i64> {
    let lead_end = end.saturating_sub(WINDOW).max(start);
    let lead = text.get(start..lead_end)?;
    if (1..=2).contains(&lead.len()) && lead[0] != b'0' && lead.iter().all(u8::is_ascii_digit) {
        let lead = lead.iter().fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
        return i64::try_from(lead * POWERS_OF_TEN[WINDOW] + window_digits(text, WINDOW, end)?).ok();
    }
    let (value, places) = short_digits(text, start, end).or_else(|| long_digits(text, start, end))?;
    if places == 0 { i64::try_from(value).ok() } else { None }
}

/// Reads the last `len` digits before `end` as a number: more than half of the window, and no more than all of it.
#[inline(always)]
fn window_digits(text: &[u8], len: usize, end: usize) -> Option<u64> {
    let (low, high) = (load(text, end.checked_sub(WINDOW)?)?, load(text, end - HALF)?);
    // What stands before the number becomes zeros.
    let low = low & u64::MAX << ((8 * (WINDOW - len)) & 63);
    let is_digits = marked_others(low) | marked_others(high) == 0;
    if is_digits { Some(eight_digits(low) * POWERS_OF_TEN[HALF] + eight_digits(high)) } else { None }
}

/// Returns the eight bytes from `at` on, the first one lowest; digits are 0 to 9 in it.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<HALF>()?) ^ (LOW_BITS as u64 * 0x30))
}

/// Returns the highest bit of each byte that is no digit. Above the lowest of them, other bits may be wrong.
#[inline(always)]
const fn marked_others(word: u64) -> u64 {
    (word.wrapping_add(LOW_BITS as u64 * 0x76) | word) & HIGH_BITS as u64
}

/// Returns all digits as a number, and how many of them follow the point, for what most numbers are: up to eight digits
/// before the point and seven after it, or seven and eight, so that the number is exact as a float.
#[inline(always)]
fn short_digits(bytes: &[u8], start: usize, end: usize) -> Option<(u64, usize)> {
    let (head, tail) = (load(bytes, start)?, load(bytes, end.checked_sub(HALF)?)?);
    let whole = marked_others(head).trailing_zeros() as usize / 8;
    // With the point, but without it for an integer.
    let rest = end.wrapping_sub(start).wrapping_sub(whole);
    if whole == 0 || rest > HALF + 1 || whole + rest > WINDOW || (whole > 1 && head & 0xff == 0) {
        return None;
    }
    let value = eight_digits(head << (64 - 8 * whole));
    if rest == 0 {
        return Some((value, 0));
    }
    let places = rest - 1;
    if places == 0 || *bytes.get(start + whole)? != b'.' {
        return None;
    }
    let part = tail & u64::MAX << (64 - 8 * places);
    if marked_others(part) != 0 {
        return None;
    }
    Some((value * POWERS_OF_TEN[places & MAX_PLACES] + eight_digits(part), places))
}

/// Returns the same for any plain number.
#[inline(never)]
fn long_digits(bytes: &[u8], start: usize, end: usize) -> Option<(u64, usize)> {
    let len = end.checked_sub(start)?;
    let window = u128::from_le_bytes(*bytes.get(..end)?.last_chunk::<WINDOW>()?) ^ (LOW_BITS * 0x30);
    if len == 0 || len > MAX_CHARACTERS {
        return None;
    }
    // Digits are now 0 to 9. What stands before the number becomes zeros.
    let inside = if len < WINDOW { window & u128::MAX << (8 * (WINDOW - len)) } else { window };
    let points = zero_bytes(inside ^ (LOW_BITS * u128::from(b'.' ^ b'0')));
    let (digits, places, whole) = if points == 0 {
        (inside, 0, len)
    } else {
        let at = points.trailing_zeros() as usize / 8;
        let (before, after) = (inside & !(u128::MAX << (8 * at)), inside & (u128::MAX << (8 * at) << 8));
        let places = WINDOW - 1 - at;
        if places == 0 {
            return None;
        }
        (after | before << 8, places, len - 1 - places)
    };
    let first = *bytes.get(start)?;
    let is_digits = (digits.wrapping_add(LOW_BITS * 0x76) | digits) & HIGH_BITS == 0;
    if !is_digits || !first.is_ascii_digit() || (first == b'0' && whole > 1) {
        return None;
    }
    let value = eight_digits(digits as u64) * 100_000_000 + eight_digits((digits >> 64) as u64);
    let beyond = len.saturating_sub(WINDOW);
    if beyond == 0 {
        return Some((value, places));
    }
    let lead = bytes.get(start..start + beyond)?.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })?;
    let in_window = if places == 0 { WINDOW } else { WINDOW - 1 };
    Some((lead * POWERS_OF_TEN[in_window] + value, places))
}

/// Returns the highest bit of each byte that is zero. Above the lowest of them, other bits may be set too.
const fn zero_bytes(word: u128) -> u128 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

/// Returns eight digits (0 to 9 in a byte each, the first one lowest) as a number.
const fn eight_digits(word: u64) -> u64 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let (low, high) = (pairs & 0x0000_00ff_0000_00ff, pairs >> 16 & 0x0000_00ff_0000_00ff);
    low.wrapping_mul(0x000f_4240_0000_0064).wrapping_add(high.wrapping_mul(0x0000_2710_0000_0001)) >> 32
}

/// Divides by a power of ten, and rounds the quotient once, to the nearest float.
fn divide(value: u64, power: u64) -> f64 {
    let bits = |number: u64| 64 - number.leading_zeros();
    // The quotient has 63 or 64 bits, of which the float keeps 53.
    let shift = bits(power) + 63 - bits(value);
    let (dividend, power) = (u128::from(value) << shift, u128::from(power));
    let quotient = (dividend / power) as u64;
    // The last bit says whether anything was left: it decides where the quotient alone would be half-way.
    let quotient = quotient | u64::from(!dividend.is_multiple_of(power));
    // A power of two, so the product is exact.
    quotient as f64 * f64::from_bits(u64::from(1_023 - shift) << 52)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: &str = r#"{"ty":"trade","7.7":"#;

    fn number(text: &str) -> Option<f64> {
        plain_number(format!("{BEFORE}{text},").as_bytes(), BEFORE.len(), BEFORE.len() + text.len())
    }

    fn integer(text: &str) -> Option<i64> {
        plain_integer(format!("{BEFORE}{text},").as_bytes(), BEFORE.len(), BEFORE.len() + text.len())
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        let unusual = [
            "",
            "-",
            "-1",
            "01",
            "00.5",
            "1.",
            ".5",
            ".",
            "1.2.3",
            "+1",
            "1x",
            "1e5",
            "1:",
            "1/",
            "null",
            "1 ",
            " 1",
            "1.2345678901234567890",
            "01234567890123456",
            "1.2.3456789012345678",
            "x2345678901234567",
            "é",
        ];
        for text in unusual {
            assert_eq!((number(text), integer(text)), (None, None), "{text}");
        }
        assert_eq!((integer("1.5"), integer("9999999999999999999")), (None, None));
        assert_eq!((number("0"), number("0.0"), integer("0")), (Some(0.0), Some(0.0), Some(0)));
        assert_eq!(
            (plain_number(b"1", 0, 1), plain_number(b"12", 2, 1), plain_number(b"1", 0, 9)),
            (None, None, None)
        );
    }

    proptest! {
        #[test]
        fn every_plain_number_is_read_to_its_last_bit(whole in "0|[1-9][0-9]{0,18}", part in "([.][0-9]{1,15})?") {
            let text = format!("{whole}{part}");
            match number(&text) {
                Some(read) => prop_assert_eq!(read.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{}", text),
                None => prop_assert!(text.len() > MAX_CHARACTERS, "{}", text),
            }
        }

        #[test]
        fn every_quotient_is_rounded_once(value in 1_u64.., places in 0_usize..20) {
            let want: f64 = format!("{value}e-{places}").parse().unwrap();
            prop_assert_eq!(divide(value, POWERS_OF_TEN[places]).to_bits(), want.to_bits());
        }

        #[test]
        fn every_plain_integer_is_read_as_it_is(value in 0..i64::MAX, places in 0_u32..19) {
            let value = value / 10_i64.pow(places);
            prop_assert_eq!(integer(&value.to_string()), Some(value));
        }

        #[test]
        fn no_text_is_read_otherwise_than_by_json(text in "[0-9.e+:/-]{0,20}") {
            if let Some(read) = number(&text) {
                prop_assert_eq!(Some(read), serde_json::from_str(&text).ok(), "{}", text);
            }
        }
    }
}

//! A tokenizer for the small part of JSON that Upbit's messages use, eight bytes at a time and without copying.
//!
//! Field names are expected, not read: when the processor predicts correctly that `,"tms":` follows, it skips
//! the bytes before it has compared them. Reading the name and then choosing takes longer than everything else
//! together. Every function returns `None` as soon as anything is unusual: blanks, escapes, nesting where none
//! is expected. The position after a `None` does not matter, because nobody reads on.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The powers of ten that a float holds exactly.
const FLOAT_POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// A message that is being read, with the current position.
pub(super) struct FrameTokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> FrameTokens<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the next eight bytes, the first one lowest; zeros after the end.
    #[inline(always)]
    fn load_word(&self) -> u64 {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let chunk = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut chunk = [0; 8];
            chunk[..rest.len()].copy_from_slice(rest);
            chunk
        });
        u64::from_le_bytes(chunk)
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips `byte` if it is the next one.
    #[inline(always)]
    pub(super) fn expect_byte(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Returns whether nothing follows.
    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Moves to the next of two ASCII characters, and returns which one it is.
    #[inline]
    fn seek(&mut self, one: u8, other: u8) -> Option<u8> {
        while self.at < self.text.len() {
            let word = self.load_word();
            let hits = zero_bytes(word ^ (LOW_BITS * u64::from(one)))
                | zero_bytes(word ^ (LOW_BITS * u64::from(other)));
            if hits != 0 {
                self.at += first_marked_byte(hits);
                return self.peek();
            }
            self.at += 8;
        }
        None
    }

    /// Skips `text` if it comes next.
    #[inline(always)]
    pub(super) fn consume(&mut self, text: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let here = rest.starts_with(text.as_bytes());
        if here {
            self.at += text.len();
        }
        here
    }

    /// Skips those of `names` (written as for [`skip_to_field`](Self::skip_to_field)) that come next, and their
    /// values. Listing them makes skipping cheap, nothing else.
    #[inline(always)]
    pub(super) fn skip_fields<const N: usize>(&mut self, names: [&str; N]) -> Option<()> {
        for name in names {
            if self.consume(name) {
                self.skip_value()?;
            }
        }
        Some(())
    }

    /// Moves to the value of `name` (with the comma before it and the colon after it), over fields that nobody
    /// reads.
    #[inline(always)]
    pub(super) fn skip_to_field(&mut self, name: &str) -> Option<()> {
        while !self.consume(name) {
            self.expect_byte(b',')?;
            self.skip_field()?;
        }
        Some(())
    }

    /// Skips a field that nobody reads.
    #[inline(never)]
    pub(super) fn skip_field(&mut self) -> Option<()> {
        self.text()?;
        self.expect_byte(b':')?;
        self.skip_value()
    }

    /// Skips the remaining fields and the end of the object.
    #[inline(always)]
    pub(super) fn finish_object(&mut self) -> Option<()> {
        while self.expect_byte(b',').is_some() {
            self.skip_field()?;
        }
        self.expect_byte(b'}')
    }

    /// Reads a text without escapes.
    #[inline]
    pub(super) fn text(&mut self) -> Option<&'a str> {
        self.expect_byte(b'"')?;
        let start = self.at;
        if self.seek(b'"', b'\\')? != b'"' {
            return None;
        }
        self.at += 1;
        self.text.get(start..self.at - 1)
    }

    /// Skips a plain value that nobody reads.
    #[inline]
    pub(super) fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'0'..=b'9' | b'-' => self.seek(b',', b'}').map(drop),
            _ => {
                let start = self.at;
                self.seek(b',', b'}')?;
                matches!(self.text.get(start..self.at)?, "null" | "true" | "false").then_some(())
            }
        }
    }

    /// Reads digits as a number, and returns it with their count. With more than 19 digits the number is wrong.
    #[inline]
    fn digits(&mut self) -> (u64, usize) {
        let (mut value, mut count) = (0_u64, 0);
        loop {
            let word = self.load_word() ^ (LOW_BITS * 0x30);
            // Digits are now 0 to 9. Adding 0x76 sets the highest bit of every other byte that does not have it
            // already.
            let others = (word.wrapping_add(LOW_BITS * 0x76) | word) & HIGH_BITS;
            if others == 0 {
                value = value.wrapping_mul(100_000_000).wrapping_add(parse_eight_digits(word));
                (self.at, count) = (self.at + 8, count + 8);
                continue;
            }
            let len = first_marked_byte(others);
            if len > 0 {
                value = value
                    .wrapping_mul(POWERS_OF_TEN[len])
                    .wrapping_add(parse_eight_digits(word << (64 - 8 * len)));
                (self.at, count) = (self.at + len, count + len);
            }
            return (value, count);
        }
    }

    /// Checks that a value ends here.
    #[inline(always)]
    fn at_value_end(&self) -> Option<()> {
        matches!(self.peek()?, b',' | b'}').then_some(())
    }

    #[inline]
    pub(super) fn integer(&mut self) -> Option<i64> {
        let start = self.at;
        let negative = self.expect_byte(b'-').is_some();
        let (value, count) = self.digits();
        self.at_value_end()?;
        if count > 18 {
            return self.text.get(start..self.at)?.parse().ok();
        }
        let value = value.cast_signed();
        (count > 0).then_some(if negative { -value } else { value })
    }

    /// Reads a finite number, exactly rounded.
    #[inline]
    pub(super) fn number(&mut self) -> Option<f64> {
        let start = self.at;
        let negative = self.expect_byte(b'-').is_some();
        let leads_with_zero = self.peek() == Some(b'0');
        let (mut value, mut count) = self.digits();
        if count == 0 || (leads_with_zero && count > 1) {
            return None;
        }
        let mut places = 0;
        if self.expect_byte(b'.').is_some() {
            let (part, len) = self.digits();
            places = len;
            count += len;
            if len == 0 {
                return None;
            }
            // Too many digits make this value meaningless, and it is not used then.
            value = value.wrapping_mul(POWERS_OF_TEN.get(len).copied().unwrap_or(0)).wrapping_add(part);
        }
        // Both are exact as floats, so their quotient is rounded once, as it should be.
        if count <= 19 && value < 1 << 53 && self.at_value_end().is_some() {
            let number = value as f64 / FLOAT_POWERS_OF_TEN[places];
            return Some(if negative { -number } else { number });
        }
        self.seek(b',', b'}')?;
        parse_number_slowly(self.text.get(start..self.at)?)
    }

    /// Reads a number or `null`.
    #[inline]
    pub(super) fn number_or_null(&mut self) -> Option<Option<f64>> {
        if self.peek()? != b'n' {
            return self.number().map(Some);
        }
        self.skip_value()?;
        Some(None)
    }
}

const POWERS_OF_TEN: [u64; 20] = {
    let (mut tens, mut at) = ([1; 20], 1);
    while at < tens.len() {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};

/// Reads a number by `str::parse`, which also accepts `inf` and `nan`; no message may hold those.
#[cold]
fn parse_number_slowly(token: &str) -> Option<f64> {
    token.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Returns the highest bit of each byte that is zero. Above the lowest of them, other bits may be set too.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

/// Returns the index of the byte that holds the lowest bit.
const fn first_marked_byte(bits: u64) -> usize {
    bits.trailing_zeros() as usize / 8
}

/// Returns eight digits (0 to 9 in a byte each, the first one lowest) as a number.
const fn parse_eight_digits(word: u64) -> u64 {
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    let (low, high) = (pairs & 0x0000_00ff_0000_00ff, pairs >> 16 & 0x0000_00ff_0000_00ff);
    low.wrapping_mul(0x000f_4240_0000_0064).wrapping_add(high.wrapping_mul(0x0000_2710_0000_0001)) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Option<f64> {
        FrameTokens::new(&format!("{text},")).number()
    }

    #[test]
    fn no_number_is_read_that_json_has_not() {
        for text in ["", "-", "01", "-01", "1.", ".5", "+1", "1x", "1.5x", "inf", "nan", "1e999", "1e", "--1"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        for (text, want) in
            [("0", 0.0), ("-0.5", -0.5), ("1E5", 1e5), ("1e-05", 1e-5), ("12345678", 12_345_678.0)]
        {
            assert_eq!(number(text), Some(want), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_read_to_its_last_bit(whole in "0|[1-9][0-9]{0,22}", part in "([.][0-9]{1,22})?", sign in "-?") {
            let text = format!("{sign}{whole}{part}");
            let want: f64 = text.parse().unwrap();
            prop_assert_eq!(number(&text).map(f64::to_bits), Some(want.to_bits()));
        }

        #[test]
        fn every_integer_is_read_as_it_is(integer in any::<i64>(), places in 0_u32..19) {
            let integer = integer / 10_i64.pow(places);
            prop_assert_eq!(FrameTokens::new(&format!("{integer}}}")).integer(), Some(integer));
        }
    }
}

//! The venue's own names of trades.
//!
//! A name is copied with each trade, so it costs no allocation: a number is a word, and a text of digits and colons is
//! packed into 31 bytes. Other texts, and longer ones, are kept on the heap.

use std::cmp::Ordering;
use std::fmt;

/// The most characters of a packed text.
const MAX_PACKED: usize = 2 * PACKED_BYTES;
const PACKED_BYTES: usize = 31;

/// The venue's own name of a trade; it never passes through a float.
///
/// Two trades may agree in time, price, size and side: only this tells them apart. Numbers sort before texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TradeId {
    /// A number, as Upbit's `sequential_id` (17 digits: more than a float can hold) or Binance's `t`.
    Number(i64),
    /// A text that names the trade.
    Text(TradeIdText),
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// A text that names a trade; it is compared, sorted and shown as that text.
///
/// Up to 62 digits and colons are kept inline, so that to make, copy or drop such a name allocates nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TradeIdText(IdStorage);

/// Invariant: what can be packed is packed, so that equal texts have equal storage.
#[derive(Clone, PartialEq, Eq, Hash)]
enum IdStorage {
    /// Two characters in a byte, the first in its upper half: `0` to `9` are 1 to 10, `:` is 11, and 0 is none. That is
    /// the order of the characters themselves, so bytes sort as the text does.
    Packed([u8; PACKED_BYTES]),
    Heap(Box<str>),
}

impl TradeIdText {
    /// Hands the text to `read`.
    pub fn with_str<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        match &self.0 {
            IdStorage::Heap(text) => read(text),
            IdStorage::Packed(packed) => {
                let mut buffer = [0; MAX_PACKED];
                let mut len = 0;
                for byte in unpacked(packed) {
                    buffer[len] = byte;
                    len += 1;
                }
                // Digits and colons are ASCII.
                read(std::str::from_utf8(&buffer[..len]).unwrap_or_default())
            }
        }
    }

    /// Returns the text as four words, for a memory of plain words; `None` if it is kept on the heap.
    #[must_use]
    pub fn as_words(&self) -> Option<[u64; 4]> {
        let IdStorage::Packed(packed) = &self.0 else { return None };
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(packed.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_be_bytes(whole);
        }
        Some(words)
    }

    /// Returns the text that [`as_words`](Self::as_words) made these of. Other words are some other text.
    #[must_use]
    pub fn from_words(words: [u64; 4]) -> Self {
        let mut packed = [0; PACKED_BYTES];
        for (bytes, word) in packed.chunks_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_be_bytes()[..bytes.len()]);
        }
        Self(IdStorage::Packed(packed))
    }

    /// Returns the bytes of the text, one after the other.
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        let (packed, heap) = match &self.0 {
            IdStorage::Packed(packed) => (Some(packed), None),
            IdStorage::Heap(text) => (None, Some(text.bytes())),
        };
        packed.into_iter().flat_map(unpacked).chain(heap.into_iter().flatten())
    }
}

fn unpacked(packed: &[u8; PACKED_BYTES]) -> impl Iterator<Item = u8> {
    packed
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .take_while(|code| *code > 0)
        .map(|code| b'0' + code - 1)
}

/// Packs eight characters at a time.
fn pack(text: &str) -> Option<[u8; PACKED_BYTES]> {
    const LOW_BITS: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = LOW_BITS << 7;
    if text.len() > MAX_PACKED {
        return None;
    }
    let mut whole = [0; PACKED_BYTES + 1];
    for (characters, packed) in text.as_bytes().chunks(8).zip(whole.chunks_exact_mut(4)) {
        let word = if let Some(word) = characters.first_chunk::<8>() {
            u64::from_le_bytes(*word)
        } else {
            let mut word = [b'0'; 8];
            word[..characters.len()].copy_from_slice(characters);
            u64::from_le_bytes(word)
        };
        // Digits are 0 to 9 now and `:`, which follows `9` in ASCII, is 10.
        let word = word ^ (LOW_BITS * 0x30);
        if (word.wrapping_add(LOW_BITS * 0x75) | word) & HIGH_BITS != 0 {
            return None;
        }
        // What is not there is 0; the first character is the lowest byte.
        let codes = (word + LOW_BITS) & u64::MAX >> (8 * (8 - characters.len()));
        // Each second byte holds a pair: move them together.
        let pairs = (codes << 4 | codes >> 8) & 0x00ff_00ff_00ff_00ff;
        let pairs = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        packed.copy_from_slice(&((pairs | pairs >> 16) as u32).to_le_bytes());
    }
    whole.first_chunk().copied()
}

impl From<&str> for TradeIdText {
    fn from(text: &str) -> Self {
        Self(pack(text).map_or_else(|| IdStorage::Heap(text.into()), IdStorage::Packed))
    }
}

impl From<String> for TradeIdText {
    fn from(text: String) -> Self {
        Self(pack(&text).map_or_else(|| IdStorage::Heap(text.into_boxed_str()), IdStorage::Packed))
    }
}

impl Ord for TradeIdText {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (IdStorage::Packed(one), IdStorage::Packed(other)) => one.cmp(other),
            (IdStorage::Heap(one), IdStorage::Heap(other)) => one.cmp(other),
            (IdStorage::Packed(_), IdStorage::Heap(_)) | (IdStorage::Heap(_), IdStorage::Packed(_)) => {
                self.bytes().cmp(other.bytes())
            }
        }
    }
}

impl PartialOrd for TradeIdText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for TradeIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_str(|text| f.pad(text))
    }
}

impl fmt::Debug for TradeIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_str(|text| fmt::Debug::fmt(text, f))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAPE: &str = "1536036818784:000003681328:12:202:52983525029461";

    fn is_inline(text: &str) -> bool {
        matches!(TradeIdText::from(text).0, IdStorage::Packed(_))
    }

    #[test]
    fn a_name_of_the_tape_is_kept_inline() {
        assert_eq!(size_of::<TradeId>(), 32);
        assert!(is_inline(TAPE) && is_inline("") && is_inline(&"9".repeat(MAX_PACKED)));
        for long in [&"9".repeat(MAX_PACKED + 1), "a1", "1:2;3", "1/2", "é"] {
            assert!(!is_inline(long), "{long}");
        }
        assert_eq!(format!("{:?}", TradeId::Text(TAPE.into())), format!("Text({TAPE:?})"));
        assert_eq!(format!("{:>4}", TradeId::Text("7".into())), "   7");
    }

    proptest! {
        #[test]
        fn a_name_compares_as_its_text_does(
            one in "[0-9:]{0,64}|[0-9:]{0,3}[!-~]?[0-9:]{0,3}",
            other in "[0-9:]{0,64}|[0-9:]{0,3}[!-~]?[0-9:]{0,3}",
        ) {
            let (a, b) = (TradeIdText::from(one.as_str()), TradeIdText::from(other.clone()));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            prop_assert_eq!(a == b, one == other);
            prop_assert_eq!(is_inline(&one), one.len() <= MAX_PACKED && one.bytes().all(|byte| (b'0'..=b':').contains(&byte)));
            prop_assert_eq!(a.to_string(), one.clone());
            prop_assert!(a.as_words().is_none_or(|words| TradeIdText::from_words(words) == a));
            prop_assert_eq!(a.bytes().collect::<Vec<_>>(), one.into_bytes());
        }
    }
}

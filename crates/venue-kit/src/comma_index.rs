//! An index of the commas of a message, found sixteen bytes at a time.
//!
//! A reader that finds the end of each value before it knows where the next one begins waits for the processor at every
//! value. With the index, the places of all values are known at once and the values are read side by side.

use wide::u8x16;

/// The number of bytes that are looked at together.
const BLOCK: usize = 64;

/// The number of positions that are written together, which is about what a block has.
const GROUP: usize = 4;

/// The positions of the commas of a message, in order, and after them that of its last byte.
///
/// Commas within texts and lists count too: a caller that expects names after commas notices those.
#[derive(Clone, Debug, Default)]
pub struct CommaIndex {
    /// Longer than what is in use, so that a group can be written whole.
    positions: Vec<u32>,
}

impl CommaIndex {
    /// Returns the positions for `text`, in the memory of the index; nothing is allocated once it has found its size.
    ///
    /// A message beyond 4 GiB has no positions.
    pub fn positions(&mut self, text: &str) -> &[u32] {
        let bytes = text.as_bytes();
        let Some(last) = bytes.len().checked_sub(1).and_then(|last| u32::try_from(last).ok()) else {
            return &[];
        };
        let most = bytes.len() + BLOCK;
        if self.positions.len() < most {
            self.positions.resize(most, 0);
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        let (mut count, mut base) = (0, 0);
        for block in blocks {
            count += self.write(count, base, commas(block));
            base += BLOCK as u32;
        }
        if !rest.is_empty() {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            count += self.write(count, base, commas(&block));
        }
        self.positions[count] = last;
        &self.positions[..=count]
    }

    /// Writes the positions of the commas of a block from number `count` on, and returns how many there are.
    ///
    /// A group is written whole though fewer may be left: how many they are is hard to foresee for a processor.
    #[inline(always)]
    fn write(&mut self, mut count: usize, base: u32, mut commas: u64) -> usize {
        let all = commas.count_ones() as usize;
        let end = count + all;
        while count < end {
            let Some(group) = self.positions.get_mut(count..).and_then(<[u32]>::first_chunk_mut::<GROUP>)
            else {
                break;
            };
            for position in group {
                *position = base + commas.trailing_zeros();
                commas &= commas.wrapping_sub(1);
            }
            count += GROUP;
        }
        all
    }
}

/// Returns a bit for each comma of a block, the first byte lowest.
#[inline(always)]
fn commas(block: &[u8; BLOCK]) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    let found = |part: &[u8; 16]| u8x16::new(*part).simd_eq(u8x16::splat(b',')).to_bitmask();
    parts.iter().enumerate().fold(0, |bits, (at, part)| bits | u64::from(found(part)) << (16 * at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_comma_is_found_and_nothing_else(text in "[,-a\"\u{e9}]{0,200}", again in "[,x]{0,70}") {
            let mut index = CommaIndex::default();
            for text in [text, again] {
                let places = text.bytes().enumerate().filter(|(_, byte)| *byte == b',').map(|(at, _)| at);
                let want: Vec<_> = places.chain(text.len().checked_sub(1)).map(|at| at as u32).collect();
                prop_assert_eq!(index.positions(&text), want);
            }
        }
    }
}

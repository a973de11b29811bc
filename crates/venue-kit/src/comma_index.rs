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
    /// The number of those in use.
    count: usize,
    is_ascii: bool,
}

impl CommaIndex {
    /// Returns the positions for `text`, in the memory of the index; nothing is allocated once it has found its size.
    ///
    /// A message beyond 4 GiB has no positions.
    #[inline]
    pub fn positions(&mut self, text: &[u8]) -> &[u32] {
        self.positions_from(text, 0)
    }

    /// Returns the positions in `text` for what begins at `start`, as [`positions`](Self::positions) does for all of it.
    pub fn positions_from(&mut self, text: &[u8], start: usize) -> &[u32] {
        let part = text.get(start..).unwrap_or_default();
        let Some(last) = text.len().checked_sub(1).and_then(|last| u32::try_from(last).ok()) else {
            (self.count, self.is_ascii) = (0, text.is_empty());
            return &[];
        };
        let most = part.len() + BLOCK;
        if self.positions.len() < most {
            self.positions.resize(most, 0);
        }
        let (blocks, rest) = part.as_chunks::<BLOCK>();
        let (mut count, mut base) = (0, start as u32);
        let mut all = u8x16::splat(0);
        for block in blocks {
            count += self.write(count, base, commas(block, &mut all));
            base += BLOCK as u32;
        }
        if !rest.is_empty() {
            // The last whole block, without what is before the rest: bytes that were just copied together would have to
            // be waited for.
            let found = if let Some(block) = text.last_chunk::<BLOCK>() {
                commas(block, &mut all) >> (BLOCK - rest.len())
            } else {
                let mut block = [0; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                commas(&block, &mut all)
            };
            count += self.write(count, base, found);
        }
        self.positions[count] = last;
        (self.count, self.is_ascii) = (count + 1, all.to_bitmask() == 0);
        self.found()
    }

    /// Returns the positions found last.
    #[must_use]
    pub fn found(&self) -> &[u32] {
        self.positions.get(..self.count).unwrap_or_default()
    }

    /// Returns whether all bytes that were looked at last were ASCII, so that they are UTF-8 wherever they are cut.
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.is_ascii
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

/// Returns a bit for each comma of a block, the first byte lowest, and adds the bits of all its bytes to `all`.
#[inline(always)]
fn commas(block: &[u8; BLOCK], all: &mut u8x16) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    parts.iter().enumerate().fold(0, |bits, (at, part)| {
        let part = u8x16::new(*part);
        *all |= part;
        bits | u64::from(part.simd_eq(u8x16::splat(b',')).to_bitmask()) << (16 * at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_comma_is_found_and_nothing_else(text in "[,-a\"]{0,200}\u{e9}?[,a]{0,70}", again in "[,x]{0,70}") {
            let mut index = CommaIndex::default();
            for text in [text, again] {
                let places = text.bytes().enumerate().filter(|(_, byte)| *byte == b',').map(|(at, _)| at);
                let want: Vec<_> = places.chain(text.len().checked_sub(1)).map(|at| at as u32).collect();
                prop_assert_eq!(index.positions(text.as_bytes()), &want);
                prop_assert_eq!(index.is_ascii(), text.is_ascii());
                let start = text.len() / 3;
                let want: Vec<_> = want.into_iter().filter(|at| *at as usize >= start).collect();
                prop_assert_eq!(index.positions_from(text.as_bytes(), start), want);
            }
        }
    }
}

//! Checks a part of a message whose bytes always have the same places, sixteen of them at a time.

use wide::u8x16;

/// The number of bytes that are looked at together.
const BLOCK: usize = 16;

/// Returns whether `bytes` are those of `layout`, in which a `0` stands for any digit.
///
/// `N` is at least 16. Bytes that have an ASCII layout are ASCII.
#[inline(always)]
#[must_use]
pub fn has_layout<const N: usize>(bytes: &[u8; N], layout: &[u8; N]) -> bool {
    const { assert!(N >= BLOCK, "a layout is at least as long as a block") };
    let mut others = u8x16::splat(0);
    let mut at = 0;
    while at < N {
        // The last block begins earlier, so that it is a whole one.
        let start = at.min(N - BLOCK);
        let (Some(part), Some(wanted)) = (block(bytes, start), block(layout, start)) else { return false };
        // The digits differ from `0` by 9 at the most, and no other bytes do.
        let most = wanted.simd_eq(u8x16::splat(b'0')) & u8x16::splat(9);
        others |= (part ^ wanted).max(most) ^ most;
        at += BLOCK;
    }
    others.simd_eq(u8x16::splat(0)).to_bitmask() == 0xffff
}

#[inline(always)]
fn block(bytes: &[u8], start: usize) -> Option<u8x16> {
    Some(u8x16::new(*bytes.get(start..)?.first_chunk::<BLOCK>()?))
}

/// Returns the position of the first `wanted` among sixteen bytes from `start` on; `None` if there is none, or if there
/// are fewer bytes.
#[inline(always)]
#[must_use]
pub fn find_near(bytes: &[u8], start: usize, wanted: u8) -> Option<usize> {
    let found = block(bytes, start)?.simd_eq(u8x16::splat(wanted)).to_bitmask();
    if found == 0 { None } else { Some(start + found.trailing_zeros() as usize) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUT: &[u8; 21] = b"\"at\":\"00:00:00\",x\"0\",";

    #[test]
    fn any_digits_have_the_layout() {
        assert!(has_layout(b"\"at\":\"19:58:07\",x\"3\",", LAYOUT));
        assert!(has_layout(LAYOUT, LAYOUT));
    }

    proptest! {
        #[test]
        fn any_other_byte_is_noticed_wherever_it_stands(at in 0_usize..21, byte: u8) {
            let mut bytes = *LAYOUT;
            bytes[at] = byte;
            let same = if LAYOUT[at] == b'0' { byte.is_ascii_digit() } else { byte == LAYOUT[at] };
            prop_assert_eq!(has_layout(&bytes, LAYOUT), same);
        }

        #[test]
        fn the_first_of_them_is_found(bytes in "[a\"]{0,40}", start in 0_usize..45) {
            let near = bytes.as_bytes().get(start..start + 16);
            let want = near.and_then(|near| near.iter().position(|byte| *byte == b'"')).map(|at| start + at);
            prop_assert_eq!(find_near(bytes.as_bytes(), start, b'"'), want);
        }
    }
}

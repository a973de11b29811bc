//! Random numbers without state: the same question always gives the same result.
//!
//! A stateful generator would make an answer depend on earlier requests. A hash of (seed, market, moment)
//! allows any window of the tape to be made alone, with the same result.

/// Hashes `n` with `key` (the splitmix64 finaliser).
#[inline]
pub(crate) const fn draw(key: u64, n: u64) -> u64 {
    let mut x = key.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Returns a key for each name under one seed.
pub(crate) fn key(seed: u64, name: &str) -> u64 {
    let fnv = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    draw(seed, fnv)
}

/// Maps a random number onto [0, 1).
#[inline]
pub(crate) fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stay_below_one_and_spread() {
        let draws: Vec<f64> = (0..1_000).map(|n| unit(draw(7, n))).collect();
        assert!(draws.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = draws.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }

    #[test]
    fn names_have_their_own_keys() {
        assert_ne!(key(1, "KRW-BTC"), key(1, "KRW-ETH"));
        assert_ne!(key(1, "KRW-BTC"), key(2, "KRW-BTC"));
    }
}

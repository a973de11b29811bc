//! Upbit's four exchanges: separate markets and books, and answers that differ in small things.

use crate::hash_random;
use crate::scenario::MarketSpec;

/// One of Upbit's exchanges. They share nothing but the protocol, and not all of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmulatedRegion {
    /// The exchange at `api.upbit.com`, with quotes in KRW, BTC, USDT.
    #[default]
    Korea,
    /// The exchange at `sg-api.upbit.com`, with quotes in SGD, BTC, USDT.
    Singapore,
    /// The exchange at `id-api.upbit.com`, with quotes in IDR, BTC, USDT.
    Indonesia,
    /// The exchange at `th-api.upbit.com`, with quotes in THB, BTC, USDT.
    Thailand,
}

/// The base currencies that are listed everywhere.
const MAJORS: [&str; 4] = ["BTC", "ETH", "XRP", "SOL"];

impl EmulatedRegion {
    /// Returns its national currency.
    #[must_use]
    pub const fn currency(self) -> &'static str {
        match self {
            Self::Korea => "KRW",
            Self::Singapore => "SGD",
            Self::Indonesia => "IDR",
            Self::Thailand => "THB",
        }
    }

    /// Returns whether answers are those of `api.upbit.com`: names in Korean, times of Seoul, levels of
    /// books.
    pub(crate) const fn is_korea(self) -> bool {
        matches!(self, Self::Korea)
    }

    /// Returns the seed of its trades: no region trades like another.
    pub(crate) fn seed(self, seed: u64) -> u64 {
        if self.is_korea() { seed } else { hash_random::key(seed, self.currency()) }
    }

    /// Returns the local version of a Korean market, if it is listed here: about half of them are.
    pub(crate) fn localize(self, spec: MarketSpec) -> Option<MarketSpec> {
        // The amount of KRW for one unit of the region's currency.
        let rate = match self {
            Self::Korea => return Some(spec),
            Self::Singapore => 1_080.0,
            Self::Indonesia => 0.0876,
            Self::Thailand => 42.5,
        };
        let (quote, base) = spec.code.split_once('-')?;
        let is_listed = MAJORS.contains(&base) || hash_random::key(rate as u64, base) & 1 == 0;
        if !is_listed {
            return None;
        }
        Some(match quote {
            "KRW" => {
                MarketSpec { code: format!("{}-{base}", self.currency()), price: spec.price / rate, ..spec }
            }
            _ => spec,
        })
    }
}

/// Returns whether a quote currency is a national one.
pub(crate) fn is_national(quote: &str) -> bool {
    matches!(quote, "KRW" | "SGD" | "IDR" | "THB")
}

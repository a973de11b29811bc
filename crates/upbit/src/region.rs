//! Upbit's regions: an exchange in each, with its own markets, books and prices.

use std::fmt;
use std::str::FromStr;

use market_backbone_core::VenueId;

use crate::naming::{REST_URL, UPBIT, WS_URL};

/// The REST and socket hosts of each region.
pub static UPBIT_HOSTS: [(&str, VenueId); 4] = [
    ("api.upbit.com", UpbitRegion::Korea.source()),
    ("sg-api.upbit.com", UpbitRegion::Singapore.source()),
    ("id-api.upbit.com", UpbitRegion::Indonesia.source()),
    ("th-api.upbit.com", UpbitRegion::Thailand.source()),
];

/// One of Upbit's regions. They are separate exchanges: `BTC-ETH` in one is not `BTC-ETH` in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UpbitRegion {
    /// Upbit Korea, priced in KRW.
    #[default]
    Korea,
    /// Upbit Singapore, priced in SGD.
    Singapore,
    /// Upbit Indonesia, priced in IDR.
    Indonesia,
    /// Upbit Thailand, priced in THB.
    Thailand,
}

impl UpbitRegion {
    /// All of Upbit's regions.
    pub const ALL: [Self; 4] = [Self::Korea, Self::Singapore, Self::Indonesia, Self::Thailand];

    /// Returns `kr`, `sg`, `id` or `th`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Korea => "kr",
            Self::Singapore => "sg",
            Self::Indonesia => "id",
            Self::Thailand => "th",
        }
    }

    /// Returns the id of the region's data.
    #[must_use]
    pub const fn source(self) -> VenueId {
        match self {
            Self::Korea => UPBIT,
            Self::Singapore => VenueId::new("upbit-sg"),
            Self::Indonesia => VenueId::new("upbit-id"),
            Self::Thailand => VenueId::new("upbit-th"),
        }
    }

    /// Returns the address of its REST API.
    #[must_use]
    pub const fn rest_url(self) -> &'static str {
        match self {
            Self::Korea => REST_URL,
            Self::Singapore => "https://sg-api.upbit.com",
            Self::Indonesia => "https://id-api.upbit.com",
            Self::Thailand => "https://th-api.upbit.com",
        }
    }

    /// Returns the address of its public socket.
    #[must_use]
    pub const fn ws_url(self) -> &'static str {
        match self {
            Self::Korea => WS_URL,
            Self::Singapore => "wss://sg-api.upbit.com/websocket/v1",
            Self::Indonesia => "wss://id-api.upbit.com/websocket/v1",
            Self::Thailand => "wss://th-api.upbit.com/websocket/v1",
        }
    }

    /// Returns the region whose data has the id `source`.
    #[must_use]
    pub fn of(source: VenueId) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.source() == source)
    }
}

impl fmt::Display for UpbitRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An error for a text that names no region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpbitRegionError(String);

impl fmt::Display for UpbitRegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no region `{}`; upbit has kr, sg, id and th", self.0)
    }
}

impl std::error::Error for UpbitRegionError {}

impl FromStr for UpbitRegion {
    type Err = UpbitRegionError;

    fn from_str(text: &str) -> Result<Self, UpbitRegionError> {
        let named = Self::ALL.into_iter().find(|region| region.as_str() == text);
        named.ok_or_else(|| UpbitRegionError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_is_a_source_of_its_own_at_an_address_of_its_own() {
        for (region, (home, source)) in UpbitRegion::ALL.into_iter().zip(UPBIT_HOSTS) {
            assert_eq!(region.rest_url(), format!("https://{home}"));
            assert_eq!(region.ws_url(), format!("wss://{home}/websocket/v1"));
            assert_eq!((region.source(), UpbitRegion::of(source)), (source, Some(region)));
            assert_eq!((source.family(), region.to_string().parse()), (UPBIT, Ok(region)));
        }
        assert!("us".parse::<UpbitRegion>().unwrap_err().to_string().contains("sg"));
    }
}

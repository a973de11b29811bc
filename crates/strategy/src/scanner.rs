//! From all markets to the few that are watched closely: universe, watchlist, ignition, Hot Zone.
//!
//! [`MarketScanner`] takes readings and says which markets belong to which [`ScannerTier`]. Every membership is a reason to
//! subscribe, and every change of one is reported, so that what is watched closely is streamed closely. Once in a second of
//! event time it publishes the lists.

mod hot_zone;
mod items;
mod market_scanner;
mod membership;
mod rules;
mod scan_candidate;
mod tier_choice;
mod universe_filter;

pub use self::items::{HotSignal, HotZoneItem, IgnitionItem, ScannerPublication, WatchlistItem};
pub use self::market_scanner::MarketScanner;
pub use self::membership::{MembershipChange, MembershipReason, ScannerTier};
pub use self::rules::{HotZoneRules, ScannerProfile, ScannerRules, WatchRank, WatchlistRules};
pub use self::universe_filter::{Exclusion, FactBounds, MarketFacts, MarketSource, UniverseFilter};

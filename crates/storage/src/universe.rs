//! Universes: named lists of markets, stored beside the candles.
//!
//! A program that watches "the largest hundred" should say so, and not contain a hundred codes. The keys are
//! those of the databases such lists come from: `stock_etf_test:combo_test`, `etf_SPY`, `theme_ai`. Several
//! keys joined by `:` mean all their markets together. Because `:` also occurs *within* a key, the whole is
//! looked up first.
//!
//! An unknown key is an error that names the nearest ones. It never becomes another list: a bot that trades
//! eight famous stocks because of a misspelt key is worse than one that does not start.

#[cfg(feature = "sqlite")]
mod backup;
mod entry;
mod resolve;
mod store;
#[cfg(feature = "sqlite")]
mod table;
#[cfg(feature = "sqlite")]
mod universe_file;

pub use entry::{ParseUniverseError, UniverseEntry, UniverseKind, read_universes};
pub use resolve::{UnknownUniverse, resolve_universe};
pub use store::UniverseStore;

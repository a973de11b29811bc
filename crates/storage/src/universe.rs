//! Universes: lists of markets with a name, kept beside the candles.
//!
//! A program that watches "the largest hundred" should say so, and not carry the hundred codes about. The keys are
//! those of the databases such lists come from: `stock_etf_test:combo_test`, `etf_SPY`, `theme_ai`; and several joined
//! by `:` mean all their markets together. As `:` also occurs *within* a key, the whole is looked for first.
//!
//! A key that is not known is an error that names the nearest ones. It never becomes some other list: a bot that
//! trades eight famous stocks because of a misspelt key is worse than one that does not start.

mod backup;
mod entry;
mod resolve;
mod store;
mod table;

pub use entry::{ParseUniverseError, UniverseEntry, UniverseKind, read_universes};
pub use resolve::{UnknownUniverse, resolve_universe};
pub use store::UniverseStore;

//! Layer 3: keeps final candles and the knowledge about them, and asks upstream only for what is unknown.
//!
//! [`StoredSource`] is the read path: it answers a query from a [`CandleStore`] where the ledger says that
//! the store knows, fetches the rest from another source, and commits each piece, rows and proof together,
//! the moment it arrives. Two stores are here: [`SqliteStore`], a folder of shard files with one table for
//! each series, and [`MemoryStore`], which forgets.
//!
//! What never happens here: a candle that is not final is stored; a stretch is called known without a proof
//! from upstream; a file is deleted or repaired behind somebody's back.
//!
//! [`CandleStore`]: market_backbone_core::CandleStore

mod batch;
mod ledger;
mod memory_store;
mod sqlite_store;
mod stored_source;

pub use memory_store::MemoryStore;
pub use sqlite_store::{SqliteStore, StoreConfig};
pub use stored_source::StoredSource;

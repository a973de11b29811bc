//! The disk tier made for reading: files of columns, sealed copies of what is old in the tables.
//!
//! A series' time is divided into *segments* of 65,536 slots. The rows of a segment are copied from the table
//! into one file, column by column, in the background. A read of a long range then copies columns from the
//! page cache of the system to where the caller wants them, and no row is ever decoded.
//!
//! The tables stay the truth. A file counts only while the shard has its *seal*: a row of the table
//! `sealed_segment` with the random id of the file, the range it covers and the checksum of its header. Any
//! transaction that changes a row in the range of a seal deletes the seal, so that a file which is older than
//! a correction, torn, foreign or left behind by a killed process is one without a seal, whoever wrote it.
//! Whatever fails about a file, its seal is dropped and the table answers.
//!
//! ```text
//! upbit/shard-0000.db                        sealed_segment: series, segment, seal, from, to, rows, sum
//! upbit/shard-0000.sealed/9f…c4.columns      header, index of chunks, seven columns
//! ```

mod bad_file;
mod column_memory;
mod seal;
mod seal_index;
mod seal_plan;
mod seal_queue;
mod seal_table;
mod sealed_read;
mod sealer;
mod segment_columns;
mod segment_draft;
mod segment_file;
mod segment_header;
mod sweep;
mod tier;

pub(super) use self::column_memory::column_pool;
pub(super) use self::seal_index::{BlockTier, SealIndex};
pub(super) use self::seal_queue::SealQueue;
pub(super) use self::seal_table::{all, delete_touched, delete_within};
pub(super) use self::sealed_read::read_blocks;
pub use self::sealer::SealReport;
pub(super) use self::sealer::spawn;
pub(super) use self::segment_file::SegmentFault;
pub(super) use self::sweep::measure;
pub(super) use self::tier::SealedTier;

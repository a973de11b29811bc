//! The header of a segment's file: what it holds, and a checksum of each chunk of rows.
//!
//! All numbers are little-endian. The checksum of the header is kept in the shard, so that whatever the header
//! says has been said by the store.
//!
//! ```text
//! magic 8 | seal 8 | segment 8 | from_ms 8 | to_ms 8 | rows 4 | length of the name 4 | name of the series
//! of each chunk of 1,024 rows: first open time 8 | checksum 8
//! ```

use super::seal::SegmentSeal;
use super::segment_columns::COLUMNS;
use crate::sqlite_store::checksum;

/// The number of rows with a checksum of their own: what a short read has to verify.
pub(super) const CHUNK_ROWS: usize = 1_024;
/// The first bytes of a file; the digits are the version of the format.
const MAGIC: [u8; 8] = *b"MBcols01";
const FIXED_BYTES: usize = 48;
const CHUNK_BYTES: usize = 16;
/// The columns begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// The index entry of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkEntry {
    /// The open time of its first row, in nanoseconds.
    pub(super) first: i64,
    /// The checksum of its part of each column.
    pub(super) sum: i64,
}

/// Returns the number of chunks of a file.
fn chunks(rows: usize) -> usize {
    rows.div_ceil(CHUNK_ROWS)
}

/// Returns the length of the header of a file.
pub(super) fn header_bytes(name: &str, rows: usize) -> usize {
    FIXED_BYTES + name.len() + chunks(rows) * CHUNK_BYTES
}

/// Returns the position of the first column in a file.
pub(super) fn columns_offset(name: &str, rows: usize) -> usize {
    header_bytes(name, rows).next_multiple_of(ALIGNMENT)
}

/// Returns the length of a whole file.
pub(super) fn file_bytes(name: &str, rows: usize) -> u64 {
    (columns_offset(name, rows) + rows * COLUMNS * size_of::<i64>()) as u64
}

/// Builds the header of a file. `seal.sum` does not count: it is the checksum of the result.
pub(super) fn encode(name: &str, seal: &SegmentSeal, index: &[ChunkEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(header_bytes(name, seal.rows as usize));
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&seal.id.to_le_bytes());
    for number in [seal.segment, seal.from_ms, seal.to_ms] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&seal.rows.to_le_bytes());
    bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    for chunk in index {
        bytes.extend_from_slice(&chunk.first.to_le_bytes());
        bytes.extend_from_slice(&chunk.sum.to_le_bytes());
    }
    bytes
}

/// Returns the index in `bytes`, if they are the header of the file of `name` with exactly this seal.
pub(super) fn decode(name: &str, seal: &SegmentSeal, bytes: &[u8]) -> Option<Vec<ChunkEntry>> {
    if checksum::of_bytes(bytes) != seal.sum || bytes.len() != header_bytes(name, seal.rows as usize) {
        return None;
    }
    let (entries, []) = bytes[FIXED_BYTES + name.len()..].as_chunks::<8>() else { return None };
    let number = |entry: &[u8; 8]| i64::from_le_bytes(*entry);
    let index: Vec<ChunkEntry> = entries
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[first, sum]| ChunkEntry { first: number(first), sum: number(sum) })
        .collect();
    // The checksum says that the store wrote the header; this, that it wrote it for this series and seal.
    (encode(name, seal, &index) == bytes).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_for_its_own_seal_and_series_alone() {
        let index = [ChunkEntry { first: 5, sum: -7 }, ChunkEntry { first: 9, sum: 1 }];
        let mut seal = SegmentSeal { segment: -2, id: 9, from_ms: -5, to_ms: 99, rows: 1_025, sum: 0 };
        let bytes = encode("KRW-BTC 1m", &seal, &index);
        seal.sum = checksum::of_bytes(&bytes);
        assert_eq!(decode("KRW-BTC 1m", &seal, &bytes).as_deref(), Some(&index[..]));
        assert_eq!(decode("KRW-ETH 1m", &seal, &bytes), None);
        for wrong in [
            SegmentSeal { id: 8, ..seal },
            SegmentSeal { segment: 2, ..seal },
            SegmentSeal { from_ms: 0, ..seal },
            SegmentSeal { to_ms: 100, ..seal },
            SegmentSeal { rows: 1_026, ..seal },
            SegmentSeal { sum: 1, ..seal },
        ] {
            assert_eq!(decode("KRW-BTC 1m", &wrong, &bytes), None, "{wrong:?}");
        }
        assert_eq!(decode("KRW-BTC 1m", &seal, &bytes[..bytes.len() - 1]), None);
    }
}

//! The blocks of a file: some records, compressed together, behind a head that says which times they are of.
//!
//! A block is complete or it does not count: its head holds a checksum of it, and one of itself.

use market_backbone_core::Timestamp;
use twox_hash::XxHash3_64;

use crate::record_buffer::RecordBuffer;

/// The length of a block's head.
pub(crate) const BLOCK_HEAD: usize = 44;
/// The largest block, compressed or not, that is read: a writer's are a hundredth of it.
pub(crate) const MAX_BLOCK: u32 = 256 << 20;
const MARK: [u8; 4] = *b"BLCK";

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHead {
    /// The length of the compressed records.
    pub(crate) compressed: u32,
    /// The length of the records.
    pub(crate) length: u32,
    /// The number of records.
    pub(crate) records: u32,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    checksum: u64,
}

impl BlockHead {
    /// Reads a head; `None` if these are not the bytes of one.
    pub(crate) fn read(bytes: &[u8; BLOCK_HEAD]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let (compressed, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (records, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (last, rest) = rest.split_first_chunk()?;
        let (checksum, own) = rest.split_first_chunk()?;
        let head = Self {
            compressed: u32::from_le_bytes(*compressed),
            length: u32::from_le_bytes(*length),
            records: u32::from_le_bytes(*records),
            first: Timestamp::from_nanos(i64::from_le_bytes(*first)),
            last: Timestamp::from_nanos(i64::from_le_bytes(*last)),
            checksum: u64::from_le_bytes(*checksum),
        };
        let is_head = *mark == MARK && own == own_checksum(&bytes[..BLOCK_HEAD - 4]);
        (is_head && head.compressed <= MAX_BLOCK && head.length <= MAX_BLOCK).then_some(head)
    }

    /// Returns whether `payload` is as it was written.
    pub(crate) fn is_intact(&self, payload: &[u8]) -> bool {
        XxHash3_64::oneshot(payload) == self.checksum
    }
}

/// Returns the checksum at the end of a head, over the rest of it.
fn own_checksum(head: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = XxHash3_64::oneshot(head).to_le_bytes();
    [a, b, c, d]
}

/// Returns the bytes of a block of `records`, whose compressed bytes are `payload`.
pub(crate) fn block(records: &RecordBuffer, payload: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::with_capacity(BLOCK_HEAD + payload.len());
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&length(payload));
    bytes.extend_from_slice(&length(&records.bytes));
    bytes.extend_from_slice(&records.records.to_le_bytes());
    bytes.extend_from_slice(&records.first.as_nanos().to_le_bytes());
    bytes.extend_from_slice(&records.last.as_nanos().to_le_bytes());
    bytes.extend_from_slice(&XxHash3_64::oneshot(payload).to_le_bytes());
    let own = own_checksum(&bytes);
    bytes.extend_from_slice(&own);
    bytes.extend_from_slice(payload);
    bytes
}

//! Records that wait to be written as one block.

use market_backbone_core::Timestamp;

/// The bytes of records, with what the block's head says of them.
#[derive(Clone, Debug)]
pub(crate) struct RecordBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: u32,
    /// The earliest time of a record.
    pub(crate) first: Timestamp,
    /// The latest time of a record.
    pub(crate) last: Timestamp,
}

impl Default for RecordBuffer {
    fn default() -> Self {
        Self { bytes: Vec::new(), records: 0, first: Timestamp::MAX, last: Timestamp::MIN }
    }
}

impl RecordBuffer {
    /// Adds a record of `time` that `append` writes.
    pub(crate) fn push(&mut self, time: Timestamp, append: impl FnOnce(&mut Vec<u8>)) {
        append(&mut self.bytes);
        self.records += 1;
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Removes the records and keeps the room for others.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        (self.records, self.first, self.last) = (0, Timestamp::MAX, Timestamp::MIN);
    }
}

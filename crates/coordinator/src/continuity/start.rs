//! The starting point of a feed.

use market_backbone_core::Timestamp;

use super::Cursor;

/// The starting point of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// The next event that happens.
    #[default]
    Now,
    /// The first event at or after this moment of the venue's time.
    At(Timestamp),
    /// The next event after the position of an earlier feed.
    After(Cursor),
}

impl From<Timestamp> for Start {
    fn from(moment: Timestamp) -> Self {
        Self::At(moment)
    }
}

impl From<Cursor> for Start {
    fn from(cursor: Cursor) -> Self {
        Self::After(cursor)
    }
}

/// Converts the cursor, where there is one; otherwise the feed starts now.
impl From<Option<Cursor>> for Start {
    fn from(cursor: Option<Cursor>) -> Self {
        cursor.map_or(Self::Now, Self::After)
    }
}

//! Where a feed begins.

use market_backbone_core::Timestamp;

use super::Cursor;

/// Where a feed begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With what happens next.
    #[default]
    Now,
    /// With what happened at this moment of the venue's time, or next after it.
    At(Timestamp),
    /// With what an earlier feed would have handed out next.
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

/// The cursor, where there is one; else now.
impl From<Option<Cursor>> for Start {
    fn from(cursor: Option<Cursor>) -> Self {
        cursor.map_or(Self::Now, Self::After)
    }
}

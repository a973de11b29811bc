//! Unconfirmed results of earlier answers, which a store passes on to the source it asks.

use crate::AbsenceClaim;

/// The unconfirmed results of earlier answers for the range of a query.
///
/// With them one more answer confirms an older claim, and a claim that is too young to be confirmed is not
/// checked twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorClaims {
    /// The ranges that answers have left out, oldest first.
    pub claims: Vec<AbsenceClaim>,
    /// `true` if any candle is known in the range of the query or before it. Then an answer without any row is
    /// unexpected and confirms nothing.
    pub has_rows: bool,
}

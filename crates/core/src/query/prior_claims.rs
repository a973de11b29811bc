//! What answers have said of a stretch before, short of a proof: who keeps a ledger hands it down to who asks.

use crate::AbsenceClaim;

/// What has been said already of what a query asks for.
///
/// With it one more answer is enough where it says again what a claim of some age says, and a claim that is too young to
/// be confirmed is not looked at twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorClaims {
    /// The stretches that answers have left out, oldest first.
    pub claims: Vec<AbsenceClaim>,
    /// Whether any candle is known of what the query looks at or of what is older: then an answer without any row is a
    /// surprise, and says nothing again.
    pub has_rows: bool,
}

//! A request and its account: the context of every lookup.

use super::query::MassiveQueryParams;
use crate::massive::plan::EmulatedPlan;

/// The context of a lookup.
#[derive(Debug)]
pub(crate) struct RestRequestContext {
    pub(crate) parameters: MassiveQueryParams,
    pub(crate) plan: EmulatedPlan,
    /// The origin as the client called it, `http://HOST`, for the addresses of next pages.
    pub(crate) origin: String,
    pub(crate) path: String,
    pub(crate) request_id: String,
    pub(crate) now_ms: i64,
    /// The end of what the plan shows.
    pub(crate) visible_ms: i64,
    /// The number of newest closed bars that are not served yet; the forming one is not served either.
    pub(crate) late_rows: u64,
}

impl RestRequestContext {
    /// Returns the status of a success.
    pub(crate) const fn status(&self) -> &'static str {
        if self.plan.delay_ms() > 0 { "DELAYED" } else { "OK" }
    }
}

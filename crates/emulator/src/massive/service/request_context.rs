//! A question and who asks it: what every answer is looked up with.

use super::query::MassiveQueryParams;
use crate::massive::plan::EmulatedPlan;

/// What an answer is looked up with.
#[derive(Debug)]
pub(crate) struct RestRequestContext {
    pub(crate) parameters: MassiveQueryParams,
    pub(crate) plan: EmulatedPlan,
    /// `http://HOST`, as the client called it: where pages continue.
    pub(crate) origin: String,
    pub(crate) path: String,
    pub(crate) request_id: String,
    pub(crate) now_ms: i64,
    /// What the plan shows ends here.
    pub(crate) visible_ms: i64,
    /// So many of the newest closed bars are not served yet, nor is the one that forms.
    pub(crate) late_rows: u64,
}

impl RestRequestContext {
    /// The status of a success.
    pub(crate) const fn status(&self) -> &'static str {
        if self.plan.delay_ms() > 0 { "DELAYED" } else { "OK" }
    }
}

//! The errors for long pauses and bans: until when nothing is sent, and where that is recorded.

use std::time::Duration;

use market_backbone_core::{RateLimitGroup, SourceError, SourceErrorKind};

use super::scope_state::ScopeState;

/// The pause from which a request is refused at once; a shorter one is waited for.
pub(super) const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Returns the error that the venue has banned this address for `left` from now.
pub(super) fn banned(shared: &ScopeState, left: Duration) -> SourceError {
    let message = format!("the venue has banned this address {}", describe_end(shared, left));
    SourceError::new(SourceErrorKind::Banned(Some(left)), message)
}

/// Returns the error that the venue accepts no request of `group` for `left` from now.
pub(super) fn paused(shared: &ScopeState, group: RateLimitGroup, left: Duration) -> SourceError {
    let message = format!("the venue accepts no requests of group {group} {}", describe_end(shared, left));
    SourceError::new(SourceErrorKind::Throttled(Some(left)), message)
}

/// Returns the text `until 2026-11-28T13:00:00Z, which is 89 s from now; nothing is sent until then, as noted
/// in …`.
pub(super) fn describe_end(shared: &ScopeState, left: Duration) -> String {
    // A pause of 89.7 s is not over after 89.
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    match shared.journal.get() {
        Some(journal) => {
            let end = journal.in_whole_seconds(Duration::from_secs(seconds));
            format!(
                "until {end}, {seconds} s from now; nothing is sent until then, as noted in {}",
                journal.file()
            )
        }
        None => format!("for another {seconds} s; nothing is sent until then"),
    }
}

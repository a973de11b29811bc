//! What the venue says corrects the count: its figures, its complaints and its bans.

use std::time::Duration;

use market_backbone_core::BudgetReport;
use tokio::time::Instant;

use super::LimitedGroup;
use crate::limiter::journal::RecordKind;
use crate::limiter::venue_time::VenueTime;

impl LimitedGroup {
    /// Counts what the venue reports after the reply to a request sent at `sent`.
    pub(in crate::limiter) fn observe(&self, sent: Instant, report: BudgetReport) {
        self.read_peer_events();
        let external = self.lock().observe(report.window, sent, report.remaining, Instant::now());
        if external > 0 {
            tracing::debug!(group = %self.name, external, "another client uses this address's rate limit");
        }
    }

    /// Records what the venue's clock shows, for rules by that clock.
    pub(in crate::limiter) fn set_venue_time(&self, time: VenueTime) {
        self.lock().rules.set_venue_time(time);
        self.grant_permits();
    }

    /// Pauses the group and shrinks its allowances, since the venue refused a request as one too many.
    ///
    /// The pause lasts for `retry_after`, and for the shortest window at least. Where the venue does not say how long, it
    /// lasts for the longest window, since the venue does not say either which rule it is about.
    pub(in crate::limiter) fn throttled(&self, retry_after: Option<Duration>) {
        let windows = self.rules.iter().map(|rule| rule.window);
        let window = if retry_after.is_some() { windows.min() } else { windows.max() };
        let hold = window.unwrap_or_default() + self.config.margin;
        let asked = retry_after.filter(|asked| *asked > hold);
        if let Some(asked) = asked {
            let millis = u64::try_from(asked.as_millis()).unwrap_or(u64::MAX);
            self.record(RecordKind::Paused, millis);
        }
        let now = Instant::now();
        let allowed = {
            let mut state = self.lock();
            state.throttled += 1;
            if let Some(asked) = asked {
                self.pause_until(&mut state, now + asked, now);
            }
            state.rules.on_throttled(now, now + asked.unwrap_or(hold));
            state.rules.allowed(now)
        };
        self.grant_permits();
        tracing::warn!(group = %self.name, allowed, "the venue refused a request as one too many");
    }

    /// Refuses everything until `until`.
    pub(in crate::limiter) fn ban_until(&self, until: Instant) {
        self.apply_ban(&mut self.lock(), until, Instant::now());
    }

    /// Returns how much longer the venue wants no request of this group, where that is long.
    pub(in crate::limiter) fn paused_for(&self) -> Option<Duration> {
        self.lock().long_pause(Instant::now())
    }

    /// Returns how much longer the venue shuts this address out, if it does.
    pub(in crate::limiter) fn banned_for(&self) -> Option<Duration> {
        self.lock().banned_for(Instant::now())
    }
}

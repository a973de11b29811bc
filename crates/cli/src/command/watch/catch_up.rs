//! The progress of a watch that begins in the past, printed on stderr until it has caught up.

use market_backbone::{FeedEvent, Timestamp, VenueId};

use crate::output::note;

/// The progress of a watch that begins in the past.
#[derive(Debug)]
pub(super) struct CatchUpProgress {
    from: Timestamp,
    now: Timestamp,
    /// The latest time that was written.
    reached: Timestamp,
    trades: u64,
}

impl CatchUpProgress {
    /// Starts the progress of a watch that begins at `from`. Notes how far back the venue's data goes: to
    /// `kept_since`, as of `now`.
    pub(super) fn new(from: Timestamp, venue: VenueId, (kept_since, now): (Timestamp, Timestamp)) -> Self {
        if from < kept_since {
            note(&format!(
                "{venue} has single trades since {kept_since}; those from {from} to then are not available"
            ));
        } else {
            note(&format!("fetching what was traded since {from}; {venue} goes back to {kept_since}"));
        }
        Self { from: from.max(kept_since), now, reached: Timestamp::MIN, trades: 0 }
    }

    /// Records an event. Returns whether the watch has caught up with it.
    pub(super) fn observe(&mut self, event: &FeedEvent) -> bool {
        if let FeedEvent::Trade(trade) = event {
            self.reached = self.reached.max(trade.time);
            self.trades += 1;
        }
        matches!(event, FeedEvent::CaughtUp(_))
    }

    /// Prints the progress.
    pub(super) fn report(&self) {
        if self.trades == 0 {
            return note("history: nothing yet");
        }
        let whole = self.now.since(self.from).as_secs_f64().max(1.0);
        let part = (self.reached.since(self.from).as_secs_f64() / whole).min(1.0);
        note(&format!("history: {} trades, up to {} ({:.0} %)", self.trades, self.reached, part * 100.0));
    }
}

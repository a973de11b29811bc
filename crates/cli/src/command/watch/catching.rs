//! How far a watch that begins in the past has come, told on stderr until it has caught up.

use std::io::Write;
use std::time::Duration;

use market_backbone::{Capabilities, FeedEvent, Timestamp};

const DAY: i64 = 86_400;

/// How far a watch that begins in the past has come.
#[derive(Debug)]
pub(super) struct Catching {
    from: Timestamp,
    now: Timestamp,
    /// The latest moment of what was written.
    reached: Timestamp,
    trades: u64,
}

impl Catching {
    /// A watch from `from`, begun `now`; says on `stderr` how far back the venue goes.
    pub(super) fn new(
        from: Timestamp,
        now: Timestamp,
        venue: &Capabilities,
        stderr: &mut dyn Write,
    ) -> std::io::Result<Self> {
        let midnight = Timestamp::from_secs(now.as_secs() - now.as_secs().rem_euclid(DAY));
        let back = Duration::from_secs(u64::from(venue.trade_days) * DAY.unsigned_abs());
        let kept_since = midnight.minus(back);
        let (name, days) = (venue.venue, venue.trade_days);
        if from < kept_since {
            writeln!(
                stderr,
                "{name} keeps single trades for {days} days, since {kept_since}; those from {from} to then cannot be had"
            )?;
        } else {
            writeln!(stderr, "fetching what was traded since {from}; {name} goes back to {kept_since}")?;
        }
        Ok(Self { from: from.max(kept_since), now, reached: Timestamp::MIN, trades: 0 })
    }

    /// Takes note of an event; whether the watch has caught up with it.
    pub(super) fn hear(&mut self, event: &FeedEvent) -> bool {
        if let FeedEvent::Trade(trade) = event {
            self.reached = self.reached.max(trade.time);
            self.trades += 1;
        }
        matches!(event, FeedEvent::CaughtUp(_))
    }

    /// Says how far it has come.
    pub(super) fn tell(&self, stderr: &mut dyn Write) -> std::io::Result<()> {
        if self.trades == 0 {
            return writeln!(stderr, "history: nothing yet");
        }
        let whole = self.now.since(self.from).as_secs_f64().max(1.0);
        let part = (self.reached.since(self.from).as_secs_f64() / whole).min(1.0);
        writeln!(stderr, "history: {} trades, up to {} ({:.0} %)", self.trades, self.reached, part * 100.0)
    }
}

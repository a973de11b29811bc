//! The interruptions that are not over: no order leaves for a market whose events may be missing.

use std::sync::Arc;

use market_backbone_core::{Channel, Gap, GapState, Symbol, Timestamp};

/// The channels of which events are missing, each with the beginning of its gap.
#[derive(Debug, Default)]
pub(super) struct InterruptedMarkets(Vec<(Channel, Timestamp)>);

impl InterruptedMarkets {
    pub(super) fn note(&mut self, gap: &Gap) {
        match gap.state {
            GapState::Healed | GapState::Lost => {
                self.0.retain(|(channel, _)| !gap.channels.contains(channel));
            }
            _ => {
                for channel in gap.channels.iter() {
                    if !self.0.iter().any(|(open, _)| open == channel) {
                        self.0.push((channel.clone(), gap.from));
                    }
                }
            }
        }
    }

    /// Returns why no order may leave for `symbol` now, if that is so.
    pub(super) fn reason(&self, symbol: &Symbol) -> Option<Arc<str>> {
        let concerns = |channel: &Channel| channel.symbol == *symbol || channel.symbol.is_any();
        let (channel, from) = self.0.iter().find(|(channel, _)| concerns(channel))?;
        Some(
            format!(
                "the feed of {} {} is interrupted since {from}: what is known of the market may be old; \
                 order again when the gap is healed",
                channel.symbol, channel.kind
            )
            .into(),
        )
    }
}

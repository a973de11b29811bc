//! The interruptions that are not over: no order leaves for a market whose events may be missing.
//!
//! Nothing of a gap's own times is used: they are this machine's, and decisions depend on the market's alone.

use std::sync::Arc;

use market_backbone_core::{Channel, Gap, GapState, Symbol};

/// The channels of which events are missing.
#[derive(Debug, Default)]
pub(super) struct InterruptedMarkets(Vec<Channel>);

impl InterruptedMarkets {
    pub(super) fn note(&mut self, gap: &Gap) {
        match gap.state {
            GapState::Healed | GapState::Lost => {
                self.0.retain(|channel| !gap.channels.contains(channel));
            }
            _ => {
                for channel in gap.channels.iter() {
                    if !self.0.contains(channel) {
                        self.0.push(channel.clone());
                    }
                }
            }
        }
    }

    /// Returns why no order may leave for `symbol` now, if that is so.
    pub(super) fn reason(&self, symbol: &Symbol) -> Option<Arc<str>> {
        let concerns = |channel: &Channel| channel.symbol == *symbol || channel.symbol.is_any();
        let channel = self.0.iter().find(|channel| concerns(channel))?;
        let Channel { symbol, kind } = channel;
        let text = format!(
            "the feed of {symbol} {kind} is interrupted: what is known of the market may be old; order again when the gap is healed"
        );
        Some(text.into())
    }
}

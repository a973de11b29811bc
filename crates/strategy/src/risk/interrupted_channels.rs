//! The gaps of the feed that are open now.

use market_backbone_core::{Channel, Gap, GapState, Symbol};

/// The interrupted channels. There are as many as a feed has channels, at the most.
#[derive(Debug, Default)]
pub(super) struct InterruptedChannels {
    open: Vec<Channel>,
}

impl InterruptedChannels {
    /// Takes note of what a gap says of its channels.
    pub(super) fn note(&mut self, gap: &Gap) {
        self.open.retain(|open| !gap.channels.contains(open));
        match gap.state {
            GapState::Healed | GapState::Lost => {}
            // A state of a later version is taken for an open gap.
            _ => self.open.extend(gap.channels.iter().cloned()),
        }
    }

    pub(super) fn is_open(&self, symbol: &Symbol) -> bool {
        self.open.iter().any(|open| open.symbol == *symbol || open.symbol.is_any())
    }
}

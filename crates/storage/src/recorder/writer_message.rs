//! What the listeners tell the writer.

use market_backbone_core::{Candle, Series, TimeRange};
use tokio::sync::oneshot;

/// What is to become of some slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SlotAction {
    /// They are over and known: these had a trade, the others had none.
    Keep(Vec<Candle>),
    /// Forget what was written of them, unless the venue has confirmed it.
    Withdraw,
}

/// Some slots of a series, and what is to become of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SlotUpdate {
    pub(super) series: Series,
    pub(super) range: TimeRange,
    pub(super) word: SlotAction,
}

/// A message to the writer.
#[derive(Debug)]
pub(super) enum WriterMessage {
    /// This series is recorded from now on.
    Watch(Series),
    /// The writer carries out the update.
    Order(SlotUpdate),
    /// Say when everything before this has been done.
    Flush(oneshot::Sender<()>),
}

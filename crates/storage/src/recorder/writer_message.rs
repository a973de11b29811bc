//! The messages of the feed tasks to the writer.

use market_backbone_core::{Candle, Series, TimeRange};
use tokio::sync::oneshot;

/// The action for some slots.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SlotAction {
    /// The slots are over and known: these had a trade, the others had none.
    Keep(Vec<Candle>),
    /// Forget what was written of the slots, unless the venue has confirmed it.
    Withdraw,
}

/// A range of slots of a series, and the action for them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SlotUpdate {
    pub(super) series: Series,
    pub(super) range: TimeRange,
    pub(super) word: SlotAction,
}

/// A message to the writer.
#[derive(Debug)]
pub(super) enum WriterMessage {
    /// The series is recorded from now on.
    Watch(Series),
    /// The writer carries out the update.
    Order(SlotUpdate),
    /// Reply when everything before this has been done.
    Flush(oneshot::Sender<()>),
}

//! The task that reads one feed and passes what may be written to the writer.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{Clock, FeedEvent, Grid, LiveStream, Series};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::bar_assembler::BarAssembler;
use super::metrics::RecorderCounters;
use super::writer_message::{SlotAction, SlotUpdate, WriterMessage};

/// A task that reads one feed until it ends, or nobody wants it any more.
pub(super) struct FeedTask {
    pub(super) assembler: BarAssembler,
    pub(super) feed: LiveStream,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tick: Duration,
    pub(super) writer: WriterHandle,
    pub(super) cancel: CancellationToken,
}

/// A handle to the writer.
pub(super) struct WriterHandle {
    pub(super) sender: mpsc::Sender<WriterMessage>,
    pub(super) grid: Grid,
    pub(super) counters: Arc<RecorderCounters>,
}

impl FeedTask {
    pub(super) async fn run(mut self, series: Vec<Series>) {
        for series in series {
            let _ = self.writer.sender.send(WriterMessage::Watch(series)).await; // fails only after the writer has ended
        }
        let cancel = self.cancel.clone();
        let mut ticks = interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Each branch can be dropped without losing an event; what follows from it is not interrupted.
            tokio::select! {
                () = cancel.cancelled() => break,
                event = self.feed.next() => match event {
                    Some(event) => self.ingest(&event).await,
                    None => break,
                },
                _ = ticks.tick() => self.on_time().await,
            }
        }
        self.on_time().await;
    }

    async fn ingest(&mut self, event: &FeedEvent) {
        let mut orders = Vec::new();
        self.assembler.ingest(event, self.clock.now(), &mut orders);
        self.writer.submit(orders).await;
    }

    async fn on_time(&mut self) {
        let mut orders = Vec::new();
        let unknown = self.assembler.on_time(self.clock.now(), &mut orders);
        self.writer.counters.unknown.add(unknown);
        self.writer.submit(orders).await;
    }
}

impl WriterHandle {
    /// Passes updates to the writer. New candles that find no room stay unknown.
    ///
    /// Withdrawals must not get lost: the feed waits for room, and reports as gaps what it loses meanwhile.
    async fn submit(&self, orders: Vec<SlotUpdate>) {
        for order in orders {
            if order.word == SlotAction::Withdraw {
                let _ = self.sender.send(WriterMessage::Order(order)).await;
                continue;
            }
            let slots = self.grid.slots(order.series.timeframe, order.range);
            if let Err(refused) = self.sender.try_send(WriterMessage::Order(order)) {
                tracing::debug!(slots, %refused, "the recorder's writer is behind; left unknown");
                self.counters.dropped.add(slots);
            }
        }
    }
}

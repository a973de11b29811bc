//! The task that listens to one feed and hands the writer what may be written.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use market_backbone_core::{Clock, FeedEvent, Grid, LiveStream, Series};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::ear::Ear;
use super::metrics::Counters;
use super::order::{Message, Order, Word};

/// Listens to one feed until it ends, or nobody wants it any more.
pub(super) struct Pump {
    pub(super) ear: Ear,
    pub(super) feed: LiveStream,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tick: Duration,
    pub(super) outbox: Outbox,
    pub(super) cancel: CancellationToken,
}

/// The way to the writer.
pub(super) struct Outbox {
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) grid: Grid,
    pub(super) counters: Arc<Counters>,
}

impl Pump {
    pub(super) async fn run(mut self, series: Vec<Series>) {
        for series in series {
            let _ = self.outbox.inbox.send(Message::Watch(series)).await; // fails only after the writer's end
        }
        let cancel = self.cancel.clone();
        let mut ticks = interval(self.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Each branch can be dropped without losing an event; what it leads to is not interrupted.
            tokio::select! {
                () = cancel.cancelled() => break,
                event = self.feed.next() => match event {
                    Some(event) => self.hear(&event).await,
                    None => break,
                },
                _ = ticks.tick() => self.on_time().await,
            }
        }
        self.on_time().await;
    }

    async fn hear(&mut self, event: &FeedEvent) {
        let mut orders = Vec::new();
        self.ear.hear(event, self.clock.now(), &mut orders);
        self.outbox.hand_over(orders).await;
    }

    async fn on_time(&mut self) {
        let mut orders = Vec::new();
        let unknown = self.ear.on_time(self.clock.now(), &mut orders);
        self.outbox.counters.unknown.add(unknown);
        self.outbox.hand_over(orders).await;
    }
}

impl Outbox {
    /// For what is to be kept there is room or it stays unknown. What is to be taken back must not get lost: for that
    /// the feed is left waiting, and what it loses meanwhile it tells.
    async fn hand_over(&self, orders: Vec<Order>) {
        for order in orders {
            if order.word == Word::Withdraw {
                let _ = self.inbox.send(Message::Order(order)).await;
                continue;
            }
            let slots = self.grid.slots(order.series.timeframe, order.range);
            if let Err(refused) = self.inbox.try_send(Message::Order(order)) {
                tracing::debug!(slots, %refused, "the recorder's writer is behind; left unknown");
                self.counters.dropped.add(slots);
            }
        }
    }
}

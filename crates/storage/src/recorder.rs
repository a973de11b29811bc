//! Records the candles of live feeds, so that they need not be fetched.
//!
//! A candle is written only if the feed was complete from before its slot opened until after it closed. A
//! slot in which something may be missing stays unknown, and is fetched when it is wanted. A live candle is
//! the weaker observation: the venue is asked about it later, a page at a time and at the lowest priority,
//! and its reply prevails.
//!
//! Where the venue revises what it sends live, candles are written as soon as they arrive, and a revision of
//! a written slot replaces it; the store keeps the earlier version. The venue is asked about such slots once
//! more later, as its [`RevisionPolicy`](market_backbone_core::RevisionPolicy) says.
//!
//! Each feed has a task that reads it, and one task writes for all of them. They end in this order:
//! [`shutdown`](Recorder::shutdown) lets the feed tasks pass on what they have, then the writer writes it.
//! The caller closes the store after that.

mod bar_assembler;
mod config;
mod confirm;
mod confirm_schedule;
mod feed_task;
mod metrics;
mod series_queue;
mod series_recorder;
#[cfg(test)]
mod tests;
mod writer;
mod writer_message;

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{CandleSource, CandleStore, Capabilities, Channel, Clock, LiveStream, Series};
use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use self::config::RecorderConfig;
pub use self::metrics::RecorderMetrics;

use self::bar_assembler::BarAssembler;
use self::feed_task::{FeedTask, WriterHandle};
use self::metrics::RecorderCounters;
use self::series_recorder::RecorderTimeouts;
use self::writer::RecorderWriter;
use self::writer_message::WriterMessage;

/// A recorder of the candles of live feeds. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<RecorderInner>,
}

struct RecorderInner {
    sender: mpsc::Sender<WriterMessage>,
    venue: Capabilities,
    clock: Arc<dyn Clock>,
    config: RecorderConfig,
    counters: Arc<RecorderCounters>,
    listeners: TaskTracker,
    listening: CancellationToken,
    writers: TaskTracker,
    writing: CancellationToken,
}

impl Recorder {
    /// Starts the writer to `store`.
    ///
    /// `upstream` is asked to confirm what was written: the venue itself, not a store before it. Must be
    /// called within a tokio runtime.
    #[must_use]
    pub fn start(
        store: Arc<dyn CandleStore>,
        upstream: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        venue: &Capabilities,
        config: RecorderConfig,
    ) -> Self {
        let (inbox, messages) = mpsc::channel(config.queue_capacity.max(1));
        let counters = Arc::new(RecorderCounters::default());
        let writer = RecorderWriter {
            store,
            upstream,
            venue: *venue,
            clock: Arc::clone(&clock),
            config,
            counters: Arc::clone(&counters),
            rounds: confirm_schedule::plan(&config, venue),
            queues: FxHashMap::default(),
        };
        let (writers, writing) = (TaskTracker::new(), CancellationToken::new());
        writers.spawn(writer.run(messages, writing.clone()));
        let (listeners, listening) = (TaskTracker::new(), CancellationToken::new());
        let shared = RecorderInner {
            sender: inbox,
            venue: *venue,
            clock,
            config,
            counters,
            listeners,
            listening,
            writers,
            writing,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Returns the channel from which `series` can be recorded: the venue's own forming candle where it is
    /// streamed, else the market's trades.
    #[must_use]
    pub fn channel_of(&self, series: &Series) -> Channel {
        Channel { symbol: series.symbol.clone(), kind: bar_assembler::source_of(series, &self.shared.venue) }
    }

    /// Records `series` from `feed`, which must deliver the [channel](Self::channel_of) of each, until the
    /// returned guard is dropped or the feed ends.
    ///
    /// Forming slots, and those that are not certain yet, are then lost.
    pub fn record(&self, series: Vec<Series>, feed: LiveStream) -> Recording {
        let RecorderInner { venue, config, listeners, listening, .. } = &*self.shared;
        let cancel = listening.child_token();
        let patience = RecorderTimeouts {
            settle_delay: if venue.revision_policy.live_is_provisional {
                config.settle_delay
            } else {
                config.settle_delay.max(venue.finality_delay)
            },
            silence_timeout: config.silence_timeout.max(venue.socket.idle_timeout),
            clock_slack: config.clock_slack,
        };
        let pump = FeedTask {
            assembler: BarAssembler::new(series.clone(), venue, config.rules(), patience),
            feed,
            clock: Arc::clone(&self.shared.clock),
            tick: config.tick_interval,
            writer: WriterHandle {
                sender: self.shared.sender.clone(),
                grid: venue.grid,
                counters: Arc::clone(&self.shared.counters),
            },
            cancel: cancel.clone(),
        };
        let ended = listeners.spawn(pump.run(series));
        Recording { recorder: self.clone(), cancel: cancel.drop_guard(), ended }
    }

    /// Waits until all that was passed on so far has been written, or has failed.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let wait = async {
            // Either fails only once the writer has ended, and then there is nothing to wait for.
            if self.shared.sender.send(WriterMessage::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if timeout(self.shared.config.shutdown_timeout, wait).await.is_err() {
            tracing::warn!("what was recorded could not be written in time");
        }
    }

    /// Ends all recordings, writes what they leave, and waits for that, within the configured time.
    pub async fn shutdown(&self) {
        let RecorderInner { listeners, listening, writers, writing, config, .. } = &*self.shared;
        for (tasks, token) in [(listeners, listening), (writers, writing)] {
            token.cancel();
            tasks.close();
            if timeout(config.shutdown_timeout, tasks.wait()).await.is_err() {
                tracing::warn!("tasks of the recorder did not end in time");
            }
        }
    }

    /// Returns the counters so far.
    #[must_use]
    pub fn metrics(&self) -> RecorderMetrics {
        self.shared.counters.snapshot()
    }
}

impl Drop for RecorderInner {
    /// Stops the tasks of a recorder that was not shut down; nothing waits for their end.
    fn drop(&mut self) {
        self.listening.cancel();
        self.writing.cancel();
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}

/// A recording in progress; dropping it ends it.
#[derive(Debug)]
#[must_use = "the recording goes on only as long as this lives"]
pub struct Recording {
    recorder: Recorder,
    cancel: DropGuard,
    ended: JoinHandle<()>,
}

impl Recording {
    /// Ends the recording, and waits until its certain candles are written.
    pub async fn stop(self) {
        drop(self.cancel);
        // It ends by itself now; if it has panicked, there is nothing to wait for.
        if timeout(self.recorder.shared.config.shutdown_timeout, self.ended).await.is_err() {
            tracing::warn!("a recording did not end in time");
        }
        self.recorder.flush().await;
    }
}

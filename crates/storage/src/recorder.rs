//! Keeps the candles of what is heard live, so that nobody has to ask for them.
//!
//! A candle is written only if the feed was whole from before its slot opened until after it closed; a slot in which
//! something may be missing stays unknown, to be asked for by whoever wants it. What was heard is the weaker word: the
//! venue is asked about it later, a page at a time and at the lowest priority, and has the last one.
//!
//! Where the venue corrects what it sends live, candles are written as soon as they are heard, and one that it sends
//! again for a slot that was written takes its place; the store keeps what was there. Such slots are asked about once more
//! later, as the venue's [`Corrections`](market_backbone_core::Corrections) say.
//!
//! Each feed has a task that listens, and all of them one that writes. They end in this order:
//! [`shutdown`](Recorder::shutdown) lets the listeners hand over what they have, then the writer write it. The store is
//! its caller's to close, after that.

mod config;
mod confirm;
mod desk;
mod ear;
mod lane;
mod metrics;
mod order;
mod pump;
mod rounds;
#[cfg(test)]
mod tests;
mod writer;

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

use self::ear::Ear;
use self::lane::Patience;
use self::metrics::Counters;
use self::order::Message;
use self::pump::{Outbox, Pump};
use self::writer::Writer;

/// Keeps the candles of live feeds. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: mpsc::Sender<Message>,
    venue: Capabilities,
    clock: Arc<dyn Clock>,
    config: RecorderConfig,
    counters: Arc<Counters>,
    listeners: TaskTracker,
    listening: CancellationToken,
    writers: TaskTracker,
    writing: CancellationToken,
}

impl Recorder {
    /// Starts the writer to `store`. `upstream` is asked to confirm what was written: the venue itself, not a store
    /// before it. Must be called within a runtime.
    #[must_use]
    pub fn start(
        store: Arc<dyn CandleStore>,
        upstream: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        venue: &Capabilities,
        config: RecorderConfig,
    ) -> Self {
        let (inbox, messages) = mpsc::channel(config.inbox.max(1));
        let counters = Arc::new(Counters::default());
        let writer = Writer {
            store,
            upstream,
            venue: *venue,
            clock: Arc::clone(&clock),
            config,
            counters: Arc::clone(&counters),
            rounds: rounds::plan(&config, venue),
            desks: FxHashMap::default(),
        };
        let (writers, writing) = (TaskTracker::new(), CancellationToken::new());
        writers.spawn(writer.run(messages, writing.clone()));
        let (listeners, listening) = (TaskTracker::new(), CancellationToken::new());
        let shared =
            Shared { inbox, venue: *venue, clock, config, counters, listeners, listening, writers, writing };
        Self { shared: Arc::new(shared) }
    }

    /// What a feed must bring so that `series` can be recorded from it: the venue's own candle in progress where it is
    /// streamed, else the market's trades.
    #[must_use]
    pub fn channel_of(&self, series: &Series) -> Channel {
        Channel { symbol: series.symbol.clone(), kind: ear::source_of(series, &self.shared.venue) }
    }

    /// Records `series` from `feed`, which must bring the [channel](Self::channel_of) of each, until the returned guard
    /// is dropped or the feed ends. The slots in progress and those that are not sure yet are lost with it.
    pub fn record(&self, series: Vec<Series>, feed: LiveStream) -> Recording {
        let Shared { venue, config, listeners, listening, .. } = &*self.shared;
        let cancel = listening.child_token();
        let patience = Patience {
            settle: if venue.corrections.provisional {
                config.settle
            } else {
                config.settle.max(venue.settling)
            },
            silence: config.silence.max(venue.socket.silence),
            clock_slack: config.clock_slack,
        };
        let pump = Pump {
            ear: Ear::new(series.clone(), venue, config.rules(), patience),
            feed,
            clock: Arc::clone(&self.shared.clock),
            tick: config.tick,
            outbox: Outbox {
                inbox: self.shared.inbox.clone(),
                grid: venue.grid,
                counters: Arc::clone(&self.shared.counters),
            },
            cancel: cancel.clone(),
        };
        let ended = listeners.spawn(pump.run(series));
        Recording { recorder: self.clone(), cancel: cancel.drop_guard(), ended }
    }

    /// Waits until all that was handed over so far has been written, or has failed.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let wait = async {
            // Either fails only once the writer has ended, and then there is nothing to wait for.
            if self.shared.inbox.send(Message::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if timeout(self.shared.config.shutdown_within, wait).await.is_err() {
            tracing::warn!("what was recorded could not be written in time");
        }
    }

    /// Ends all recordings, writes what they leave, and waits for it, within the configured time.
    pub async fn shutdown(&self) {
        let Shared { listeners, listening, writers, writing, config, .. } = &*self.shared;
        for (tasks, token) in [(listeners, listening), (writers, writing)] {
            token.cancel();
            tasks.close();
            if timeout(config.shutdown_within, tasks.wait()).await.is_err() {
                tracing::warn!("tasks of the recorder did not end in time");
            }
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn metrics(&self) -> RecorderMetrics {
        self.shared.counters.snapshot()
    }
}

impl Drop for Shared {
    /// Whoever forgets to shut down leaves no task behind; only nobody waits for their end.
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

/// A recording under way; dropping it ends it.
#[derive(Debug)]
#[must_use = "the recording goes on only as long as this lives"]
pub struct Recording {
    recorder: Recorder,
    cancel: DropGuard,
    ended: JoinHandle<()>,
}

impl Recording {
    /// Ends it, and waits until what it has heard for sure is written.
    pub async fn stop(self) {
        drop(self.cancel);
        // It ends by itself now; should it have panicked, there is nothing to wait for.
        if timeout(self.recorder.shared.config.shutdown_within, self.ended).await.is_err() {
            tracing::warn!("a recording did not end in time");
        }
        self.recorder.flush().await;
    }
}

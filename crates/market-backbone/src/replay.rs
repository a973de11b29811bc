//! Replays of recordings: the very layers of a live run, on the time of the recording.

mod run;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use market_backbone_core::{FeedEvent, StreamKind, Timestamp};
use market_backbone_tape::{ReplayStats, TapeError, TapeReader, TapeSession, TornTail};

use self::run::{ReplayOutput, play};
use crate::Error;

/// The events that may wait for their reader; the replay stands still then.
const EVENTS: usize = 1_024;

/// The settings of a replay.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    dir: PathBuf,
    kinds: Vec<StreamKind>,
    from: Timestamp,
    to: Timestamp,
    speed: Option<f64>,
    quiet_bars: bool,
}

/// The reason why a replay cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The recording cannot be read.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The layers refuse what is asked of them.
    #[error(transparent)]
    Backbone(#[from] Error),
    /// The replay cannot be started.
    #[error("cannot start a replay: {0}")]
    Start(#[from] std::io::Error),
    /// The recording lacks a kind of data that was asked for.
    #[error("the recording has no {kind}; it has {recorded}")]
    Kind {
        /// What was asked for.
        kind: StreamKind,
        /// What was recorded, separated by commas.
        recorded: String,
    },
    /// The recording is of a venue that this program does not know.
    #[error("the recording is of {0}, which this program does not know")]
    Venue(String),
}

impl ReplayOptions {
    /// Creates the settings of a replay of the whole recording in `dir`, as fast as it can be read.
    #[must_use]
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Self {
            dir: dir.as_ref().to_owned(),
            kinds: Vec::new(),
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            speed: None,
            quiet_bars: false,
        }
    }

    /// Sets the kinds of data to deliver (default: those that were recorded). Bars are made of recorded candles.
    #[must_use]
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = StreamKind>) -> Self {
        self.kinds = kinds.into_iter().collect();
        self
    }

    /// Sets the moment at which to begin. What happened before, such as a subscription, is not played.
    #[must_use]
    pub const fn from(mut self, from: Timestamp) -> Self {
        self.from = from;
        self
    }

    /// Sets the moment before which to end.
    #[must_use]
    pub const fn to(mut self, to: Timestamp) -> Self {
        self.to = to;
        self
    }

    /// Sets how many times faster than the recording to play; `None` for as fast as possible.
    ///
    /// The events do not depend on it.
    #[must_use]
    pub const fn speed(mut self, speed: Option<f64>) -> Self {
        self.speed = speed;
        self
    }

    /// Delivers slots without a trade as bars too.
    #[must_use]
    pub const fn quiet_bars(mut self) -> Self {
        self.quiet_bars = true;
        self
    }

    /// Begins the replay, in a thread of its own.
    ///
    /// # Errors
    ///
    /// If there is no recording, it lacks a kind of data that is asked for, or no thread can be started.
    pub fn start(self) -> Result<Replay, ReplayError> {
        let reader = TapeReader::open_between(&self.dir, self.from, self.to)?;
        let session = reader.session().clone();
        self.check_kinds(&session)?;
        let (sender, events) = sync_channel(EVENTS);
        let stopper = ReplayStopper::default();
        let output = ReplayOutput { events: sender, stopper: stopper.clone() };
        let thread = thread::Builder::new().name("tape-replay".to_owned()).spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
            runtime.block_on(play(self, reader, output))
        })?;
        Ok(Replay { session, events: Some(events), thread: Some(thread), stopper })
    }

    /// Checks that each kind was recorded, or what it is made of.
    fn check_kinds(&self, session: &TapeSession) -> Result<(), ReplayError> {
        let recorded: BTreeSet<_> = session.channels.iter().map(|channel| channel.kind.to_string()).collect();
        let has = |kind: StreamKind| recorded.contains(&kind.to_string());
        match self.kinds.iter().find(|kind| !has(**kind) && !has(kind.streamed_as())) {
            Some(kind) => {
                let recorded = recorded.into_iter().collect::<Vec<_>>().join(", ");
                Err(ReplayError::Kind { kind: *kind, recorded })
            }
            None => Ok(()),
        }
    }
}

/// The outcome of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayReport {
    /// The figures of the replay.
    pub stats: ReplayStats,
    /// The incomplete ends of files, which were left out.
    pub torn_tails: Vec<TornTail>,
    /// The first request that the recording has no answer to, like `/v1/trades/ticks?market=KRW-BTC`.
    pub first_unanswered: Option<String>,
}

/// A replay in progress: the events that a feed delivers from what was recorded.
///
/// It uses no network and no store. Time is that of the recording: while nobody takes its events, it stands still. A
/// request that was not recorded fails, and what it was to heal is reported as lost. Dropping it ends the replay.
#[derive(Debug)]
pub struct Replay {
    session: TapeSession,
    events: Option<Receiver<FeedEvent>>,
    thread: Option<JoinHandle<Result<ReplayReport, ReplayError>>>,
    stopper: ReplayStopper,
}

/// A handle that ends a replay from another thread.
#[derive(Clone, Debug, Default)]
pub struct ReplayStopper(Arc<AtomicBool>);

impl ReplayStopper {
    /// Ends the replay soon, also while it waits for the time of the next event.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Replay {
    /// Returns what was recorded.
    #[must_use]
    pub const fn session(&self) -> &TapeSession {
        &self.session
    }

    /// Returns a handle that ends it from another thread.
    #[must_use]
    pub fn stopper(&self) -> ReplayStopper {
        self.stopper.clone()
    }

    /// Waits for the next event; `None` at the end. It blocks its thread.
    #[expect(clippy::should_implement_trait, reason = "the end may be an error, which `finish` returns")]
    pub fn next(&mut self) -> Option<FeedEvent> {
        self.events.as_ref()?.recv().ok()
    }

    /// Ends the replay, wherever it is.
    ///
    /// # Errors
    ///
    /// If it ended early: the recording is damaged, or the layers refuse what is asked of them.
    pub fn finish(mut self) -> Result<ReplayReport, ReplayError> {
        self.stopper.stop();
        self.events = None;
        let ended = self.thread.take().map(JoinHandle::join);
        ended.and_then(Result::ok).unwrap_or_else(|| Ok(ReplayReport::default()))
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.stopper.stop();
        self.events = None;
        if let Some(thread) = self.thread.take() {
            // It sees that nobody reads any more. A panic in it has been reported already.
            let _ = thread.join();
        }
    }
}

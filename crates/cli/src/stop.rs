//! What ends a command before its work is done: Ctrl-C, SIGTERM, the time of `--for`, or a reader of stdout
//! that has gone. There is one such state, as there is one process and one stdout.
//!
//! Workers check it and end in order. [`until_overdue`] is the other side: it runs on a thread that nothing
//! else can block, receives the signals, and returns when the end has been waited for long enough.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The longest shutdown after a signal: supervisors wait no longer.
const SIGNAL_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1_800);
/// The longest shutdown otherwise.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// The reason for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// An interrupt from the keyboard (Ctrl-C, SIGINT).
    Interrupt,
    /// A request to terminate (SIGTERM).
    Terminate,
    /// The time of `--for` is over.
    Elapsed,
    /// The reader of stdout has gone.
    ReaderGone,
}

impl StopCause {
    const fn shutdown_timeout(self) -> Duration {
        match self {
            Self::Interrupt | Self::Terminate => SIGNAL_SHUTDOWN_TIMEOUT,
            Self::Elapsed | Self::ReaderGone => DEFAULT_SHUTDOWN_TIMEOUT,
        }
    }
}

/// The error of a command that was stopped before it was done.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) StopCause);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            StopCause::Interrupt => "stopped by Ctrl-C; what had arrived is stored",
            StopCause::Terminate => "stopped by SIGTERM; what had arrived is stored",
            StopCause::Elapsed => "the time is over; what had arrived is stored",
            StopCause::ReaderGone => "the reader of the output has gone; what had arrived is stored",
        })
    }
}

impl std::error::Error for Stopped {}

/// The first request counts.
static REQUEST: LazyLock<watch::Sender<Option<(StopCause, Instant)>>> = LazyLock::new(watch::Sender::default);
/// The time at which [`stop_after`] ends it.
static DEADLINE: LazyLock<watch::Sender<Option<Instant>>> = LazyLock::new(watch::Sender::default);

/// Requests the end.
pub(crate) fn request(cause: StopCause) {
    REQUEST.send_if_modified(|request| {
        let is_first = request.is_none();
        if is_first {
            *request = Some((cause, Instant::now()));
        }
        is_first
    });
}

/// Requests the end after `length`.
pub(crate) fn stop_after(length: Duration) {
    // A length beyond what a clock can hold never ends.
    DEADLINE.send_replace(Instant::now().checked_add(length));
}

/// Returns the reason for the end, and the time since it was requested.
pub(crate) fn requested() -> Option<(StopCause, Duration)> {
    let request = *REQUEST.borrow();
    request.map(|(cause, since)| (cause, since.elapsed()))
}

/// Waits until the end is requested.
pub(crate) async fn wait() -> StopCause {
    let mut request = REQUEST.subscribe();
    loop {
        if let Some((cause, _)) = *request.borrow_and_update() {
            return cause;
        }
        // The sender lives as long as the process.
        let _ = request.changed().await;
    }
}

/// Receives signals, and returns when the end has been requested and does not come: the process must exit
/// then.
pub(crate) async fn until_overdue() -> anyhow::Result<StopCause> {
    let mut signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    let cause = tokio::select! {
        cause = wait() => cause,
        cause = signals.next() => cause,
        () = wait_for_deadline() => StopCause::Elapsed,
    };
    request(cause);
    // A second signal means hurry.
    tokio::select! {
        cause = signals.next() => Ok(cause),
        () = tokio::time::sleep(cause.shutdown_timeout()) => Ok(cause),
    }
}

async fn wait_for_deadline() {
    let mut due = DEADLINE.subscribe();
    loop {
        let moment = *due.borrow_and_update();
        tokio::select! {
            () = sleep_until(moment.unwrap_or_else(Instant::now)), if moment.is_some() => return,
            changed = due.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
        }
    }
}

/// The signals that request an end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> StopCause {
        tokio::select! {
            _ = self.interrupt.recv() => StopCause::Interrupt,
            _ = self.terminate.recv() => StopCause::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> StopCause {
        match tokio::signal::ctrl_c().await {
            Ok(()) => StopCause::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

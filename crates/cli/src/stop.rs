//! What ends a command before its work is done: Ctrl-C, SIGTERM, the time that `--for` gave, or a reader of stdout who has
//! gone. There is one of it, as there is one process and one stdout.
//!
//! Whoever works looks at it and ends in order. [`until_overdue`] is the other side: it runs on a thread that nothing else
//! can block, hears the signals, and says when the end has been waited for long enough.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// So long the end may take after a signal; whoever waits for it will not wait longer.
const SIGNAL_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1_800);
/// The same where nobody waits.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// Why it shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// An interrupt from the keyboard (Ctrl-C, SIGINT).
    Interrupt,
    /// A request to terminate (SIGTERM).
    Terminate,
    /// The time that was given is over.
    Elapsed,
    /// Nobody reads stdout any more.
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

/// A command that was stopped before it was done.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) StopCause);

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            StopCause::Interrupt => "stopped by Ctrl-C; what had arrived is kept",
            StopCause::Terminate => "stopped by SIGTERM; what had arrived is kept",
            StopCause::Elapsed => "the time is over; what had arrived is kept",
            StopCause::ReaderGone => "nobody reads the output any more; what had arrived is kept",
        })
    }
}

impl std::error::Error for Stopped {}

/// What was asked for first counts.
static REQUEST: LazyLock<watch::Sender<Option<(StopCause, Instant)>>> = LazyLock::new(watch::Sender::default);
/// When [`after`] ends it.
static DEADLINE: LazyLock<watch::Sender<Option<Instant>>> = LazyLock::new(watch::Sender::default);

/// Asks for the end.
pub(crate) fn request(cause: StopCause) {
    REQUEST.send_if_modified(|request| {
        let is_first = request.is_none();
        if is_first {
            *request = Some((cause, Instant::now()));
        }
        is_first
    });
}

/// Asks for the end after `length`.
pub(crate) fn stop_after(length: Duration) {
    // A length that no clock can hold is no end.
    DEADLINE.send_replace(Instant::now().checked_add(length));
}

/// Why it shall end, and for how long that has been known.
pub(crate) fn requested() -> Option<(StopCause, Duration)> {
    let request = *REQUEST.borrow();
    request.map(|(cause, since)| (cause, since.elapsed()))
}

/// Waits until the end is asked for.
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

/// Hears signals, and returns when the end has been asked for and does not come: the process is to be left then.
pub(crate) async fn until_overdue() -> anyhow::Result<StopCause> {
    let mut signals = Signals::listen().context("cannot listen for Ctrl-C")?;
    let cause = tokio::select! {
        cause = wait() => cause,
        cause = signals.next() => cause,
        () = wait_for_deadline() => StopCause::Elapsed,
    };
    request(cause);
    // Who asks a second time is in a hurry.
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

/// The signals that ask for an end.
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

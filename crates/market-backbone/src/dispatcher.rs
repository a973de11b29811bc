//! Callbacks for live data. Each runs in a task of its own, so that one that is slow or panics does not affect
//! the others.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use market_backbone_core::FeedEvent;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::{Error, SubscribeRequest};

/// A dispatcher of live data to any number of callbacks, each with its own subscription (markets, kinds, start,
/// and every event or only the latest).
///
/// A callback receives its events one after the other and in order; the next one when it has finished the last.
/// While it is slow its own events wait, up to the capacity of its subscription. Beyond that there is a gap,
/// reported and healed like any other, or the events are conflated if the subscription says so. A callback that
/// panics is not called again. The other callbacks are not affected.
///
/// A callback must not block its thread for long, because it shares the thread. Blocking work belongs into
/// `spawn_blocking`, which the callback can await.
#[derive(Debug, Default)]
pub struct Dispatcher {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Dispatcher {
    /// Creates a dispatcher without callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the subscription and calls `callback` with each of its events, until the registration is dropped or the
    /// feed ends.
    ///
    /// # Errors
    ///
    /// If the subscription is invalid, or the venue has no such stream.
    pub async fn register<F, Work>(
        &self,
        request: SubscribeRequest,
        mut callback: F,
    ) -> Result<Registration, Error>
    where
        F: FnMut(FeedEvent) -> Work + Send + 'static,
        Work: Future<Output = ()> + Send,
    {
        let mut feed = request.await?;
        let stop = self.stop.child_token();
        let stopped = stop.clone();
        let work = async move {
            while let Some(Some(event)) = stopped.run_until_cancelled(feed.next()).await {
                callback(event).await;
            }
        };
        // The callback and its feed are dropped with the panic, so nobody sees them in an inconsistent state.
        let work = AssertUnwindSafe(work).catch_unwind();
        let ended = self.tasks.spawn(async move {
            work.await.map_err(|panic| {
                let message = message(panic.as_ref());
                tracing::error!(message, "a callback panicked and is not called again");
                CallbackPanic { message }
            })
        });
        Ok(Registration { stop: stop.drop_guard(), ended })
    }

    /// Returns the number of running callbacks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns whether no callback is running.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Stops all callbacks, and waits until the running calls are finished.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The registration of a callback. Dropping it stops the callback after the running call.
#[derive(Debug)]
#[must_use = "the callback is called only as long as this lives"]
pub struct Registration {
    stop: DropGuard,
    ended: JoinHandle<Result<(), CallbackPanic>>,
}

impl Registration {
    /// Waits until the callback has ended by itself: with its feed, or by a panic.
    ///
    /// # Errors
    ///
    /// If the callback panicked.
    pub async fn ended(self) -> Result<(), CallbackPanic> {
        let Self { stop, ended } = self;
        let result = ended.await.unwrap_or(Ok(())); // it is never aborted, and its panics are caught
        drop(stop);
        result
    }

    /// Stops the callback, and waits for the running call.
    ///
    /// # Errors
    ///
    /// If the callback panicked before.
    pub async fn stop(self) -> Result<(), CallbackPanic> {
        let Self { stop, ended } = self;
        drop(stop);
        ended.await.unwrap_or(Ok(()))
    }

    /// Returns whether the callback has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_finished()
    }
}

/// An error for a callback that panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a callback panicked: {message}")]
pub struct CallbackPanic {
    message: String,
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}

//! Callbacks on live data: each on a task of its own, so that one that is slow or panics is nobody else's trouble.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use market_backbone_core::FeedEvent;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::{Error, SubscribeRequest};

/// Hands live data to callbacks: any number of them, each with a wish of its own (which markets, which kinds, since
/// when, and every event or only the latest).
///
/// A callback gets its events one after the other and in order, the next when it is done with the last. While it is slow
/// its own events wait, up to the depth of its wish; what is more is a gap, told and healed like any other, or conflated
/// away if that is the wish. A callback that panics is not called again. Neither is felt by the others.
///
/// A callback must not block its thread for long, for it shares it: who has to, uses `spawn_blocking` and awaits that.
#[derive(Debug, Default)]
pub struct Dispatcher {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Dispatcher {
    /// A dispatcher without callbacks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins `wish` and calls `callback` with each of its events, until the registration is dropped or the feed ends.
    ///
    /// # Errors
    ///
    /// If the wish makes no sense, or the venue has no such stream.
    pub async fn register<F, Work>(
        &self,
        wish: SubscribeRequest,
        mut callback: F,
    ) -> Result<Registration, Error>
    where
        F: FnMut(FeedEvent) -> Work + Send + 'static,
        Work: Future<Output = ()> + Send,
    {
        let mut feed = wish.await?;
        let stop = self.stop.child_token();
        let stopped = stop.clone();
        let work = async move {
            while let Some(Some(event)) = stopped.run_until_cancelled(feed.next()).await {
                callback(event).await;
            }
        };
        // The callback and its feed are dropped with the panic: nobody sees them half changed.
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

    /// How many callbacks are being served.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Calls nobody any more, and waits until those under way are done.
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

/// A callback being served; dropping it ends that, after the call under way.
#[derive(Debug)]
#[must_use = "the callback is called only as long as this lives"]
pub struct Registration {
    stop: DropGuard,
    ended: JoinHandle<Result<(), CallbackPanic>>,
}

impl Registration {
    /// Waits until it has ended by itself: with its feed, or by a panic.
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

    /// Ends it, and waits for the call under way.
    ///
    /// # Errors
    ///
    /// If the callback panicked before.
    pub async fn stop(self) -> Result<(), CallbackPanic> {
        let Self { stop, ended } = self;
        drop(stop);
        ended.await.unwrap_or(Ok(()))
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_finished()
    }
}

/// A callback panicked.
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

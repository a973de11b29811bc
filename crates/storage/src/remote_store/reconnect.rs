//! Reconnects to an unavailable store, and then writes the backlog.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{CandleStore, StoreError};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::write_backlog::DeferredWrite;
use super::{Availability, RemoteStoreInner, lock};

/// The waits between attempts: the first and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Runs until the store is closed. Reports once how the first attempt ended.
pub(super) async fn run(shared: Arc<RemoteStoreInner>, opened: oneshot::Sender<Result<(), StoreError>>) {
    let mut opened = Some(opened);
    let mut pause = BACKOFF.0;
    let stop = shared.stop.clone();
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = shared.probe_and_flush() => outcome,
        };
        let is_well = outcome.is_ok();
        if let Err(error) = &outcome
            && *shared.availability.borrow() == Availability::Opening
            && (error.is_transient() || opened.is_none())
        {
            shared.mark_unavailable(error);
        }
        if let Some(opened) = opened.take() {
            let _ = opened.send(outcome); // nobody waits for it any more if it took long
        }
        if is_well {
            pause = BACKOFF.0;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.wake.notified(), if is_well => {}
            () = sleep(pause), if !is_well => pause = (pause * 2).min(BACKOFF.1),
        }
    }
}

impl RemoteStoreInner {
    /// Opens the store if it has never been open, checks whether it is back if it was unavailable, and writes
    /// the backlog.
    async fn probe_and_flush(&self) -> Result<(), StoreError> {
        let store = match self.store.get() {
            Some(store) => Arc::clone(store),
            None => {
                let store = (self.opener)().await?;
                Arc::clone(self.store.get_or_init(|| store))
            }
        };
        let phase = *self.availability.borrow();
        let asked_last = lock(&self.last_series).clone();
        if phase == Availability::Unavailable
            && let Some(series) = asked_last
            && let Err(error) = store.coverage(&series).await
            && error.is_transient()
        {
            return Err(error);
        }
        self.availability.send_replace(Availability::Available);
        if phase == Availability::Unavailable {
            tracing::warn!("{} is back", self.name);
        }
        self.flush(&store).await
    }

    /// Writes the backlog to the store.
    pub(super) async fn flush(&self, store: &Arc<dyn CandleStore>) -> Result<(), StoreError> {
        loop {
            let Some((number, owing)) = self.backlog().first() else { return Ok(()) };
            let outcome = match &owing {
                DeferredWrite::Commit(series, candles, known) => store.commit(series, candles, known).await,
                DeferredWrite::Forget(series, range) => store.forget(series, *range).await,
            };
            match outcome {
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => tracing::warn!("{error}; it is not stored there"),
                Ok(()) => {}
            }
            self.backlog().complete(number);
        }
    }
}

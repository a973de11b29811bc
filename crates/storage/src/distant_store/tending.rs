//! Looks after a store that is away: until it is back, and then until it has been told what it is owed.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{CandleStore, StoreError};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::owed::Owing;
use super::{Phase, Shared, lock};

/// How long it is left alone, at first and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Until the store is closed. Says once how the first attempt ended.
pub(super) async fn tend(shared: Arc<Shared>, told: oneshot::Sender<Result<(), StoreError>>) {
    let mut told = Some(told);
    let mut pause = PAUSES.0;
    let stop = shared.stop.clone();
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return,
            outcome = shared.look_after() => outcome,
        };
        let is_well = outcome.is_ok();
        if let Err(error) = &outcome
            && *shared.phase.borrow() == Phase::Opening
            && (error.is_transient() || told.is_none())
        {
            shared.leave(error);
        }
        if let Some(told) = told.take() {
            let _ = told.send(outcome); // nobody waits for it any more where it took long
        }
        if is_well {
            pause = PAUSES.0;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.wake.notified(), if is_well => {}
            () = sleep(pause), if !is_well => pause = (pause * 2).min(PAUSES.1),
        }
    }
}

impl Shared {
    /// Opens it, if it has never been open; looks whether it is back, if it was away; pays what it is owed.
    async fn look_after(&self) -> Result<(), StoreError> {
        let store = match self.store.get() {
            Some(store) => Arc::clone(store),
            None => {
                let store = (self.opener)().await?;
                Arc::clone(self.store.get_or_init(|| store))
            }
        };
        let phase = *self.phase.borrow();
        let asked_last = lock(&self.asked_last).clone();
        if phase == Phase::Away
            && let Some(series) = asked_last
            && let Err(error) = store.coverage(&series).await
            && error.is_transient()
        {
            return Err(error);
        }
        self.phase.send_replace(Phase::Here);
        if phase == Phase::Away {
            tracing::warn!("{} is back", self.name);
        }
        self.pay(&store).await
    }

    /// Tells the store what it has not been told.
    pub(super) async fn pay(&self, store: &Arc<dyn CandleStore>) -> Result<(), StoreError> {
        loop {
            let Some((number, owing)) = self.owed().first() else { return Ok(()) };
            let outcome = match &owing {
                Owing::Keep(series, candles, known) => store.commit(series, candles, known).await,
                Owing::Forget(series, range) => store.forget(series, *range).await,
            };
            match outcome {
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => tracing::warn!("{error}; it is not kept there"),
                Ok(()) => {}
            }
            self.owed().paid(number);
        }
    }
}

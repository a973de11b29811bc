//! Waiting for a condition, with a deadline that a loaded machine keeps.

use std::panic::Location;
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// The time after which a test gives up, real or simulated.
const DEADLINE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Waits for `future`, two minutes at most.
#[track_caller]
pub fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = Location::caller();
    async move {
        match timeout(DEADLINE, future).await {
            Ok(output) => output,
            Err(_) => panic!("did not happen in {DEADLINE:?}: {caller}"),
        }
    }
}

/// Waits until `condition` holds, two minutes at most.
#[track_caller]
pub fn eventually(mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    eventually_async(move || std::future::ready(condition()))
}

/// Waits until `condition`, which takes a while to find out, holds; two minutes at most.
#[track_caller]
pub fn eventually_async(mut condition: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    soon(async move {
        while !condition().await {
            sleep(POLL_INTERVAL).await;
        }
    })
}

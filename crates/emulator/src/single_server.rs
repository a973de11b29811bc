//! The time that the venue needs for a request, and the way there and back.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::faults::Faults;

/// A server that works on one request at a time, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct SingleServer {
    busy: Mutex<()>,
    calls: AtomicU64,
}

impl SingleServer {
    /// Waits for the part of the way that passes before a request is counted.
    pub(crate) async fn travel(&self, faults: &Faults, seed: u64) {
        if faults.counted_after > 0.0 {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(faults.way_there(seed, call)).await;
        }
    }

    /// Waits until the server has worked on request `number`, if that takes any time.
    pub(crate) async fn serve(&self, faults: &Faults, seed: u64, number: u64) {
        let service = faults.service(seed, number);
        if !service.is_zero() {
            let _busy = self.busy.lock().await;
            tokio::time::sleep(service).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_that_come_at_once_are_served_one_after_the_other() {
        let faults = Faults { service_ms: 5, service_jitter_ms: 15, ..Faults::default() };
        let (server, started) = (SingleServer::default(), Instant::now());
        let serve = |number| {
            let server = &server;
            async move {
                server.serve(&faults, 1, number).await;
                started.elapsed()
            }
        };
        let ends = futures::future::join_all((0..10).map(serve)).await;
        let each = ends.windows(2).map(|two| two[1] - two[0]);
        let range = Duration::from_millis(5)..Duration::from_millis(22);
        assert!(each.into_iter().all(|took| range.contains(&took)), "{ends:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_part_before_the_count_is_waited_for_before_it() {
        let faults = Faults { latency_ms: 40, counted_after: 0.5, ..Faults::default() };
        let (server, started) = (SingleServer::default(), Instant::now());
        server.travel(&faults, 1).await;
        assert_eq!((started.elapsed().as_millis(), faults.delay(1, 1).as_millis()), (20, 20));
        server.travel(&Faults { counted_after: 0.0, ..faults }, 1).await;
        assert_eq!(started.elapsed().as_millis(), 20);
    }
}

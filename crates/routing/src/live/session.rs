//! Keeps a connection standing while anything is wanted.
//!
//! One connection for now: a venue's socket carries every channel. The set of wishes, the cache and the readers know
//! nothing of connections but their number, so that more of them can share the work later.

use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;

use market_backbone_core::GapCause;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connection::{Connection, End, Loss};
use super::dial::{Dialer, Socket};
use super::state::{Refusal, State};

/// Ends the readers when the session does, by whatever way: a reader must not wait for a task that is gone.
struct LastOrders(Arc<State>);

impl Drop for LastOrders {
    fn drop(&mut self) {
        self.0.link.set(0);
        self.0.fanout.close();
    }
}

/// The task behind a hub.
pub(super) struct Session {
    state: Arc<State>,
    dialer: Dialer,
    cancel: CancellationToken,
    changes: watch::Receiver<u64>,
    backoff: Backoff,
}

impl Session {
    pub(super) fn new(state: Arc<State>, dialer: Dialer, cancel: CancellationToken) -> Self {
        let changes = state.desired.changes();
        let backoff = Backoff::new(state.config.reconnect);
        Self { state, dialer, cancel, changes, backoff }
    }

    /// Runs until cancelled; then every reader ends.
    pub(super) async fn run(mut self) {
        let _last = LastOrders(Arc::clone(&self.state));
        let cancel = self.cancel.clone();
        loop {
            // Connections are served outside of this, so that they can be closed in good order.
            let Some(socket) = cancel.run_until_cancelled(self.next_socket()).await else { break };
            if self.serve(socket).await.is_break() {
                break;
            }
        }
    }

    /// Waits until something is wanted, then connects, as often as it takes.
    async fn next_socket(&mut self) -> Socket {
        loop {
            self.until_wanted().await;
            match self.dialer.connect().await {
                Ok(socket) => return socket,
                Err(error) => {
                    self.state.counters.connect_failures.add(1);
                    let wait = self.backoff.after_failure();
                    tracing::warn!(%error, ?wait, "no connection; trying again");
                    sleep(wait).await;
                }
            }
        }
    }

    /// Waits until something is wanted that the venue has not refused for good.
    async fn until_wanted(&mut self) {
        loop {
            let version = *self.changes.borrow_and_update();
            let refused = self.state.refusal().is_some_and(|refusal| refusal.version == version);
            if !refused && !self.state.desired.is_empty() {
                self.state.set_refusal(None);
                return;
            }
            if self.changes.changed().await.is_err() {
                pending::<()>().await;
            }
        }
    }

    /// Serves one connection to its end, and waits as long as is due before the next.
    async fn serve(&mut self, socket: Socket) -> ControlFlow<()> {
        let state = Arc::clone(&self.state);
        state.counters.connects.add(1);
        let number = state.counters.connects.get();
        let mut connection = Connection::new(&state, socket, number);
        state.link.heard(connection.since);
        state.link.set(number);
        tracing::info!(url = self.dialer.url, number, "connected");
        let end = connection.run(&mut self.changes, &self.cancel).await;
        state.link.set(0);
        match end {
            End::Shutdown => {
                connection.close(state.config.close_timeout).await;
                ControlFlow::Break(())
            }
            End::Idle => {
                tracing::info!("nothing is wanted; closing the connection");
                connection.close(state.config.close_timeout).await;
                state.desired.settle(&state.cache);
                ControlFlow::Continue(())
            }
            End::Lost(loss) => self.lost(connection, loss).await,
        }
    }

    /// Tells those concerned, and waits before the next attempt.
    async fn lost(&mut self, connection: Connection<'_>, loss: Loss) -> ControlFlow<()> {
        let state = &self.state;
        state.counters.drops.add(1);
        let Loss { cause, terminal, message } = loss;
        let has = connection.reconcile.has();
        state.desired.settle(&state.cache);
        state.fanout.open_gap(connection.last_frame, cause, |channel| has.binary_search(channel).is_ok());
        if terminal {
            tracing::error!(
                message,
                "the venue refuses the subscriptions; not trying again until they change"
            );
            let version = connection.reconcile.version();
            state.set_refusal(Some(Refusal { version, message }));
            state.fanout.open_gap(connection.last_frame, GapCause::Refused, |_| true);
            return ControlFlow::Continue(());
        }
        let refused = cause == GapCause::Refused;
        let wait = if connection.decoder.delivered && !refused {
            self.backoff.after_delivery(connection.since.elapsed())
        } else {
            self.backoff.after_failure()
        };
        drop(connection);
        tracing::warn!(cause = cause.as_str(), message, ?wait, "connection lost; connecting again");
        match self.cancel.run_until_cancelled(sleep(wait)).await {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(()),
        }
    }
}

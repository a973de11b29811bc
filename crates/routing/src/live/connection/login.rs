//! The login that some venues require before a subscription.

use futures::{SinkExt, StreamExt};
use market_backbone_core::{ControlMessage, GapCause, Login, Secret};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite;

use super::Connection;
use super::end::{ConnectionEnd, ConnectionLoss};
use super::handshake::write_unlogged;

impl Connection {
    /// Logs in, where the venue requires it. The message holds the key and is never logged.
    pub(super) async fn authenticate(&mut self) -> Result<(), ConnectionEnd> {
        let Some(greeting) = self.state.venue.login() else { return Ok(()) };
        let (cancel, by) = (self.cancel.clone(), self.connected_at + greeting.timeout);
        match cancel.run_until_cancelled(timeout_at(by, self.run_login(&greeting))).await {
            None => Err(ConnectionEnd::Shutdown),
            Some(Ok(done)) => done.map_err(ConnectionEnd::Lost),
            Some(Err(_)) => {
                let message =
                    format!("the venue did not accept the login within {} s", greeting.timeout.as_secs());
                Err(ConnectionEnd::Lost(ConnectionLoss::new(GapCause::Disconnected, message)))
            }
        }
    }

    async fn run_login(&mut self, greeting: &Login) -> Result<(), ConnectionLoss> {
        let mut spoken = !greeting.awaits_prompt;
        if spoken {
            self.send_login(greeting).await?;
        }
        loop {
            let frame = self.socket.next().await;
            match self.read_one(frame)? {
                Some(ControlMessage::LoginPrompt) if !spoken => {
                    self.send_login(greeting).await?;
                    spoken = true;
                }
                Some(ControlMessage::LoggedIn) => return Ok(()),
                _ => {}
            }
        }
    }

    async fn send_login(&mut self, greeting: &Login) -> Result<(), ConnectionLoss> {
        for message in &greeting.messages {
            let turn = self.reconciler.acquire_login_permits().await;
            let _permits = turn.map_err(|error| {
                ConnectionLoss::new(GapCause::Disconnected, format!("cannot log in: {error}"))
            })?;
            self.send_unlogged(message).await?;
        }
        Ok(())
    }

    /// Sends a message past the library, which would log it.
    async fn send_unlogged(&mut self, message: &Secret) -> Result<(), ConnectionLoss> {
        let socket = &mut self.socket;
        let said = async {
            // An answer to a ping may still be queued.
            socket.flush().await?;
            write_unlogged(socket.get_mut(), message.reveal()).await?;
            Ok::<(), tungstenite::Error>(())
        };
        let said = timeout(self.state.config.send_timeout, said).await;
        said.map_err(|_| ConnectionLoss::new(GapCause::Silent, "the connection accepts no more messages"))??;
        self.last_sent_at = Instant::now();
        Ok(())
    }
}

//! What a venue wants to hear before it may be asked for anything.

use futures::{SinkExt, StreamExt};
use market_backbone_core::{Control, GapCause, Greeting, Secret};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite;

use super::Connection;
use super::ending::{End, Loss};
use super::opening::write_unheard;

impl Connection {
    /// Greets the venue, where it wants to be greeted. What we say is never logged, by nobody: it holds the key.
    pub(super) async fn greet(&mut self) -> Result<(), End> {
        let Some(greeting) = self.state.venue.greeting() else { return Ok(()) };
        let (cancel, by) = (self.cancel.clone(), self.since + greeting.within);
        match cancel.run_until_cancelled(timeout_at(by, self.converse(&greeting))).await {
            None => Err(End::Shutdown),
            Some(Ok(done)) => done.map_err(End::Lost),
            Some(Err(_)) => {
                let message =
                    format!("the venue did not accept the greeting within {} s", greeting.within.as_secs());
                Err(End::Lost(Loss::new(GapCause::Disconnected, message)))
            }
        }
    }

    async fn converse(&mut self, greeting: &Greeting) -> Result<(), Loss> {
        let mut spoken = !greeting.awaits_hello;
        if spoken {
            self.speak(greeting).await?;
        }
        loop {
            let frame = self.socket.next().await;
            match self.read_one(frame)? {
                Some(Control::Hello) if !spoken => {
                    self.speak(greeting).await?;
                    spoken = true;
                }
                Some(Control::Ready) => return Ok(()),
                _ => {}
            }
        }
    }

    async fn speak(&mut self, greeting: &Greeting) -> Result<(), Loss> {
        for message in &greeting.messages {
            let turn = self.reconcile.turn_to_speak().await;
            let _permits =
                turn.map_err(|error| Loss::new(GapCause::Disconnected, format!("cannot greet: {error}")))?;
            self.say_unheard(message).await?;
        }
        Ok(())
    }

    /// Sends a message past the library, which would log it.
    async fn say_unheard(&mut self, message: &Secret) -> Result<(), Loss> {
        let socket = &mut self.socket;
        let said = async {
            // An answer to a ping may be on its way.
            socket.flush().await?;
            write_unheard(socket.get_mut(), message.reveal()).await?;
            Ok::<(), tungstenite::Error>(())
        };
        let said = timeout(self.state.config.send_timeout, said).await;
        said.map_err(|_| Loss::new(GapCause::Silent, "the connection takes no more messages"))??;
        self.last_out = Instant::now();
        Ok(())
    }
}

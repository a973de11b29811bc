//! What a venue wants to hear before it may be asked for anything.

use futures::StreamExt;
use market_backbone_core::{Control, GapCause, Greeting};
use tokio::time::timeout_at;
use tokio_tungstenite::tungstenite::Message;

use super::Connection;
use super::ending::{End, Loss};

impl Connection {
    /// Greets the venue, where it wants to be greeted. Nothing of what is said is ever logged: keys are.
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
            self.send(Message::text(message.reveal())).await?;
        }
        Ok(())
    }
}

//! The way in to an emulator that has no port.

use std::io;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// So many clients may wait to be let in.
const WAITING: usize = 64;
/// What one side may have sent that the other has not read, in bytes.
const BUFFER: usize = 64 << 10;

/// The way in to an emulator that is reached from within its process only; clones lead to the same one.
#[derive(Clone, Debug)]
pub struct Connector(mpsc::Sender<DuplexStream>);

impl Connector {
    pub(crate) fn new() -> (Self, mpsc::Receiver<DuplexStream>) {
        let (sender, callers) = mpsc::channel(WAITING);
        (Self(sender), callers)
    }

    /// The client's end of a new connection, as one to the port would be.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) if the emulator has stopped.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (near, far) = duplex(BUFFER);
        let stopped = |_| io::Error::new(io::ErrorKind::ConnectionRefused, "the emulator has stopped");
        self.0.send(far).await.map_err(stopped)?;
        Ok(near)
    }
}

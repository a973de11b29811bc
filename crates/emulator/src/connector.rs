//! The connector to an emulator without a port.

use std::io;

use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

/// The number of clients that may wait to be accepted.
const WAITING: usize = 64;
/// The number of bytes that one side may have sent and the other has not read.
const BUFFER: usize = 64 << 10;

/// A connector to an emulator that is reached only from within its process; clones lead to the same one.
#[derive(Clone, Debug)]
pub struct Connector(mpsc::Sender<DuplexStream>);

impl Connector {
    pub(crate) fn new() -> (Self, mpsc::Receiver<DuplexStream>) {
        let (sender, callers) = mpsc::channel(WAITING);
        (Self(sender), callers)
    }

    /// Opens a new connection and returns the client's end.
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

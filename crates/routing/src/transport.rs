//! Another way to a venue than over the network.

use std::fmt::Debug;
use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

/// Carries requests and sockets to a venue instead of the network.
///
/// For example to an emulated venue in the same process, where no port is opened and time may be paused.
///
/// It sees the key that requests bear. Nothing is encrypted on the way, whatever the addresses say; turns, deadlines,
/// repeats and reconnects are as over the network.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Asks, and brings the whole answer.
    ///
    /// Dropping the future abandons the request.
    ///
    /// # Errors
    ///
    /// If no answer came, or not all of it.
    async fn send(&self, request: http::Request<()>) -> io::Result<http::Response<Vec<u8>>>;

    /// A stream of bytes to where the venue is listened to. The handshake of the socket goes over it.
    ///
    /// # Errors
    ///
    /// If the venue cannot be reached.
    async fn connect(&self) -> io::Result<Box<dyn ByteStream>>;
}

const _: fn(&dyn Transport) = |_| ();

/// Bytes that go both ways.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

//! A way to reach a venue other than over the network.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use market_backbone_core::WireObserver;
use tokio::io::{AsyncRead, AsyncWrite};

/// Carries requests and sockets to a venue instead of the network.
///
/// For example to an emulated venue in the same process, where no port is opened and time may be paused.
///
/// It sees the key that requests carry. Nothing is encrypted on the way, whatever the addresses say. Rate
/// limits, deadlines, retries and reconnects are as over the network.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends a request and returns the whole response.
    ///
    /// Dropping the future abandons the request.
    ///
    /// # Errors
    ///
    /// If no response came, or an incomplete one.
    async fn send(&self, request: http::Request<()>) -> io::Result<http::Response<Vec<u8>>>;

    /// Opens a stream of bytes to the venue's socket address. The handshake of the socket goes over it.
    ///
    /// # Errors
    ///
    /// If the venue cannot be reached.
    async fn connect(&self) -> io::Result<Box<dyn ByteStream>>;
}

const _: fn(&dyn Transport) = |_| ();

/// A bidirectional stream of bytes.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

/// An observer of all that arrives.
pub(crate) type SharedObserver = Arc<dyn WireObserver>;

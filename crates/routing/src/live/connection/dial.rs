//! Opens connections.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use market_backbone_core::{GapCause, Priority, RateLimitGroup, SourceError, SourceErrorKind, VenueId};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{Error, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::either::Either;

use super::end::{ConnectionEnd, ConnectionLoss};
use super::handshake;
use super::websocket_url::WebSocketUrl;
use crate::Limiter;
use crate::transport::{ByteStream, Transport};
use crate::venue_clock_sync::VenueClockSync;

/// An open socket.
pub(in crate::live) type ClientSocket = WebSocketStream<NetworkStream>;

/// A stream over the network or over a transport.
type NetworkStream = Either<MaybeTlsStream<TcpStream>, Box<dyn ByteStream>>;

/// A dialer for one address, whose attempts share the venue's limit on connects.
#[derive(Debug)]
pub(in crate::live) struct Dialer {
    pub(in crate::live) venue: VenueId,
    /// The address. An invalid one is an error of each attempt.
    pub(in crate::live) address: Result<WebSocketUrl, SourceError>,
    pub(in crate::live) tls: Arc<ClientConfig>,
    /// The transport used instead of the network.
    pub(in crate::live) transport: Option<Arc<dyn Transport>>,
    pub(in crate::live) limiter: Limiter,
    pub(in crate::live) group: RateLimitGroup,
    pub(in crate::live) timeout: Duration,
    /// The clock that the date of a handshake corrects.
    pub(in crate::live) time: Option<Arc<VenueClockSync>>,
    /// True if a socket was ever opened at the address.
    pub(in crate::live) has_opened: AtomicBool,
}

impl Dialer {
    /// Connects, or returns how the attempt ended. Dropping the future abandons the attempt.
    pub(in crate::live) async fn connect(&self, priority: Priority) -> Result<ClientSocket, ConnectionEnd> {
        let address = self.address.as_ref().map_err(|error| ConnectionEnd::Unreachable(error.clone()))?;
        let permit = self.limiter.acquire(self.group, priority).await.map_err(ConnectionEnd::Unreachable)?;
        let begun = self.time.as_ref().map(|time| time.machine());
        let result = timeout(self.timeout, self.open(address)).await;
        permit.answered();
        match result {
            Ok(Ok((socket, reply))) => {
                if let (Some(time), Some(begun)) = (&self.time, begun) {
                    let header = |name| reply.headers().get(name).and_then(|value| value.to_str().ok());
                    time.on_handshake(begun, header);
                }
                self.has_opened.store(true, Relaxed);
                Ok(socket)
            }
            Ok(Err(Error::Http(reply))) => Err(self.handshake_end(&reply)),
            Ok(Err(error)) => Err(ConnectionEnd::Unreachable(
                self.connect_error(SourceErrorKind::Unreachable).with_source(error),
            )),
            Err(_) => Err(ConnectionEnd::Unreachable(self.connect_error(SourceErrorKind::TimedOut))),
        }
    }

    async fn open(
        &self,
        address: &WebSocketUrl,
    ) -> Result<(ClientSocket, http::Response<Option<Vec<u8>>>), Error> {
        if let Some(transport) = &self.transport {
            return handshake::open(Either::Right(transport.connect().await?), address).await;
        }
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        stream.set_nodelay(true)?;
        let stream = if address.is_secure {
            let name = ServerName::try_from(address.host.clone()).map_err(std::io::Error::other)?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            MaybeTlsStream::Rustls(connector.connect(name, stream).await?)
        } else {
            MaybeTlsStream::Plain(stream)
        };
        handshake::open(Either::Left(stream), address).await
    }

    /// Returns the public part of the address.
    pub(super) fn endpoint(&self) -> String {
        self.address.as_ref().map(WebSocketUrl::to_string).unwrap_or_default()
    }

    /// Classifies an answer of the venue that opened no socket. What it says about limits counts for all that
    /// share them.
    fn handshake_end(&self, reply: &http::Response<Option<Vec<u8>>>) -> ConnectionEnd {
        let message = format!("{} answers {} instead of opening a socket", self.endpoint(), reply.status());
        if reply.status() == http::StatusCode::UNAUTHORIZED {
            let message = format!("{message}; check the key");
            return refused(SourceErrorKind::Unauthorized, message);
        }
        if is_not_websocket(reply.status()) && !self.has_opened.load(Relaxed) {
            let message = format!("{message}; check the address of the socket");
            return refused(SourceErrorKind::NoSuchRoute, message);
        }
        let wait = reply.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = wait.map(Duration::from_secs);
        let kind = match reply.status().as_u16() {
            429 => {
                self.limiter.throttled(self.group, wait);
                SourceErrorKind::Throttled(wait)
            }
            418 => {
                self.limiter.banned(wait);
                SourceErrorKind::Banned(wait)
            }
            500.. => SourceErrorKind::VenueFault,
            _ => SourceErrorKind::BadRequest,
        };
        ConnectionEnd::Unreachable(SourceError::new(kind, message).at_venue(self.venue))
    }

    fn connect_error(&self, kind: SourceErrorKind) -> SourceError {
        SourceError::new(kind, format!("cannot open a socket to {}", self.endpoint())).at_venue(self.venue)
    }
}

/// The end of an attempt that the venue would refuse again.
fn refused(kind: SourceErrorKind, message: String) -> ConnectionEnd {
    let loss = ConnectionLoss::new(GapCause::Refused, message);
    ConnectionEnd::Lost(ConnectionLoss { kind, terminal: true, ..loss })
}

/// Returns whether the status says that there is no socket at this address. If one was opened there before,
/// it is about to move.
fn is_not_websocket(status: http::StatusCode) -> bool {
    const TRANSIENT: [u16; 4] = [408, 418, 425, 429];
    status.is_success() || (status.is_client_error() && !TRANSIENT.contains(&status.as_u16()))
}

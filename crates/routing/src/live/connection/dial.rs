//! How a connection comes to stand.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use market_backbone_core::{CallGroup, GapCause, Priority, SourceError, SourceErrorKind, VenueId};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{Error, http};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::either::Either;

use super::address::Address;
use super::ending::{End, Loss};
use super::opening;
use crate::Limiter;
use crate::transport::{ByteStream, Transport};
use crate::venue_time::VenueTime;

/// A socket that stands.
pub(in crate::live) type Socket = WebSocketStream<Line>;

/// Over the network, or carried.
type Line = Either<MaybeTlsStream<TcpStream>, Box<dyn ByteStream>>;

/// Connects to one address, in turn with all else that does.
#[derive(Debug)]
pub(in crate::live) struct Dialer {
    pub(in crate::live) venue: VenueId,
    /// An unreadable one is an error of each attempt.
    pub(in crate::live) address: Result<Address, SourceError>,
    pub(in crate::live) tls: Arc<ClientConfig>,
    /// What is used instead of the network.
    pub(in crate::live) transport: Option<Arc<dyn Transport>>,
    pub(in crate::live) limiter: Limiter,
    pub(in crate::live) group: CallGroup,
    pub(in crate::live) timeout: Duration,
    /// What the date of a handshake is good for.
    pub(in crate::live) time: Option<Arc<VenueTime>>,
    /// Whether a socket was ever opened there.
    pub(in crate::live) has_opened: AtomicBool,
}

impl Dialer {
    /// Connects, or says how that ended. Dropping the future abandons the attempt.
    pub(in crate::live) async fn connect(&self, priority: Priority) -> Result<Socket, End> {
        let address = self.address.as_ref().map_err(|error| End::Unreachable(error.clone()))?;
        let permit = self.limiter.acquire(self.group, priority).await.map_err(End::Unreachable)?;
        let begun = self.time.as_ref().map(|time| time.machine());
        let result = timeout(self.timeout, self.open(address)).await;
        permit.answered();
        match result {
            Ok(Ok((socket, reply))) => {
                if let (Some(time), Some(begun)) = (&self.time, begun) {
                    let header = |name| reply.headers().get(name).and_then(|value| value.to_str().ok());
                    time.greeted(begun, header);
                }
                self.has_opened.store(true, Relaxed);
                Ok(socket)
            }
            Ok(Err(Error::Http(reply))) => Err(self.refused(&reply)),
            Ok(Err(error)) => {
                Err(End::Unreachable(self.failure(SourceErrorKind::Unreachable).because(error)))
            }
            Err(_) => Err(End::Unreachable(self.failure(SourceErrorKind::TimedOut))),
        }
    }

    async fn open(&self, address: &Address) -> Result<(Socket, http::Response<Option<Vec<u8>>>), Error> {
        if let Some(transport) = &self.transport {
            return opening::open(Either::Right(transport.connect().await?), address).await;
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
        opening::open(Either::Left(stream), address).await
    }

    /// Where it connects to, as far as anybody may know.
    pub(super) fn place(&self) -> String {
        self.address.as_ref().map(Address::to_string).unwrap_or_default()
    }

    /// The venue answered, but not with a socket. Whatever it says of limits counts for all who share them.
    fn refused(&self, reply: &http::Response<Option<Vec<u8>>>) -> End {
        let message = format!("{} answers {} instead of opening a socket", self.place(), reply.status());
        if reply.status() == http::StatusCode::UNAUTHORIZED {
            let message = format!("{message}; check the key");
            return End::Lost(Loss { terminal: true, ..Loss::new(GapCause::Refused, message) });
        }
        if is_no_socket(reply.status()) && !self.has_opened.load(Relaxed) {
            let message = format!("{message}; check the address of the socket");
            return End::Lost(Loss { terminal: true, ..Loss::new(GapCause::Refused, message) });
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
        End::Unreachable(SourceError::new(kind, message).at(self.venue))
    }

    fn failure(&self, kind: SourceErrorKind) -> SourceError {
        SourceError::new(kind, format!("cannot open a socket to {}", self.place())).at(self.venue)
    }
}

/// Whether whoever answers so knows of no socket at that address. Where one was opened before, it is about to move.
fn is_no_socket(status: http::StatusCode) -> bool {
    const PASSING: [u16; 4] = [408, 418, 425, 429];
    status.is_success() || (status.is_client_error() && !PASSING.contains(&status.as_u16()))
}

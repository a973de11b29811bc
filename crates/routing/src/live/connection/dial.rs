//! How a connection comes to stand.

use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::{CallGroup, GapCause, Priority, SourceError, SourceErrorKind, VenueId};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, http};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::ending::{End, Loss};
use crate::Limiter;
use crate::venue_time::VenueTime;

/// A socket that stands.
pub(in crate::live) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects to one address, in turn with all else that does.
#[derive(Debug)]
pub(in crate::live) struct Dialer {
    pub(in crate::live) venue: VenueId,
    pub(in crate::live) url: String,
    pub(in crate::live) tls: Arc<ClientConfig>,
    pub(in crate::live) limiter: Limiter,
    pub(in crate::live) group: CallGroup,
    pub(in crate::live) timeout: Duration,
    /// What the date of a handshake is good for.
    pub(in crate::live) time: Option<Arc<VenueTime>>,
}

impl Dialer {
    /// Connects, or says how that ended. Dropping the future abandons the attempt.
    pub(in crate::live) async fn connect(&self, priority: Priority) -> Result<Socket, End> {
        let permit = self.limiter.acquire(self.group, priority).await.map_err(End::Unreachable)?;
        let tls = Connector::Rustls(Arc::clone(&self.tls));
        let begun = self.time.as_ref().map(|time| time.machine());
        let attempt = connect_async_tls_with_config(self.url.as_str(), None, true, Some(tls));
        let result = timeout(self.timeout, attempt).await;
        permit.answered();
        match result {
            Ok(Ok((socket, reply))) => {
                if let (Some(time), Some(begun)) = (&self.time, begun) {
                    let header = |name| reply.headers().get(name).and_then(|value| value.to_str().ok());
                    time.greeted(begun, header);
                }
                Ok(socket)
            }
            Ok(Err(Error::Http(reply))) => Err(self.refused(&reply)),
            Ok(Err(error)) => {
                Err(End::Unreachable(self.failure(SourceErrorKind::Unreachable).because(error)))
            }
            Err(_) => Err(End::Unreachable(self.failure(SourceErrorKind::TimedOut))),
        }
    }

    /// The venue answered, but not with a socket. Whatever it says of limits counts for all who share them.
    fn refused(&self, reply: &http::Response<Option<Vec<u8>>>) -> End {
        let message = format!("{} answers {} instead of opening a socket", self.url, reply.status());
        if reply.status() == http::StatusCode::UNAUTHORIZED {
            let message = format!("{message}; check the key");
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
        SourceError::new(kind, format!("cannot open a socket to {}", self.url)).at(self.venue)
    }
}

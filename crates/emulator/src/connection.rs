//! One connection: requests through hyper, and, after an upgrade, a WebSocket session.
//!
//! hyper is used directly because faults need what a framework hides: ending a connection with a reset and
//! without an answer. A session runs in its connection's own task, so nothing outlives the server.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{self, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::world::EmulatorWorld;
use crate::{EmulatedVenue, admin, calendar};

/// The server's end of a WebSocket.
pub(crate) type ServerSocket = WebSocketStream<TokioIo<Upgraded>>;

/// The time in which a client that asked for an upgrade must follow.
const UPGRADE_DEADLINE: Duration = Duration::from_secs(10);

/// A marker that the connection is to be reset without an answer.
#[derive(Debug, thiserror::Error)]
#[error("reset on purpose")]
pub(crate) struct ConnectionReset;

/// What a venue does with a socket, until either side ends it.
type SocketSession = Box<dyn FnOnce(ServerSocket, Arc<EmulatorWorld>) -> BoxFuture<'static, ()> + Send>;

/// The place where a request leaves the upgrade it asked for, and what is to follow.
#[derive(Default)]
pub(crate) struct UpgradeSlot(Mutex<Option<(OnUpgrade, SocketSession)>>);

impl UpgradeSlot {
    pub(crate) fn put<F>(
        &self,
        upgrade: OnUpgrade,
        session: impl FnOnce(ServerSocket, Arc<EmulatorWorld>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let session: SocketSession = Box::new(move |socket, world| session(socket, world).boxed());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, session));
    }

    fn take(&self) -> Option<(OnUpgrade, SocketSession)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A stream that can end in a reset.
pub(crate) trait ResettableStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the end of the stream discard what is queued and reset the connection.
    fn reset(&self);
}

impl ResettableStream for TcpStream {
    fn reset(&self) {
        // Closing with linger 0 discards what is queued and sends RST instead of FIN.
        let _ = self.set_zero_linger();
    }
}

impl ResettableStream for DuplexStream {
    /// Does nothing: within a process there is only one way to end.
    fn reset(&self) {}
}

/// Serves one connection to its end.
pub(crate) async fn drive(stream: impl ResettableStream, peer: IpAddr, world: Arc<EmulatorWorld>) {
    let resets = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(ConnectionStream { stream, resets: Arc::clone(&resets) });
    let slot = UpgradeSlot::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (world, resets, slot) = (&world, &resets, &slot);
        async move {
            let answered = answer(world, peer, request, slot).await;
            if answered.is_err() {
                resets.store(true, Ordering::SeqCst);
            }
            answered
        }
    });
    let served = http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service).with_upgrades();
    if let Err(error) = served.await {
        tracing::debug!(%error, "connection ended");
        return;
    }
    let Some((upgrade, session)) = slot.take() else { return };
    match timeout(UPGRADE_DEADLINE, upgrade).await {
        Ok(Ok(upgraded)) => {
            let socket = ServerSocket::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            session(socket, world).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "upgrade failed"),
        Err(_) => tracing::debug!("upgrade never came"),
    }
}

async fn answer(
    world: &Arc<EmulatorWorld>,
    peer: IpAddr,
    request: Request<Incoming>,
    slot: &UpgradeSlot,
) -> Result<Response<Body>, ConnectionReset> {
    if request.uri().path().starts_with(admin::PREFIX) {
        let headers = request.headers().clone();
        return Ok(admin::answer(world, request.map(Body::new)).await.send(&headers));
    }
    let venue = EmulatedVenue::of_path(request.uri().path());
    let mut response = (venue.answer)(world, peer, request, slot).await?;
    // Otherwise hyper would date the answer by this machine's clock.
    if let Ok(date) = HeaderValue::from_str(&calendar::http_date(world.now_ms())) {
        response.headers_mut().insert(header::DATE, date);
    }
    world.traffic_log.record_fault("clock_offset", u64::from(world.offset_ms() != 0));
    Ok(response)
}

/// A stream of a connection that may be reset.
#[derive(Debug)]
struct ConnectionStream<S: ResettableStream> {
    stream: S,
    resets: Arc<AtomicBool>,
}

impl<S: ResettableStream> Drop for ConnectionStream<S> {
    fn drop(&mut self) {
        if self.resets.load(Ordering::SeqCst) {
            self.stream.reset();
        }
    }
}

impl<S: ResettableStream> AsyncRead for ConnectionStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: ResettableStream> AsyncWrite for ConnectionStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.resets.load(Ordering::SeqCst) {
            // An orderly shutdown would send a FIN before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

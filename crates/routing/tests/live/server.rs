//! A socket server that does what the test says, step by step.

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
pub(crate) use market_backbone_testkit::{eventually, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

/// The listening side.
pub(crate) struct Server {
    listener: TcpListener,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Accepts the next connection, without an answer yet.
    pub(crate) async fn accept_quietly(&self) -> TcpStream {
        soon(self.listener.accept()).await.unwrap().0
    }

    /// Accepts the next connection, whenever it comes.
    pub(crate) async fn accept_patiently(&self) -> TcpStream {
        self.listener.accept().await.unwrap().0
    }

    /// Accepts the next connection and opens a socket on it.
    pub(crate) async fn accept(&self) -> Peer {
        Peer::open(self.accept_quietly().await).await
    }

    /// Accepts the next connection, opens a socket on it, and reads its first subscription.
    pub(crate) async fn subscribed(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.subscription().await;
        peer
    }

    /// Returns whether nobody connects for `duration`.
    pub(crate) async fn stays_alone_for(&self, duration: Duration) -> bool {
        timeout(duration, self.listener.accept()).await.is_err()
    }

    /// Accepts the next connection and answers it with an HTTP status instead of a socket.
    pub(crate) async fn answer_status(&self, status: &str) {
        let mut stream = self.accept_quietly().await;
        let mut request = [0; 4_096];
        soon(stream.read(&mut request)).await.unwrap();
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(reply.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

/// The venue's end of one connection. Dropping it closes it without a close frame.
pub(crate) struct Peer {
    socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub(crate) async fn open(stream: TcpStream) -> Self {
        Self { socket: soon(accept_async(stream)).await.unwrap() }
    }

    /// The next frame from the client; `None` once it has gone.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        soon(self.socket.next()).await.and_then(Result::ok)
    }

    /// Returns the channels of the next subscription, skipping keep-alives.
    pub(crate) async fn subscription(&mut self) -> Vec<String> {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => {
                    let names = text.strip_prefix("set ").unwrap_or_else(|| panic!("{text}"));
                    return names.split(' ').map(str::to_owned).collect();
                }
                Some(Message::Ping(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a binary frame, as the real venue does.
    pub(crate) async fn send(&mut self, frame: &str) {
        self.send_message(Message::binary(frame.as_bytes().to_vec())).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        soon(self.socket.send(message)).await.unwrap();
    }

    /// Closes with a close frame.
    pub(crate) async fn close(mut self) {
        soon(self.socket.close(None)).await.unwrap();
    }
}

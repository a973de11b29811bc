//! The venue's end of a socket, word for word, as far as a test lets it get.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use market_backbone_routing::Endpoint;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::{ELEVEN, KEY};

/// How far a socket gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// `connected` is not said.
    Opened,
    Connected,
    /// The key is read, and nothing said of it.
    Key,
    /// `auth_success` is said, and what follows not read.
    Success,
    /// What is asked for is read, and not confirmed.
    Asked,
    Confirmed,
}

pub(super) const STEPS: [Step; 6] =
    [Step::Opened, Step::Connected, Step::Key, Step::Success, Step::Asked, Step::Confirmed];

/// The venue's end, word for word.
pub(super) struct Script {
    pub(super) listener: TcpListener,
}

pub(super) type Peer = WebSocketStream<TcpStream>;

pub(super) fn status(name: &str, message: &str) -> String {
    format!(r#"{{"ev":"status","status":"{name}","message":"{message}"}}"#)
}

pub(super) async fn say(peer: &mut Peer, events: &[String]) {
    peer.send(Message::text(format!("[{}]", events.join(",")))).await.unwrap();
}

/// The next thing the client asks for, its keep-alives left aside.
async fn next_text(peer: &mut Peer) -> String {
    loop {
        match timeout(Duration::from_secs(20), peer.next())
            .await
            .expect("the client speaks")
            .unwrap()
            .unwrap()
        {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn print(price: u32) -> String {
    format!(
        r#"{{"ev":"T","sym":"AAPL","x":4,"i":"{price}","z":3,"p":{price}.5,"s":100,"t":{ELEVEN},"q":{price}}}"#
    )
}

impl Script {
    pub(super) async fn start() -> (Self, Endpoint) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (rest_url, ws_url) = (format!("http://{address}"), format!("ws://{address}/stocks"));
        (Self { listener }, Endpoint::new(rest_url, ws_url))
    }

    /// Leads the next socket to `step`.
    pub(super) async fn lead(&self, step: Step) -> Peer {
        let (stream, _) = timeout(Duration::from_secs(20), self.listener.accept()).await.unwrap().unwrap();
        let mut peer = accept_async(stream).await.unwrap();
        if step >= Step::Connected {
            say(&mut peer, &[status("connected", "Connected Successfully")]).await;
        }
        if step >= Step::Key {
            assert_eq!(next_text(&mut peer).await, format!(r#"{{"action":"auth","params":"{KEY}"}}"#));
        }
        if step >= Step::Success {
            say(&mut peer, &[status("auth_success", "authenticated")]).await;
        }
        if step >= Step::Asked {
            assert_eq!(next_text(&mut peer).await, r#"{"action":"subscribe","params":"T.AAPL,T.ZZ"}"#);
        }
        if step >= Step::Confirmed {
            // Of a name that it does not know the venue says nothing.
            say(&mut peer, &[status("success", "subscribed to: T.AAPL")]).await;
        }
        peer
    }
}

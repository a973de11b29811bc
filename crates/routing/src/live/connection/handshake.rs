//! Opens a socket on a stream, and sends a secret over it unlogged.
//!
//! Both are implemented here (RFC 6455, sections 4.1 and 5.2). The library logs at trace level the request
//! for the socket, whose address may hold a key, and each frame it sends, one of which is the login.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::{derive_accept_key, machine::TryParse};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, http::StatusCode};

use super::websocket_url::WebSocketUrl;

/// The largest head of a response to a handshake, in bytes.
const MAX_RESPONSE_HEAD: usize = 64 << 10;
const READ_CHUNK: usize = 4 << 10;

/// Opens a socket on `stream`, which leads to the host of `address`, and returns the response.
///
/// Dropping the future abandons the attempt.
pub(super) async fn open<S>(
    mut stream: S,
    address: &WebSocketUrl,
) -> Result<(WebSocketStream<S>, Response), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let key = generate_key();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\r\n",
        address.target.reveal(),
        address.authority
    );
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut read = Vec::new();
    let (length, response) = loop {
        if let Some(found) = Response::try_parse(&read)? {
            break found;
        }
        if read.len() > MAX_RESPONSE_HEAD {
            return Err(Error::Capacity(CapacityError::TooManyHeaders));
        }
        read.reserve(READ_CHUNK);
        if stream.read_buf(&mut read).await? == 0 {
            return Err(Error::Protocol(ProtocolError::HandshakeIncomplete));
        }
    };
    let response = check_response(response, &key)?;
    // The first frames may have arrived with the response.
    let frames = read.split_off(length);
    Ok((WebSocketStream::from_partially_read(stream, frames, Role::Client, None).await, response))
}

/// Checks that the response accepts the upgrade that was requested with `key`.
fn check_response(response: Response, key: &str) -> Result<Response, Error> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::Http(Box::new(response)));
    }
    let said =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let names =
        |name: &str, word: &str| said(name).split(',').any(|one| one.trim().eq_ignore_ascii_case(word));
    if !names("upgrade", "websocket") {
        return Err(Error::Protocol(ProtocolError::MissingUpgradeWebSocketHeader));
    }
    if !names("connection", "upgrade") {
        return Err(Error::Protocol(ProtocolError::MissingConnectionUpgradeHeader));
    }
    if said("sec-websocket-accept") != derive_accept_key(key.as_bytes()) {
        return Err(Error::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch));
    }
    Ok(response)
}

/// Writes `text` as one frame straight to `stream`, whose socket has nothing queued to send.
///
/// Dropping the future may leave half a frame behind: then the connection is unusable.
pub(super) async fn write_unlogged(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> io::Result<()> {
    stream.write_all(&text_frame(text, fastrand::u32(..).to_be_bytes())).await?;
    stream.flush().await
}

/// Builds a whole text frame, masked as all frames from clients are.
fn text_frame(text: &str, mask: [u8; 4]) -> Vec<u8> {
    const FINAL_TEXT_FRAME: u8 = 0x81;
    const MASKED: u8 = 0x80;
    let mut frame = Vec::with_capacity(text.len() + 14);
    frame.push(FINAL_TEXT_FRAME);
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length @ ..126), _) => frame.push(MASKED | length),
        (_, Ok(length)) => {
            frame.push(MASKED | 126);
            frame.extend(length.to_be_bytes());
        }
        _ => {
            frame.push(MASKED | 127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use tokio_tungstenite::tungstenite::Message;

    #[tokio::test]
    async fn what_is_written_unheard_reads_as_a_text_of_any_length() {
        for length in [0, 1, 125, 126, 300, 65_535, 65_536, 70_000] {
            let text = "k3y-".chars().cycle().take(length).collect::<String>();
            let (mut near, far) = tokio::io::duplex(1 << 17);
            write_unlogged(&mut near, &text).await.unwrap();
            let mut socket = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
    }

    async fn open_with_reply(reply: &str) -> Result<(), Error> {
        let (near, mut far) = tokio::io::duplex(1 << 17);
        let address = WebSocketUrl::parse("ws://venue.test/stocks?token=abc").unwrap();
        let server = async {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                far.read_buf(&mut asked).await.unwrap();
            }
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.starts_with("GET /stocks?token=abc HTTP/1.1\r\nHost: venue.test\r\n"), "{asked}");
            let key = asked.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            let reply = reply.replace("ACCEPT", &derive_accept_key(key.as_bytes()));
            // The client may hang up once it has read enough.
            let _ = far.write_all(reply.as_bytes()).await;
            let _ = far.shutdown().await;
        };
        futures::join!(open(near, &address), server).0.map(drop)
    }

    #[tokio::test]
    async fn only_the_answer_to_our_own_question_opens_a_socket() {
        let head = "HTTP/1.1 101 Switching Protocols\r\n";
        let rest = "upgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n";
        open_with_reply(&format!("{head}{rest}sec-websocket-accept: ACCEPT\r\n\r\n")).await.unwrap();
        for (reply, why) in [
            (format!("{head}{rest}sec-websocket-accept: other\r\n\r\n"), "accept"),
            (format!("{head}{rest}\r\n"), "accept"),
            (format!("{head}connection: upgrade\r\nsec-websocket-accept: ACCEPT\r\n\r\n"), "upgrade"),
            (format!("{head}upgrade: websocket\r\nsec-websocket-accept: ACCEPT\r\n\r\n"), "connection"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned(), "403"),
            ("HTTP/1.1 101 Swit".to_owned(), "handshake"),
            (format!("{head}x: {}\r\n\r\n", "y".repeat(200_000)), "headers"),
            (String::new(), "handshake"),
        ] {
            let error = open_with_reply(&reply).await.unwrap_err().to_string();
            assert!(error.to_lowercase().contains(why), "{why}: {error}");
        }
    }
}

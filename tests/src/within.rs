//! The way of a backbone to an emulator that has no port.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use market_backbone::{ByteStream, Transport};
use market_backbone_emulator::Connector;

/// Carries requests and sockets to an emulator of this process. No socket is opened, so that all may be played on paused
/// time.
#[derive(Clone, Debug)]
pub struct Within(pub Connector);

#[async_trait]
impl Transport for Within {
    async fn send(&self, mut request: Request<()>) -> io::Result<Response<Vec<u8>>> {
        let stream = TokioIo::new(self.0.connect().await?);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        let host = request.uri().authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, host);
        // A server is asked for the path alone.
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse::<Uri>().map_err(io::Error::other)?;
        let exchange = async move {
            let answer = sender.send_request(request.map(|()| Empty::<Bytes>::new())).await?;
            let (head, body) = answer.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes().to_vec()))
        };
        // The connection ends when its sender is dropped, or with an error that the exchange hears of, too.
        let (answer, _): (Result<_, hyper::Error>, _) = join(exchange, connection).await;
        answer.map_err(io::Error::other)
    }

    async fn connect(&self) -> io::Result<Box<dyn ByteStream>> {
        Ok(Box::new(self.0.connect().await?))
    }
}

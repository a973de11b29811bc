//! Turning an answer into bytes: headers, gzip, and bodies that end too soon.

use std::io::{self, Write as _};

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::stream::{self, StreamExt as _};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// Below this a body is not worth compressing.
const GZIP_FROM: usize = 256;

/// An answer before it is put on the wire.
#[derive(Debug)]
pub(crate) struct EmulatorResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl EmulatorResponse {
    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self { status, headers, body }
    }

    /// JSON, as Upbit labels it.
    pub(crate) fn json(status: StatusCode, body: String) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body)
    }

    /// Plain text.
    pub(crate) fn text(status: StatusCode, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// The page that a load balancer shows when nobody is behind it.
    pub(crate) fn html(status: StatusCode) -> Self {
        let title = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or("Error"));
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", body)
    }

    /// Adds a header; a value that is no header value is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The answer on the wire, compressed if the client takes gzip.
    pub(crate) fn send(self, asked: &HeaderMap) -> Response<Body> {
        let (parts, bytes) = self.encode(asked);
        Response::from_parts(parts, Body::from(bytes))
    }

    /// The answer with a body that ends halfway; the connection goes with it.
    pub(crate) fn send_truncated(self, asked: &HeaderMap) -> Response<Body> {
        let (mut parts, bytes) = self.encode(asked);
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let half = bytes.slice(..bytes.len() / 2);
        let halves = stream::iter([Ok(half)]).chain(stream::once(async {
            // hyper writes only when the body keeps it waiting; an error at once would eat the first half.
            tokio::task::yield_now().await;
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "cut on purpose"))
        }));
        Response::from_parts(parts, Body::from_stream(halves))
    }

    fn encode(self, asked: &HeaderMap) -> (http::response::Parts, Bytes) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = self.status;
        parts.headers = self.headers;
        let mut bytes = Bytes::from(self.body);
        if bytes.len() >= GZIP_FROM
            && takes_gzip(asked)
            && let Ok(packed) = gzip(&bytes)
        {
            bytes = packed;
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (parts, bytes)
    }
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let encodings = asked.get_all(header::ACCEPT_ENCODING).iter();
    encodings.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0"))
    })
}

fn gzip(bytes: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

//! Responses as bytes: headers, gzip, and truncated bodies.

use std::io::{self, Write as _};

use axum::body::Body;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::stream::{self, StreamExt as _};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// The size from which a body is compressed, in bytes.
const GZIP_FROM: usize = 256;

/// A response before it is sent.
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

    /// Creates a JSON response with Upbit's content type.
    pub(crate) fn json(status: StatusCode, body: String) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body)
    }

    /// Creates a plain text response.
    pub(crate) fn text(status: StatusCode, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.to_owned())
    }

    /// Creates the page that a load balancer shows when no server is behind it.
    pub(crate) fn html(status: StatusCode) -> Self {
        let title = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or("Error"));
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, "text/html", body)
    }

    /// Adds a header; an invalid value is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Builds the response, compressed if the client accepts gzip.
    pub(crate) fn send(self, asked: &HeaderMap) -> Response<Body> {
        let (parts, bytes) = self.encode(asked);
        Response::from_parts(parts, Body::from(bytes))
    }

    /// Builds the response with a body that ends halfway, together with the connection.
    pub(crate) fn send_truncated(self, asked: &HeaderMap) -> Response<Body> {
        let (mut parts, bytes) = self.encode(asked);
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let half = bytes.slice(..bytes.len() / 2);
        let halves = stream::iter([Ok(half)]).chain(stream::once(async {
            // hyper writes only when the body keeps it waiting; an immediate error would discard the first
            // half.
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

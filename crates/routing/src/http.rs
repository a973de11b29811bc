//! The HTTP client as a service: a request in, status, headers and body out.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use market_backbone_core::{Clock, HttpCall, Secret, SourceError, SourceErrorKind, Timestamp};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url, redirect, retry};
use tower::Service;

use crate::http_date;
use crate::stack::request::{RawReply, VenueRequest};

/// The HTTP client's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// How long one try may take, from its turn to the last byte.
    pub timeout: Duration,
    /// How long connecting may take; part of `timeout`.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// The largest answer that is read, decompressed, in bytes.
    pub max_body: usize,
    /// What we call ourselves.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(90),
            max_body: 64 << 20,
            user_agent: concat!("market-backbone/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The client of one venue's host.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    base: Arc<Url>,
    clock: Arc<dyn Clock>,
    max_body: usize,
}

impl Http {
    /// A client for the venue at `base`.
    ///
    /// Follows no redirect and repeats nothing by itself: each would be a request that took no turn.
    pub(crate) fn new(
        base: &str,
        tls: rustls::ClientConfig,
        clock: Arc<dyn Clock>,
        config: &HttpConfig,
        headers: &[(&'static str, Secret)],
    ) -> Result<Self, SourceError> {
        let base = base_url(base)?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(config.idle_timeout)
            .tcp_nodelay(true)
            .default_headers(header_map(headers)?)
            .user_agent(config.user_agent.clone());
        if is_this_machine(&base) {
            // A proxy could not reach it.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            SourceError::new(SourceErrorKind::Unsupported, "cannot set up the HTTP client").because(error)
        })?;
        Ok(Self { client, base: Arc::new(base), clock, max_body: config.max_body })
    }

    /// What every address that is asked begins with.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The host and port, for messages.
    pub(crate) fn host(&self) -> String {
        host_and_port(&self.base)
    }

    async fn ask(self, call: &HttpCall) -> Result<RawReply, SourceError> {
        let mut url = Url::clone(&self.base);
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        let sent = self.clock.now();
        let response =
            self.client.get(url).query(&call.query).send().await.map_err(|error| self.failure(error))?;
        let status = response.status().as_u16();
        let headers = headers(&response);
        let asked_at = asked_at(sent, &headers);
        let body = self.body(response).await?;
        Ok(RawReply { status, headers, body, asked_at, received: self.clock.now() })
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, SourceError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > self.max_body {
                let message = format!("{} sent more than {} bytes", self.host(), self.max_body);
                return Err(SourceError::new(SourceErrorKind::Malformed, message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn failure(&self, error: reqwest::Error) -> SourceError {
        let host = self.host();
        let (kind, message) = if error.is_connect() {
            (SourceErrorKind::Unreachable, format!("cannot reach {host}; check the network or --rest-url"))
        } else if error.is_timeout() {
            (SourceErrorKind::TimedOut, format!("{host} did not answer in time"))
        } else if error.is_decode() || error.is_body() {
            (SourceErrorKind::Malformed, format!("an answer of {host} was cut short"))
        } else {
            (SourceErrorKind::Unreachable, format!("{host} hung up"))
        };
        SourceError::new(kind, message).because(error.without_url())
    }
}

impl Service<VenueRequest> for Http {
    type Response = RawReply;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<RawReply, SourceError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let http = self.clone();
        Box::pin(async move { http.ask(&request.http).await })
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn base_url(text: &str) -> Result<Url, SourceError> {
    let wrong = || format!("`{text}` is no address of a venue; write it like https://api.upbit.com");
    let url = Url::parse(text)
        .map_err(|error| SourceError::new(SourceErrorKind::BadRequest, wrong()).because(error))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SourceError::new(SourceErrorKind::BadRequest, wrong()));
    }
    Ok(url)
}

/// The venue's own headers. They may hold a key, so no log shows them.
fn header_map(headers: &[(&'static str, Secret)]) -> Result<HeaderMap, SourceError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| {
            let message =
                format!("the key cannot be sent: `{name}` would hold a character that no header may");
            SourceError::new(SourceErrorKind::BadRequest, message)
        })?;
        value.set_sensitive(true);
        map.insert(*name, value);
    }
    Ok(map)
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn headers(response: &Response) -> Vec<(String, String)> {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The earlier of our clock when we asked and the venue's when it answered.
///
/// A clock of ours that runs ahead must never make a candle final whose slot is still open at the venue.
/// The venue's header is cut to the second, which errs on the same side.
fn asked_at(sent: Timestamp, headers: &[(String, String)]) -> Timestamp {
    let date = headers.iter().find(|(name, _)| name == "date").and_then(|(_, value)| http_date::parse(value));
    date.map_or(sent, |date| date.min(sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_cautious_clock_says_when_we_asked() {
        let date = [("date".to_owned(), "Mon, 03 Aug 2026 10:40:00 GMT".to_owned())];
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(asked_at(at("2026-08-03T10:40:05Z"), &date), at("2026-08-03T10:40:00Z"));
        assert_eq!(asked_at(at("2026-08-03T10:39:59Z"), &date), at("2026-08-03T10:39:59Z"));
        assert_eq!(asked_at(at("2026-08-03T10:40:05Z"), &[]), at("2026-08-03T10:40:05Z"));
    }

    #[test]
    fn an_address_must_be_one() {
        assert!(base_url("https://api.upbit.com").is_ok());
        for text in ["", "api.upbit.com", "ftp://x", "wss://api.upbit.com"] {
            let error = base_url(text).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::BadRequest);
        }
    }
}

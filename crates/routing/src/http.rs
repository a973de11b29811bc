//! The HTTP client as a service: it takes a request and returns status, headers and body.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use market_backbone_core::{Clock, HttpCall, Secret, SourceError, SourceErrorKind};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url, redirect, retry};
use tower::Service;

use crate::stack::request::{RawReply, VenueRequest};
use crate::transport::{SharedObserver, Transport};
use crate::venue_clock_sync::VenueClockSync;

/// The HTTP client's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) user_agent: String,
}

market_backbone_core::setters!(HttpConfig {
    /// The longest that one attempt may take, from its permit to the last byte.
    #[getter(get_timeout)]
    timeout: Duration,
    /// The longest that connecting may take; part of `timeout`.
    #[getter(get_connect_timeout)]
    connect_timeout: Duration,
    /// The time after which an unused connection is closed.
    #[getter(get_idle_timeout)]
    idle_timeout: Duration,
    /// The largest response body that is read, decompressed, in bytes.
    #[getter(get_max_body)]
    max_body: usize,
    /// The value of the `User-Agent` header.
    #[getter(get_user_agent -> &str)]
    user_agent: String,
});

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

/// The way in which a request reaches the venue.
#[derive(Clone)]
enum HttpBackend {
    Network(Client),
    /// A transport of the caller, with the headers that each request carries.
    Custom(Arc<dyn Transport>, HeaderMap),
}

/// The client of one venue's host.
#[derive(Clone)]
pub(crate) struct HttpClient {
    backend: HttpBackend,
    /// The address of the venue. It may hold a password or a token: only its host and port are ever shown.
    base: Arc<Url>,
    /// The beginning of every requested address, as the venue would write it.
    public_base: Arc<str>,
    time: Arc<VenueClockSync>,
    max_body: usize,
    /// The observer of all answers, if there is one.
    observer: Option<SharedObserver>,
}

impl HttpClient {
    /// Creates a client for the venue at `base`.
    ///
    /// It follows no redirect and retries nothing by itself: each of those would be a request without a
    /// permit.
    pub(crate) fn new(
        base: &str,
        tls: rustls::ClientConfig,
        time: Arc<VenueClockSync>,
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
        if is_loopback(&base) {
            // A proxy could not reach a loopback address.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            SourceError::new(SourceErrorKind::Unsupported, "cannot set up the HTTP client").with_source(error)
        })?;
        Ok(Self::with_backend(HttpBackend::Network(client), base, time, config))
    }

    /// Creates a client whose requests are carried by `transport` instead of the network.
    pub(crate) fn with_transport(
        base: &str,
        carrier: Arc<dyn Transport>,
        time: Arc<VenueClockSync>,
        config: &HttpConfig,
        headers: &[(&'static str, Secret)],
    ) -> Result<Self, SourceError> {
        Ok(Self::with_backend(
            HttpBackend::Custom(carrier, header_map(headers)?),
            base_url(base)?,
            time,
            config,
        ))
    }

    fn with_backend(way: HttpBackend, base: Url, time: Arc<VenueClockSync>, config: &HttpConfig) -> Self {
        let begin = public_base_of(&base).into();
        Self {
            backend: way,
            base: Arc::new(base),
            public_base: begin,
            time,
            max_body: config.max_body,
            observer: None,
        }
    }

    /// Shows all answers to `observer`.
    pub(crate) fn observed_by(self, observer: Option<SharedObserver>) -> Self {
        Self { observer, ..self }
    }

    /// Returns the beginning of every requested address.
    pub(crate) fn base(&self) -> &str {
        &self.public_base
    }

    /// Returns the host and port, for messages.
    pub(crate) fn host(&self) -> String {
        host_and_port(&self.base)
    }

    async fn send(self, call: &HttpCall) -> Result<RawReply, SourceError> {
        let mut url = Url::clone(&self.base);
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let target = self.observer.as_ref().map(|_| target_of(&self.base, call));
        let sent = self.time.machine();
        let response = match &self.backend {
            HttpBackend::Network(client) => {
                client.get(url).send().await.map_err(|error| self.failure(error))?
            }
            HttpBackend::Custom(carrier, headers) => self.send_via(&**carrier, &url, headers).await?,
        };
        let status = response.status().as_u16();
        let headers = headers(&response);
        let header = |name| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let asked_at = self.time.on_response(sent, header);
        let latest = self.time.latest_plausible(header);
        let body = self.body(response).await?;
        let received = self.time.clock().now();
        if let (Some(observer), Some(target)) = (&self.observer, target) {
            observer.on_reply(received, &target, (status, &headers), &body);
        }
        Ok(RawReply { status, headers, body, asked_at, latest_plausible: latest, received })
    }

    async fn send_via(
        &self,
        carrier: &dyn Transport,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Response, SourceError> {
        let host = self.host();
        let unreadable = |error: http::Error| {
            let message = format!("a request to {host} cannot be written");
            SourceError::new(SourceErrorKind::BadRequest, message).with_source(error)
        };
        let mut request = http::Request::get(url.as_str()).body(()).map_err(unreadable)?;
        *request.headers_mut() = headers.clone();
        let answer = carrier.send(request).await.map_err(|error| {
            let message = format!("{} sent no complete answer", self.host());
            SourceError::new(SourceErrorKind::Unreachable, message).with_source(error)
        })?;
        Ok(Response::from(answer))
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
            (SourceErrorKind::Malformed, format!("an answer from {host} was truncated"))
        } else {
            (SourceErrorKind::Unreachable, format!("{host} closed the connection"))
        };
        SourceError::new(kind, message).with_source(error.without_url())
    }
}

impl Service<VenueRequest> for HttpClient {
    type Response = RawReply;
    type Error = SourceError;
    type Future = BoxFuture<'static, Result<RawReply, SourceError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), SourceError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: VenueRequest) -> Self::Future {
        let http = self.clone();
        Box::pin(async move { http.send(&request.http).await })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// Returns the path and query of a request as they are written, without the address of the venue.
fn target_of(base: &Url, call: &HttpCall) -> String {
    // A key may stand in the address of the venue, so nothing of it but the host is taken.
    let mut url = base.clone();
    url.set_path(&call.path);
    url.set_query(None);
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Returns an address without what only we know of it: a user name, a password, a token.
fn public_base_of(base: &Url) -> String {
    format!("{}://{}{}", base.scheme(), host_and_port(base), base.path()).trim_end_matches('/').to_owned()
}

/// Returns the public part of an address: `https://host:port`.
pub(crate) fn origin_of(address: &str) -> String {
    let place = |url: &Url| format!("{}://{}", url.scheme(), host_and_port(url));
    Url::parse(address).map_or_else(|_| "(unreadable)".to_owned(), |url| place(&url))
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn base_url(text: &str) -> Result<Url, SourceError> {
    // The message repeats nothing of the address: a key may stand in it.
    let wrong =
        || "the address of the venue is not readable; write it like https://api.example.com".to_owned();
    let url = Url::parse(text)
        .map_err(|error| SourceError::new(SourceErrorKind::BadRequest, wrong()).with_source(error))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(SourceError::new(SourceErrorKind::BadRequest, wrong()));
    }
    Ok(url)
}

/// Builds the venue's own headers. They may hold a key, so no log shows them.
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

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn headers(response: &Response) -> Vec<(String, String)> {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_the_place_is_shown() {
        let address = "https://bob:s3cret@venue.test:8080/s3cret?token=s3cret";
        assert_eq!(origin_of(address), "https://venue.test:8080");
        assert_eq!(
            public_base_of(&base_url("http://bob:s3cret@venue.test/v9/?token=s3cret").unwrap()),
            "http://venue.test/v9"
        );
        let endpoint = crate::Endpoint::new(address, "s3cret");
        assert!(!format!("{endpoint:?}").contains("s3cret"), "{endpoint:?}");
        let error = base_url("bob:s3cret@venue.test").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
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

//! The address of a socket. Everything in it besides host and port may be secret and is never shown.

use std::fmt;

use market_backbone_core::{Secret, SourceError, SourceErrorKind};
use reqwest::Url;

/// A parsed address of a socket. Displays, and debugs, as `wss://host:port`.
#[derive(Clone)]
pub(in crate::live) struct WebSocketUrl {
    pub(super) is_secure: bool,
    /// The host: a name, or an IP address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The authority as in the request: the host, with the port where that is not the default.
    pub(super) authority: String,
    /// The path and the query.
    pub(super) target: Secret,
}

impl WebSocketUrl {
    /// Parses `wss://host:port/path?query`.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if it is not such an address. The message repeats nothing
    /// of it.
    pub(in crate::live) fn parse(text: &str) -> Result<Self, SourceError> {
        let unreadable = || {
            let message =
                "the address of the socket is not readable; write it like wss://api.upbit.com/websocket/v1";
            SourceError::new(SourceErrorKind::BadRequest, message)
        };
        let url = Url::parse(text).map_err(|error| unreadable().with_source(error))?;
        let is_secure = match url.scheme() {
            "ws" => false,
            "wss" => true,
            _ => return Err(unreadable()),
        };
        let named = url.host_str().filter(|host| !host.is_empty()).ok_or_else(unreadable)?;
        let authority = url.port().map_or_else(|| named.to_owned(), |port| format!("{named}:{port}"));
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self {
            is_secure,
            host: named.trim_matches(['[', ']']).to_owned(),
            port: url.port_or_known_default().ok_or_else(unreadable)?,
            authority,
            target: Secret::new(target),
        })
    }
}

impl fmt::Display for WebSocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for WebSocketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let address = WebSocketUrl::parse("ws://127.0.0.1:9001/stocks?token=s3cret").unwrap();
        assert_eq!((address.is_secure, address.host.as_str(), address.port), (false, "127.0.0.1", 9_001));
        assert_eq!(
            (address.authority.as_str(), address.target.reveal()),
            ("127.0.0.1:9001", "/stocks?token=s3cret")
        );
        let address = WebSocketUrl::parse("wss://[::1]").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.authority.as_str()), ("::1", 443, "[::1]"));
        assert_eq!(address.target.reveal(), "/");
    }

    #[test]
    fn what_opens_doors_is_not_shown() {
        let address = WebSocketUrl::parse("wss://bob:s3cret@venue.test/s3cret?token=s3cret").unwrap();
        assert_eq!(format!("{address} {address:?}"), "wss://venue.test wss://venue.test");
        for text in ["s3cret", "https://s3cret@venue.test", "wss://s3cret:x:y", "ws://?s3cret", ""] {
            let error = WebSocketUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}

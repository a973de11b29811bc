//! The addresses of a venue, and the source of data that they stand for.

use std::fmt;

use market_backbone_core::{SourceError, SourceErrorKind, VenueId};
use reqwest::Url;

use crate::http::origin_of;

/// The addresses of a venue.
///
/// The two addresses also say whose data it is ([`source`](Self::source)), as far as addresses can: one host
/// and port counts as one source. Two servers at the same address one after the other (an emulator with
/// another seed), or behind different paths of one gateway, cannot be told apart. They share stored data
/// unless one of them gets a name with [`same_as`](Self::same_as), or a store of its own.
///
/// Debugs with scheme, host and port only: the rest of an address may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    rest_url: String,
    ws_url: String,
    same_as: Option<VenueId>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("rest_url", &format_args!("{}", origin_of(&self.rest_url)))
            .field("ws_url", &format_args!("{}", origin_of(&self.ws_url)))
            .field("same_as", &self.same_as)
            .finish()
    }
}

impl Endpoint {
    /// Creates an endpoint with `rest_url` for requests (`https://…` or `http://…`, without a path) and `ws_url` for the
    /// socket (`wss://…` or `ws://…`, with its path).
    #[must_use]
    pub fn new(rest_url: impl Into<String>, ws_url: impl Into<String>) -> Self {
        Self { rest_url: rest_url.into(), ws_url: ws_url.into(), same_as: None }
    }

    /// Says that the data of `source` is served here, whatever the addresses say: by a proxy (`upbit`), or by
    /// an emulator whose data is kept apart (`upbit@seed-7`).
    #[must_use]
    pub fn same_as(mut self, source: VenueId) -> Self {
        self.same_as = Some(source);
        self
    }

    /// Returns the address for requests. It may hold a key or a password.
    #[must_use]
    pub fn rest_url(&self) -> &str {
        &self.rest_url
    }

    /// Returns the address for the socket. It may hold a key or a password.
    #[must_use]
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// Returns the source that was configured with [`same_as`](Self::same_as).
    #[must_use]
    pub const fn get_same_as(&self) -> Option<VenueId> {
        self.same_as
    }

    /// Returns the source whose data is served here.
    ///
    /// That is what was configured, else the source whose official addresses (`homes`) both addresses are,
    /// else a name made of the address, like `upbit@127.0.0.1:9001`. Addresses of different hosts make a name
    /// of both: `upbit@127.0.0.1:9001~127.0.0.1:9002`.
    ///
    /// Only hosts and ports enter a name: no user, no password, no path, no query.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if an address is invalid or too long for a name, or if the
    /// configured source belongs to another venue than `family`.
    pub fn source(&self, family: VenueId, homes: &[(&str, VenueId)]) -> Result<VenueId, SourceError> {
        if let Some(said) = self.same_as {
            if said.family() == family.family() {
                return Ok(said);
            }
            return Err(wrong(format!(
                "{said} is no source of {family}, so nothing here can be the same as it"
            )));
        }
        let rest = authority_of(&self.rest_url, ["http", "https"])?;
        let socket = authority_of(&self.ws_url, ["ws", "wss"])?;
        let home = |place: &str| homes.iter().find(|(home, _)| *home == place).map(|(_, source)| *source);
        let named = match (home(&rest), home(&socket)) {
            (Some(source), Some(other)) if source == other => return Ok(source),
            _ if rest == socket => family.at_address(&rest),
            _ => family.at_address(&format!("{rest}~{socket}")),
        };
        named.map_err(|error| {
            wrong(format!(
                "no source can be named after {rest}; say which it is with --same-as {family}@NAME"
            ))
            .with_source(error)
        })
    }
}

/// Returns the host and port of an address as a name has them: lower case, no dot at the end, no default
/// port.
pub(crate) fn authority_of(address: &str, schemes: [&str; 2]) -> Result<String, SourceError> {
    // The address may hold a password, so it is not repeated.
    let unreadable = || {
        wrong(format!("an address of the venue is invalid; write it like {}://127.0.0.1:9001", schemes[0]))
    };
    let url = Url::parse(address).map_err(|error| unreadable().with_source(error))?;
    if !schemes.contains(&url.scheme()) {
        return Err(unreadable());
    }
    let host = url.host_str().ok_or_else(unreadable)?.trim_end_matches('.').to_ascii_lowercase();
    Ok(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

fn wrong(message: String) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPBIT: VenueId = VenueId::new("upbit");
    const HOMES: [(&str, VenueId); 3] = [
        ("api.upbit.com", UPBIT),
        ("sg-api.upbit.com", VenueId::new("upbit-sg")),
        ("socket.upbit.com", UPBIT),
    ];

    #[track_caller]
    fn check(rest: &str, socket: &str, want: &str) {
        let found = Endpoint::new(rest, socket).source(UPBIT, &HOMES).unwrap();
        assert_eq!(found.as_str(), want);
        assert_eq!(found.family(), UPBIT);
    }

    #[test]
    fn a_venues_own_addresses_are_its_houses() {
        check("https://api.upbit.com", "wss://api.upbit.com/websocket/v1", "upbit");
        check("https://API.upbit.com.:443/", "wss://socket.upbit.com/websocket/v1", "upbit");
        check("https://sg-api.upbit.com", "wss://sg-api.upbit.com/websocket/v1", "upbit-sg");
    }

    #[test]
    fn any_other_address_is_a_source_of_its_own() {
        check("http://127.0.0.1:9001", "ws://127.0.0.1:9001/websocket/v1", "upbit@127.0.0.1:9001");
        check("http://127.0.0.1:9002", "ws://127.0.0.1:9002/websocket/v1", "upbit@127.0.0.1:9002");
        check("http://[::1]:9001", "ws://[::1]:9001", "upbit@[::1]:9001");
        check("https://Proxy.Example", "wss://proxy.example:443/x", "upbit@proxy.example");
        check("https://api.upbit.com:8443", "wss://api.upbit.com:8443", "upbit@api.upbit.com:8443");
        check(
            "https://api.upbit.com.evil.example",
            "wss://api.upbit.com.evil.example",
            "upbit@api.upbit.com.evil.example",
        );
    }

    #[test]
    fn a_pair_that_does_not_belong_together_is_neither_of_the_two() {
        check("http://127.0.0.1:9001", "ws://127.0.0.1:9002", "upbit@127.0.0.1:9001~127.0.0.1:9002");
        check("https://api.upbit.com", "wss://sg-api.upbit.com", "upbit@api.upbit.com~sg-api.upbit.com");
        check("https://api.upbit.com", "ws://localhost:1", "upbit@api.upbit.com~localhost:1");
    }

    #[test]
    fn no_secret_of_an_address_enters_a_name_or_a_complaint() {
        let hidden = "http://bob:s3cret@proxy.example/t0ken/v1?key=s3cret";
        check(hidden, "ws://bob:s3cret@proxy.example/t0ken?key=s3cret", "upbit@proxy.example");
        for (rest, socket) in
            [("ftp://bob:s3cret@x", "ws://x"), (hidden, "bob:s3cret"), ("http://", "ws://x")]
        {
            let error = Endpoint::new(rest, socket).source(UPBIT, &HOMES).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::BadRequest);
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn what_is_said_counts_unless_it_is_of_another_venue() {
        let proxy = Endpoint::new("https://proxy.example", "wss://proxy.example");
        let said = |name| proxy.clone().same_as(VenueId::intern(name)).source(UPBIT, &HOMES);
        assert_eq!(said("upbit").unwrap(), UPBIT);
        assert_eq!(said("upbit@seed-7").unwrap().as_str(), "upbit@seed-7");
        assert_eq!(said("massive").unwrap_err().kind(), SourceErrorKind::BadRequest);
    }
}

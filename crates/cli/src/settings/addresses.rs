//! Where a venue is: from flags, else the environment, else the file.

use serde::Deserialize;

use super::environment::variable;
use crate::args::VenueName;
use crate::exit::Usage;
use crate::secret::Secret;

/// Where a venue is, as far as somebody said. An address may hold a password or a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Addresses {
    pub(super) rest_url: Option<Secret>,
    pub(super) ws_url: Option<Secret>,
}

impl Addresses {
    /// What the environment says of `venue`.
    pub(super) fn of_environment(venue: VenueName) -> Self {
        let named = |what: &str| {
            variable(&format!("MARKET_BACKBONE_{}_{what}", venue.in_capitals())).map(Secret::from)
        };
        Self { rest_url: named("REST_URL"), ws_url: named("WS_URL") }
    }

    /// What was said here, and the rest as `other` says.
    pub(super) fn or(self, other: Self) -> Self {
        Self { rest_url: self.rest_url.or(other.rest_url), ws_url: self.ws_url.or(other.ws_url) }
    }

    /// Where requests go, and where the socket is; `None` for the venue's own addresses.
    pub(super) fn both(self, venue: VenueName) -> Result<Option<(String, String)>, Usage> {
        match (self.rest_url, self.ws_url) {
            (None, None) => Ok(None),
            (Some(rest), Some(socket)) => Ok(Some((rest.reveal().to_owned(), socket.reveal().to_owned()))),
            (Some(rest), None) => {
                let socket = beside(rest.reveal(), venue)?;
                Ok(Some((rest.reveal().to_owned(), socket)))
            }
            (None, Some(_)) => {
                Err(Usage("--ws-url without --rest-url: name both, or only --rest-url".to_owned()))
            }
        }
    }
}

/// The socket of a look-alike that serves both on one port.
fn beside(rest: &str, venue: VenueName) -> Result<String, Usage> {
    // Nothing of it is repeated: a key may stand in it, or in its place.
    let unreadable =
        || Usage("--rest-url is not readable as an address; write it like http://127.0.0.1:9001".to_owned());
    let (scheme, host) = rest.split_once("://").ok_or_else(unreadable)?;
    let scheme = match scheme {
        "http" => "ws",
        "https" => "wss",
        _ => return Err(unreadable()),
    };
    let host = host.split(['/', '?', '#']).next().unwrap_or(host);
    let path = match venue {
        VenueName::Upbit => "websocket/v1",
        VenueName::Massive => "stocks",
    };
    Ok(format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_alikes_socket_is_beside_its_rest() {
        let of_upbit = |rest| beside(rest, VenueName::Upbit);
        assert_eq!(of_upbit("http://127.0.0.1:9001").unwrap(), "ws://127.0.0.1:9001/websocket/v1");
        assert_eq!(of_upbit("https://sg-api.upbit.com/").unwrap(), "wss://sg-api.upbit.com/websocket/v1");
        assert!(of_upbit("127.0.0.1:9001").is_err());
        let of_massive = beside("http://127.0.0.1:9001", VenueName::Massive);
        assert_eq!(of_massive.unwrap(), "ws://127.0.0.1:9001/stocks");
    }

    #[test]
    fn what_is_said_first_counts() {
        let said = |rest: &str, socket: Option<&str>| Addresses {
            rest_url: Some(rest.into()),
            ws_url: socket.map(Secret::from),
        };
        assert_eq!(said("a", None).or(said("b", Some("c"))), said("a", Some("c")));
        let alone = Addresses { ws_url: Some("ws://x".into()), ..Addresses::default() };
        assert!(alone.both(VenueName::Massive).is_err());
    }
}

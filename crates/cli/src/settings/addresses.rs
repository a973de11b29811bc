//! The venue's addresses: from flags, else the environment, else the file.

use std::fmt::Display;
use std::str::FromStr;

use market_backbone::{Endpoint, MASSIVE, MASSIVE_HOMES, UpbitRegion, VenueId};
use serde::{Deserialize, Deserializer};

use super::environment::variable;
use crate::args::{GlobalArgs, VenueArg};
use crate::exit::UsageError;
use crate::secret_arg::SecretArg;

/// The venue's addresses, as far as they are given. An address may hold a password or a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Addresses {
    pub(super) rest_url: Option<SecretArg>,
    pub(super) ws_url: Option<SecretArg>,
    /// One of the venue's own regions, in place of addresses.
    #[serde(deserialize_with = "spelt")]
    pub(super) region: Option<UpbitRegion>,
    /// The source whose data is served there.
    #[serde(deserialize_with = "spelt")]
    pub(super) same_as: Option<VenueId>,
}

impl Addresses {
    /// Returns those of the flags.
    pub(super) fn of_flags(global: &GlobalArgs) -> Self {
        let GlobalArgs { rest_url, ws_url, region, same_as, .. } = global.clone();
        Self { rest_url, ws_url, region, same_as }
    }

    /// Refuses both a region and addresses.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        let Some(region) = self.region.filter(|_| self.has_address()) else { return Ok(()) };
        Err(UsageError(format!(
            "the region {region} and an address were named, which are two places; for a proxy that serves \
             that region's own data, use --rest-url URL --same-as {}",
            region.source()
        )))
    }

    /// Reads those of `venue` from the environment.
    pub(super) fn of_environment(venue: VenueArg) -> Result<Self, UsageError> {
        let name = |what: &str| format!("MARKET_BACKBONE_{}_{what}", venue.env_prefix());
        let region = (venue == VenueArg::Upbit).then(|| read(&name("REGION"))).transpose()?.flatten();
        Ok(Self {
            rest_url: variable(&name("REST_URL")).map(SecretArg::from),
            ws_url: variable(&name("WS_URL")).map(SecretArg::from),
            region,
            same_as: read(&name("SAME_AS"))?,
        })
    }

    /// Fills what is missing here from `other`, except what another address is the same as.
    pub(super) fn or(self, other: Self) -> Self {
        if self.region.is_some() {
            return self;
        }
        let ws_url = self.ws_url.or(other.ws_url);
        if self.rest_url.is_some() {
            return Self { ws_url, ..self };
        }
        // If an address was given above, a region below does not apply.
        let region = other.region.filter(|_| ws_url.is_none());
        Self { rest_url: other.rest_url, ws_url, region, same_as: self.same_as.or(other.same_as) }
    }

    /// Returns whether it is not the venue itself that is used.
    pub(super) const fn has_address(&self) -> bool {
        self.rest_url.is_some() || self.ws_url.is_some()
    }

    /// Returns Upbit's endpoint and its source.
    pub(super) fn into_upbit_endpoint(self) -> Result<Endpoint, UsageError> {
        self.check()?;
        let (region, same_as) = (self.region.unwrap_or_default(), self.same_as);
        let (rest, socket) = self
            .both(VenueArg::Upbit)?
            .unwrap_or_else(|| (region.rest_url().to_owned(), region.ws_url().to_owned()));
        Ok(Endpoint { same_as, ..Endpoint::new(rest, socket) })
    }

    /// Returns the source of Massive's addresses.
    pub(super) fn into_massive_source(self) -> anyhow::Result<VenueId> {
        let same_as = self.same_as;
        let Some((rest, socket)) = self.both(VenueArg::Massive)? else {
            return Ok(same_as.unwrap_or(MASSIVE));
        };
        Ok(Endpoint { same_as, ..Endpoint::new(rest, socket) }.source(MASSIVE, &MASSIVE_HOMES)?)
    }

    /// Returns the addresses for requests and for the socket; `None` for the venue's own.
    pub(super) fn both(self, venue: VenueArg) -> Result<Option<(String, String)>, UsageError> {
        match (self.rest_url, self.ws_url) {
            (None, None) => Ok(None),
            (Some(rest), Some(socket)) => Ok(Some((rest.reveal().to_owned(), socket.reveal().to_owned()))),
            (Some(rest), None) => {
                let socket = derived_socket_url(rest.reveal(), venue)?;
                Ok(Some((rest.reveal().to_owned(), socket)))
            }
            (None, Some(_)) => {
                Err(UsageError("--ws-url without --rest-url: name both, or only --rest-url".to_owned()))
            }
        }
    }
}

/// Reads the environment variable `name`.
fn read<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, UsageError> {
    variable(name)
        .map(|text| text.parse())
        .transpose()
        .map_err(|error| UsageError(format!("{name}: {error}")))
}

/// Parses a name in the file as a flag is parsed.
pub(super) fn spelt<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// Returns the socket of an emulator that serves both on one port.
fn derived_socket_url(rest: &str, venue: VenueArg) -> Result<String, UsageError> {
    // The message repeats nothing of it: a key may stand in it.
    let unreadable = || {
        UsageError("--rest-url is not readable as an address; write it like http://127.0.0.1:9001".to_owned())
    };
    let (scheme, host) = rest.split_once("://").ok_or_else(unreadable)?;
    let scheme = match scheme {
        "http" => "ws",
        "https" => "wss",
        _ => return Err(unreadable()),
    };
    let host = host.split(['/', '?', '#']).next().unwrap_or(host);
    let path = match venue {
        VenueArg::Upbit => "websocket/v1",
        VenueArg::Massive => "stocks",
    };
    Ok(format!("{scheme}://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_alikes_socket_is_beside_its_rest() {
        let of_upbit = |rest| derived_socket_url(rest, VenueArg::Upbit);
        assert_eq!(of_upbit("http://127.0.0.1:9001").unwrap(), "ws://127.0.0.1:9001/websocket/v1");
        assert_eq!(of_upbit("https://sg-api.upbit.com/").unwrap(), "wss://sg-api.upbit.com/websocket/v1");
        assert!(of_upbit("127.0.0.1:9001").is_err());
        let of_massive = derived_socket_url("http://127.0.0.1:9001", VenueArg::Massive);
        assert_eq!(of_massive.unwrap(), "ws://127.0.0.1:9001/stocks");
    }

    #[test]
    fn what_is_said_first_counts() {
        let said = |rest: &str, socket: Option<&str>| Addresses {
            rest_url: Some(rest.into()),
            ws_url: socket.map(SecretArg::from),
            ..Addresses::default()
        };
        assert_eq!(said("a", None).or(said("b", Some("c"))), said("a", Some("c")));
        let alone = Addresses { ws_url: Some("ws://x".into()), ..Addresses::default() };
        assert!(alone.both(VenueArg::Massive).is_err());
    }

    #[test]
    fn what_is_said_of_one_address_does_not_hold_for_another() {
        let (upbit, sg) = ("upbit".parse().ok(), Some(UpbitRegion::Singapore));
        let proxy = Addresses { rest_url: Some("http://p".into()), same_as: upbit, ..Addresses::default() };
        let emulator = Addresses { rest_url: Some("http://e".into()), ..Addresses::default() };
        assert_eq!(emulator.clone().or(proxy.clone()), emulator);
        assert_eq!(Addresses::default().or(proxy.clone()), proxy);
        let region = Addresses { region: sg, ..Addresses::default() };
        assert_eq!(region.clone().or(proxy.clone()), region);
        assert_eq!(emulator.clone().or(region.clone()), emulator);
        let said = Addresses { same_as: upbit, ..Addresses::default() };
        assert_eq!(said.or(emulator), proxy_of("http://e"));
        let both = Addresses { rest_url: Some("http://e".into()), ..region.clone() };
        assert!(both.into_upbit_endpoint().is_err());
        assert_eq!(region.into_upbit_endpoint().unwrap().rest_url, "https://sg-api.upbit.com");
    }

    fn proxy_of(rest: &str) -> Addresses {
        Addresses { rest_url: Some(rest.into()), same_as: "upbit".parse().ok(), ..Addresses::default() }
    }
}

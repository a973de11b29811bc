//! Where a venue is: from flags, else the environment, else the file.

use std::fmt::Display;
use std::str::FromStr;

use market_backbone::{Endpoint, MASSIVE, MASSIVE_HOMES, UpbitRegion, VenueId};
use serde::{Deserialize, Deserializer};

use super::environment::variable;
use crate::args::{Global, VenueName};
use crate::exit::Usage;
use crate::secret::Secret;

/// Where a venue is, as far as somebody said. An address may hold a password or a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Addresses {
    pub(super) rest_url: Option<Secret>,
    pub(super) ws_url: Option<Secret>,
    /// One of the venue's own houses, in place of addresses.
    #[serde(deserialize_with = "spelt")]
    pub(super) region: Option<UpbitRegion>,
    /// Whose very data is served there.
    #[serde(deserialize_with = "spelt")]
    pub(super) same_as: Option<VenueId>,
}

impl Addresses {
    /// What the flags say.
    pub(super) fn of_flags(global: &Global) -> Self {
        let Global { rest_url, ws_url, region, same_as, .. } = global.clone();
        Self { rest_url, ws_url, region, same_as }
    }

    /// Refuses two places at once.
    pub(super) fn check(&self) -> Result<(), Usage> {
        let Some(region) = self.region.filter(|_| self.is_elsewhere()) else { return Ok(()) };
        Err(Usage(format!(
            "the region {region} and an address were named, which are two places; of a proxy that serves that region's \
             own data say so: --rest-url URL --same-as {}",
            region.source()
        )))
    }

    /// What the environment says of `venue`.
    pub(super) fn of_environment(venue: VenueName) -> Result<Self, Usage> {
        let name = |what: &str| format!("MARKET_BACKBONE_{}_{what}", venue.in_capitals());
        let region = (venue == VenueName::Upbit).then(|| read(&name("REGION"))).transpose()?.flatten();
        Ok(Self {
            rest_url: variable(&name("REST_URL")).map(Secret::from),
            ws_url: variable(&name("WS_URL")).map(Secret::from),
            region,
            same_as: read(&name("SAME_AS"))?,
        })
    }

    /// What was said here, and the rest as `other` says; but of what another place is the same as, nothing.
    pub(super) fn or(self, other: Self) -> Self {
        if self.region.is_some() {
            return self;
        }
        let ws_url = self.ws_url.or(other.ws_url);
        if self.rest_url.is_some() {
            return Self { ws_url, ..self };
        }
        // Of a place that was said above, a region below says nothing.
        let region = other.region.filter(|_| ws_url.is_none());
        Self { rest_url: other.rest_url, ws_url, region, same_as: self.same_as.or(other.same_as) }
    }

    /// Whether it is not the venue itself that is asked.
    pub(super) const fn is_elsewhere(&self) -> bool {
        self.rest_url.is_some() || self.ws_url.is_some()
    }

    /// Where Upbit is, and whose data that is.
    pub(super) fn of_upbit(self) -> Result<Endpoint, Usage> {
        self.check()?;
        let (region, same_as) = (self.region.unwrap_or_default(), self.same_as);
        let (rest, socket) = self
            .both(VenueName::Upbit)?
            .unwrap_or_else(|| (region.rest_url().to_owned(), region.ws_url().to_owned()));
        Ok(Endpoint { same_as, ..Endpoint::new(rest, socket) })
    }

    /// Whose data Massive's addresses are of.
    pub(super) fn of_massive(self) -> anyhow::Result<VenueId> {
        let same_as = self.same_as;
        let Some((rest, socket)) = self.both(VenueName::Massive)? else {
            return Ok(same_as.unwrap_or(MASSIVE));
        };
        Ok(Endpoint { same_as, ..Endpoint::new(rest, socket) }.source(MASSIVE, &MASSIVE_HOMES)?)
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

/// What the variable `name` says.
fn read<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, Usage> {
    variable(name).map(|text| text.parse()).transpose().map_err(|error| Usage(format!("{name}: {error}")))
}

/// A name in the file, read as a flag is.
pub(super) fn spelt<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
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
            ..Addresses::default()
        };
        assert_eq!(said("a", None).or(said("b", Some("c"))), said("a", Some("c")));
        let alone = Addresses { ws_url: Some("ws://x".into()), ..Addresses::default() };
        assert!(alone.both(VenueName::Massive).is_err());
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
        assert!(both.of_upbit().is_err());
        assert_eq!(region.of_upbit().unwrap().rest_url, "https://sg-api.upbit.com");
    }

    fn proxy_of(rest: &str) -> Addresses {
        Addresses { rest_url: Some(rest.into()), same_as: "upbit".parse().ok(), ..Addresses::default() }
    }
}

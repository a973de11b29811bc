//! How a described venue is to be talked to: its descriptor and what somebody chose.

use std::sync::Arc;

use market_backbone_core::{
    Secret, SourceError, SourceErrorKind, Venue, VenueDescriptor, VenueId, VenueOptions,
};
use market_backbone_routing::Endpoint;

use crate::PinnedMarkets;

/// A venue to talk to: its descriptor, and what differs from its defaults. It is given to
/// [`Builder::connect`](crate::Builder::connect).
///
/// ```
/// use market_backbone::{VenueConfig, VenueId, known_venues};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let venue = known_venues().find(VenueId::new("upbit"))?;
/// let singapore = VenueConfig::new(venue).region("sg");
/// assert_eq!(singapore.source()?.as_str(), "upbit-sg");
/// let emulator = VenueConfig::new(venue).at("http://127.0.0.1:9001", "ws://127.0.0.1:9001/websocket/v1");
/// assert_eq!(emulator.source()?.as_str(), "upbit@127.0.0.1:9001");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is given to `Builder::connect`"]
pub struct VenueConfig {
    descriptor: &'static VenueDescriptor,
    region: Option<String>,
    endpoint: Option<Endpoint>,
    same_as: Option<VenueId>,
    options: VenueOptions,
    pins: Vec<(String, PinnedMarkets)>,
}

impl VenueConfig {
    /// Talks to the venue at its own addresses, with its default settings.
    pub fn new(descriptor: &'static VenueDescriptor) -> Self {
        Self {
            descriptor,
            region: None,
            endpoint: None,
            same_as: None,
            options: VenueOptions::default(),
            pins: Vec::new(),
        }
    }

    /// Sets the key, for a venue that answers nobody without one.
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.options.set_key(Secret::new(key));
        self
    }

    /// Chooses one of the venue's regions by its name, in place of addresses.
    pub fn region(mut self, name: impl Into<String>) -> Self {
        (self.region, self.endpoint) = (Some(name.into()), None);
        self
    }

    /// Talks to the venue at other addresses: an emulator, a proxy.
    ///
    /// Whose data it is follows from the addresses: unknown ones are a source of their own, whose candles are kept apart.
    /// To say what they do not, see [`same_as`](Self::same_as).
    pub fn at(mut self, rest_url: impl Into<String>, ws_url: impl Into<String>) -> Self {
        (self.region, self.endpoint) = (None, Some(Endpoint::new(rest_url, ws_url)));
        self
    }

    /// Talks to the venue at this endpoint.
    pub fn endpoint(self, endpoint: Endpoint) -> Self {
        let same_as = endpoint.get_same_as().or(self.same_as);
        Self { region: None, endpoint: Some(endpoint), same_as, ..self }
    }

    /// Says that the very data of `source` is served at those addresses: by a proxy (`upbit`), or by an emulator that is
    /// to keep its data apart from one that stood there before (`upbit@seed-7`).
    pub fn same_as(mut self, source: VenueId) -> Self {
        self.same_as = Some(source);
        self
    }

    /// Sets one of the [settings](VenueDescriptor::all_settings) that only this venue takes. One that it does not take is
    /// refused when the backbone is built.
    pub fn set(mut self, name: &str, value: impl Into<Box<str>>) -> Self {
        self.options.set(name, value);
        self
    }

    /// Says how many connections the account may have at once (default: 1), for a venue that counts them.
    pub fn connections(self, connections: u32) -> Self {
        self.set(VenueOptions::CONNECTIONS, connections.to_string())
    }

    /// Gives these markets a connection of their own, called `name` where health is told. All others go to the one that
    /// carries least. More such connections than the account may have are refused when the backbone is built.
    pub fn pin(mut self, name: impl Into<String>, markets: PinnedMarkets) -> Self {
        self.pins.push((name.into(), markets));
        self
    }

    /// Returns the venue's descriptor.
    pub fn descriptor(&self) -> &'static VenueDescriptor {
        self.descriptor
    }

    /// Returns whose data will be read: the name that its symbols bear.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if there is no such region, an address cannot be read, or
    /// [`same_as`](Self::same_as) names a source of another venue.
    pub fn source(&self) -> Result<VenueId, SourceError> {
        self.resolved_endpoint()?.source(self.descriptor.id(), self.descriptor.official_hosts())
    }

    pub(crate) fn pins(&self) -> &[(String, PinnedMarkets)] {
        &self.pins
    }

    pub(crate) fn open(&self, source: VenueId) -> Result<(Arc<dyn Venue>, Endpoint), SourceError> {
        Ok((self.descriptor.open(&self.options, source)?, self.resolved_endpoint()?))
    }

    fn resolved_endpoint(&self) -> Result<Endpoint, SourceError> {
        let id = self.descriptor.id();
        let wrong = |message: String| SourceError::new(SourceErrorKind::BadRequest, message).at_venue(id);
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => {
                let region = self.region.as_deref().map(|name| self.descriptor.region(name));
                let region = region.transpose().map_err(wrong)?;
                let (rest, socket) = self.descriptor.addresses(region, &self.options)?.ok_or_else(|| {
                    wrong(format!("{id} has no address of its own; say where it is with `VenueConfig::at`"))
                })?;
                Endpoint::new(rest, socket)
            }
        };
        Ok(match self.same_as {
            Some(source) => endpoint.same_as(source),
            None => endpoint,
        })
    }
}

impl From<&'static VenueDescriptor> for VenueConfig {
    fn from(descriptor: &'static VenueDescriptor) -> Self {
        Self::new(descriptor)
    }
}

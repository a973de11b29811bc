//! An account with Massive: the key, the plan, and the addresses of the venue.

use std::sync::Arc;

use market_backbone_core::{Secret, SourceError, Venue, VenueId};
use market_backbone_massive::{
    DELAYED_WS_URL, MASSIVE, MASSIVE_HOSTS, Massive, MassivePlan, MassiveRate, REST_URL, WS_URL,
};
use market_backbone_routing::Endpoint;

use crate::PinnedMarkets;

/// An account with Massive.
#[derive(Clone, Debug)]
#[must_use = "it is given to `Builder::massive_account`"]
pub struct MassiveAccount {
    key: Secret,
    plan: MassivePlan,
    rate: Option<MassiveRate>,
    connections: Option<u32>,
    pub(crate) pins: Vec<(String, PinnedMarkets)>,
    endpoint: Endpoint,
}

impl MassiveAccount {
    /// Creates an account with the API key `key` and the plan `plan`, at the venue's own addresses. The socket
    /// is the one that the plan has access to.
    pub fn new(key: impl Into<Box<str>>, plan: MassivePlan) -> Self {
        let socket = if plan == MassivePlan::Advanced { WS_URL } else { DELAYED_WS_URL };
        let endpoint = Endpoint::new(REST_URL, socket);
        Self { key: Secret::new(key), plan, rate: None, connections: None, pins: Vec::new(), endpoint }
    }

    /// Uses other addresses: an emulator, a proxy.
    pub fn at(mut self, rest_url: &str, ws_url: &str) -> Self {
        self.endpoint = Endpoint { same_as: self.endpoint.same_as, ..Endpoint::new(rest_url, ws_url) };
        self
    }

    /// Declares that exactly the data of `source` is served at those addresses: by a proxy (`massive`), or by
    /// an emulator whose data is to be kept apart from that of an earlier one (`massive@seed-7`).
    pub fn same_as(mut self, source: VenueId) -> Self {
        self.endpoint = self.endpoint.same_as(source);
        self
    }

    /// Sets another rate limit than the plan's.
    pub fn rate(mut self, rate: MassiveRate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Sets the number of connections the account may have at once (default: 1). More than one have to be
    /// bought.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = Some(connections);
        self
    }

    /// Gives these markets a connection of their own, called `name` in health reports. All others go to the
    /// connection with the fewest markets. Building the backbone fails if there are more such connections than
    /// the account [may have](Self::connections).
    pub fn pin(mut self, name: impl Into<String>, markets: PinnedMarkets) -> Self {
        self.pins.push((name.into(), markets));
        self
    }

    /// Returns the source whose data this account reads.
    pub(crate) fn source(&self) -> Result<VenueId, SourceError> {
        self.endpoint.source(MASSIVE, &MASSIVE_HOSTS)
    }

    pub(crate) fn open(self, source: VenueId) -> (Arc<dyn Venue>, Endpoint) {
        let mut venue = Massive::new(self.key, self.plan).with_source(source);
        if let Some(rate) = self.rate {
            venue = venue.with_rate(rate);
        }
        if let Some(connections) = self.connections {
            venue = venue.with_connections(connections);
        }
        (Arc::new(venue), self.endpoint)
    }
}

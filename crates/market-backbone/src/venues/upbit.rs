//! What only Upbit has: its regions as a type, and its client.

use market_backbone_routing::Endpoint;
use market_backbone_upbit::{DESCRIPTOR, UPBIT, UpbitClient, UpbitRegion};

use super::VenueConfig;
use crate::venue_stack::VenueStack;
use crate::{Backbone, Builder};

impl Builder {
    /// Talks to Upbit. So does a backbone for which no venue is named; where several are, the first is the one that is
    /// asked unless another is said ([`Client::at`](crate::Client::at)).
    #[must_use]
    pub fn upbit(self) -> Self {
        self.connect(&DESCRIPTOR)
    }

    /// Talks to Upbit's house in this region: an exchange of its own, whose candles are kept apart from the others'.
    #[must_use]
    pub fn upbit_region(self, region: UpbitRegion) -> Self {
        self.connect(VenueConfig::new(&DESCRIPTOR).region(region.as_str()))
    }

    /// Talks to Upbit at these addresses instead of its own: an emulator, a proxy, a regional host.
    ///
    /// Whose data it is follows from the addresses: an unknown one is a source of its own, whose candles are kept apart.
    /// To say what they do not, see [`upbit_endpoint`](Self::upbit_endpoint).
    #[must_use]
    pub fn upbit_at(self, rest_url: &str, ws_url: &str) -> Self {
        self.connect(VenueConfig::new(&DESCRIPTOR).at(rest_url, ws_url))
    }

    /// Talks to Upbit there, which may be [the same as](Endpoint::same_as) a source that the addresses do not name.
    #[must_use]
    pub fn upbit_endpoint(self, endpoint: Endpoint) -> Self {
        self.connect(VenueConfig::new(&DESCRIPTOR).endpoint(endpoint))
    }
}

impl Backbone {
    /// Returns what only Upbit offers; `None` if the backbone was not built for it.
    #[must_use]
    pub fn upbit(&self) -> Option<UpbitClient> {
        self.inner().family(UPBIT).map(|stack: &VenueStack| UpbitClient::new(stack.calls()))
    }
}

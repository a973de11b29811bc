//! The parts of a backbone: the layers of each venue, and one store for all of them.

use std::sync::Arc;

use market_backbone_coordinator::{Continuity, Coordinator};
use market_backbone_core::{CallSource, Clock, TradingHours, VenueDescriptor, VenueId};
use market_backbone_routing::Router;
use market_backbone_storage::{ClockAwareSource, DerivedSource, Recorder, UniverseStore};

use crate::Error;
use crate::error::UnknownVenue;
use crate::splits::SplitCache;
use crate::storage::StorageTiers;

/// The layers of one venue.
pub(crate) struct VenueStack {
    pub(crate) venue: VenueId,
    /// The description of the venue; `None` for an adapter that nobody described.
    pub(crate) descriptor: Option<&'static VenueDescriptor>,
    /// The clock of the venue, as far as it is known from here.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) router: Arc<Router>,
    pub(crate) coordinator: Arc<Coordinator>,
    pub(crate) candles: Arc<DerivedSource>,
    /// The source that answers programs: candles by the corrected clock.
    pub(crate) clock_aware: Arc<ClockAwareSource>,
    pub(crate) continuity: Continuity,
    /// The shared store before the coordinator, where there is one.
    pub(crate) shared_tier: Option<Arc<DerivedSource>>,
    pub(crate) recorder: Recorder,
    pub(crate) splits: SplitCache,
}

impl VenueStack {
    /// Returns the trading hours of the venue, as far as they are described.
    pub(crate) fn trading_hours(&self) -> TradingHours {
        self.descriptor.map_or(TradingHours::ALWAYS, VenueDescriptor::hours)
    }

    pub(crate) fn calls(&self) -> Arc<dyn CallSource> {
        Arc::clone(&self.router) as Arc<dyn CallSource>
    }
}

/// All venues, and the state they share.
pub(crate) struct Inner {
    // Invariant: not empty, and no source twice.
    pub(crate) venues: Vec<Arc<VenueStack>>,
    pub(crate) tiers: StorageTiers,
    pub(crate) universes: UniverseStore,
}

impl Inner {
    /// Returns the layers of exactly this source, or else of the only one of its venue.
    pub(crate) fn at(&self, venue: VenueId) -> Result<&Arc<VenueStack>, Error> {
        if let Some(stack) = self.venues.iter().find(|stack| stack.venue == venue) {
            return Ok(stack);
        }
        let mut family = self.venues.iter().filter(|stack| stack.venue.family() == venue);
        match (family.next(), family.next()) {
            (Some(only), None) => Ok(only),
            _ => {
                let known = self.venues.iter().map(|stack| stack.venue).collect();
                Err(Error::Venue(UnknownVenue { asked: venue, known }))
            }
        }
    }

    /// Returns the layers of the first source of this family.
    pub(crate) fn family(&self, family: VenueId) -> Option<&VenueStack> {
        self.venues.iter().map(Arc::as_ref).find(|stack| stack.venue.family() == family)
    }

    /// Ends the feeds, lets the recorders write what they have, then closes the stores.
    pub(crate) async fn shutdown(&self) {
        for stack in &self.venues {
            stack.router.shutdown().await;
        }
        for stack in &self.venues {
            stack.recorder.shutdown().await;
        }
        self.tiers.close().await;
        self.universes.close().await;
    }
}

//! The scope of limits and of the clock: a venue at one address.

use std::path::PathBuf;
use std::sync::Arc;

use market_backbone_core::{
    Capabilities, Clock, RateLimitRule, SourceError, SourceErrorKind, Venue, VenueClock, VenueId,
};

use super::{Endpoint, RouterConfig, endpoint};
use crate::limiter::{JournalConfig, Limiter};
use crate::venue_clock_sync::VenueClockSync;

/// Returns all limits of the venue, connects included, so that one limiter applies all of them.
fn limits(capabilities: &Capabilities) -> Vec<RateLimitRule> {
    let mut limits = capabilities.limits.to_vec();
    let connects = capabilities.socket.connects;
    if limits.iter().all(|limit| limit.group != connects.group) {
        limits.push(connects);
    }
    limits
}

/// Returns the limiter that all senders of this process to the same address share.
///
/// A venue counts who sends to which of its hosts: two sources at one address (named apart with
/// [`Endpoint::same_as`]) share one limit, and a proxy has its own, whoever's data it serves. All official
/// addresses of one region are one.
pub(super) fn limiter_for(
    venue: &dyn Venue,
    endpoint: &Endpoint,
    clock: &Arc<dyn Clock>,
    config: &RouterConfig,
) -> Result<Limiter, SourceError> {
    let scope = scope(venue, endpoint)?;
    let file = file_of(scope, "sends", config);
    let journal = file.map(|file| JournalConfig::new(file, Arc::clone(clock)));
    Ok(Limiter::of_scope(scope.as_str(), &limits(venue.capabilities()), config.limiter, journal))
}

/// Creates the venue's clock, with what earlier processes have measured.
pub(super) fn clock_sync_for(
    venue: &dyn Venue,
    endpoint: &Endpoint,
    clock: Arc<VenueClock>,
    config: &RouterConfig,
) -> Result<VenueClockSync, SourceError> {
    let file = file_of(scope(venue, endpoint)?, "clock", config);
    Ok(VenueClockSync::new(clock, venue.capabilities().venue.to_string(), file))
}

/// Returns the scope of the limits and of the clock: the venue at this host.
fn scope(venue: &dyn Venue, endpoint: &Endpoint) -> Result<VenueId, SourceError> {
    let mut place = endpoint::authority_of(endpoint.rest_url(), ["http", "https"])?;
    if let Some((_, house)) = venue.official_hosts().iter().find(|(home, _)| *home == place)
        && let Some((first, _)) = venue.official_hosts().iter().find(|(_, source)| source == house)
    {
        place = (*first).to_owned();
    }
    venue.capabilities().venue.at_address(&place).map_err(|error| {
        let message = format!("{place} is too long for an address whose requests are counted");
        SourceError::new(SourceErrorKind::BadRequest, message).with_source(error)
    })
}

fn file_of(scope: VenueId, kind: &str, config: &RouterConfig) -> Option<PathBuf> {
    config.limits_dir.as_ref().map(|folder| folder.join(format!("{}.{kind}", scope.file_name())))
}

//! Everything the rest of the workspace has to know of a venue, in one value that the venue's crate keeps.

mod options;
mod registry;
mod setting;
mod trading_hours;

use std::fmt;
use std::sync::Arc;

pub use self::options::VenueOptions;
pub use self::registry::{UndescribedVenue, VenueRegistry};
pub use self::setting::{VenueKey, VenueRegion, VenueSetting};
pub use self::trading_hours::TradingHours;
use crate::{CallSource, Capabilities, Grid, MarketDaySource, SourceError, SplitSource, Venue, VenueId};

/// Makes the adapter of a venue from its options, for a source.
pub type OpenVenue = fn(options: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError>;

/// Returns the address of the socket, for a venue that has another one for some options.
pub type SocketAddressOf = fn(options: &VenueOptions) -> Result<&'static str, SourceError>;

/// Makes the source of a venue's splits from the place where its own requests can be sent.
pub type OpenSplitSource = fn(calls: Arc<dyn CallSource>) -> Arc<dyn SplitSource>;

/// Makes the source of a venue's daily candles of all markets from the place where its own requests can be sent.
pub type OpenMarketDaySource = fn(calls: Arc<dyn CallSource>) -> Arc<dyn MarketDaySource>;

/// The description of a venue: what it is, what it takes to talk to it, and how its adapter is made.
///
/// Each venue's crate keeps one as a `static`. The facade, the command line, the settings file, the check of a store and
/// archives read it, so that none of them names a venue.
///
/// ```
/// use market_backbone_core::{Capabilities, OpenVenue, VenueDescriptor, VenueId};
///
/// const fn toy(capabilities: fn() -> Capabilities, open: OpenVenue) -> VenueDescriptor {
///     VenueDescriptor::new(VenueId::new("toy"), "Toy", capabilities, open)
///         .summary("Made-up coins")
///         .sample_markets(&["A", "B"])
/// }
/// ```
#[derive(Clone, Copy)]
#[must_use = "a descriptor does nothing until it is registered or connected"]
pub struct VenueDescriptor {
    id: VenueId,
    display_name: &'static str,
    summary: &'static str,
    capabilities: fn() -> Capabilities,
    open: OpenVenue,
    regions: &'static [VenueRegion],
    hosts: &'static [(&'static str, VenueId)],
    socket: Option<SocketAddressOf>,
    normalize: fn(&str) -> String,
    trading_hours: TradingHours,
    key: Option<VenueKey>,
    settings: &'static [VenueSetting],
    has_named_connections: bool,
    emulator: Option<&'static str>,
    sample_markets: &'static [&'static str],
    splits: Option<OpenSplitSource>,
    market_days: Option<OpenMarketDaySource>,
}

impl VenueDescriptor {
    /// Describes a venue without a key, settings, regions or an emulator, whose markets never close.
    ///
    /// `capabilities` are those that are the same for every key and every option; `display_name` is what people call it.
    pub const fn new(
        id: VenueId,
        display_name: &'static str,
        capabilities: fn() -> Capabilities,
        open: OpenVenue,
    ) -> Self {
        Self {
            id,
            display_name,
            summary: "",
            capabilities,
            open,
            regions: &[],
            hosts: &[],
            socket: None,
            normalize: trimmed,
            trading_hours: TradingHours::ALWAYS,
            key: None,
            settings: &[],
            has_named_connections: false,
            emulator: None,
            sample_markets: &[],
            splits: None,
            market_days: None,
        }
    }

    /// Says in a few words what is traded there, for lists of venues.
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Says where the venue answers: its regions, the default one first. A venue with one address has one region.
    pub const fn regions(mut self, regions: &'static [VenueRegion]) -> Self {
        self.regions = regions;
        self
    }

    /// Lists the hosts that are known to be the venue's own, each with the source that answers there. Any other address
    /// is a source of its own.
    pub const fn hosts(mut self, hosts: &'static [(&'static str, VenueId)]) -> Self {
        self.hosts = hosts;
        self
    }

    /// Says where the socket is, for a venue that has another one for some options.
    pub const fn socket(mut self, socket: SocketAddressOf) -> Self {
        self.socket = Some(socket);
        self
    }

    /// Says by which code the venue lists what a person calls by another name; see
    /// [`Venue::normalize_code`](crate::Venue::normalize_code).
    pub const fn normalize(mut self, normalize: fn(&str) -> String) -> Self {
        self.normalize = normalize;
        self
    }

    /// Says how much of the time its markets are open (default: always).
    pub const fn trading_hours(mut self, hours: TradingHours) -> Self {
        self.trading_hours = hours;
        self
    }

    /// Says that it answers nobody without a key, and how that key is named.
    pub const fn key(mut self, key: VenueKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Lists the settings that it takes besides addresses and the key.
    pub const fn settings(mut self, settings: &'static [VenueSetting]) -> Self {
        self.settings = settings;
        self
    }

    /// Says that an account may have several connections, each with a name and markets of its own. How many it may have
    /// is the option [`VenueOptions::CONNECTIONS`].
    pub const fn named_connections(mut self) -> Self {
        self.has_named_connections = true;
        self
    }

    /// Names the emulator that speaks its protocol.
    pub const fn emulator(mut self, name: &'static str) -> Self {
        self.emulator = Some(name);
        self
    }

    /// Lists some markets that everybody knows, the best known first; its emulator has them too.
    pub const fn sample_markets(mut self, codes: &'static [&'static str]) -> Self {
        self.sample_markets = codes;
        self
    }

    /// Says how its splits are asked for, where what is traded there is ever split.
    pub const fn splits(mut self, source: OpenSplitSource) -> Self {
        self.splits = Some(source);
        self
    }

    /// Says how the daily candles of all its markets are asked for at once, where that is possible.
    pub const fn market_days(mut self, source: OpenMarketDaySource) -> Self {
        self.market_days = Some(source);
        self
    }
}

impl VenueDescriptor {
    /// Returns the venue's own name, which is the family of all its sources.
    #[must_use]
    pub const fn id(&self) -> VenueId {
        self.id
    }

    /// Returns what people call it.
    #[must_use]
    pub const fn display_name(&self) -> &'static str {
        self.display_name
    }

    /// Returns in a few words what is traded there; empty where nobody said.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        self.summary
    }

    /// Returns what the venue can do, as far as it is the same for every key and every option.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        (self.capabilities)()
    }

    /// Returns how its candles are cut.
    #[must_use]
    pub fn grid(&self) -> Grid {
        self.capabilities().grid
    }

    /// Returns the name of the variable that says `what` about this venue: `MARKET_BACKBONE_TOY_REST_URL`.
    #[must_use]
    pub fn variable(&self, what: &str) -> String {
        let shout = |text: &str| text.to_ascii_uppercase().replace('-', "_");
        format!("MARKET_BACKBONE_{}_{}", shout(self.id.as_str()), shout(what))
    }

    /// Returns all its regions, the default one first.
    #[must_use]
    pub const fn all_regions(&self) -> &'static [VenueRegion] {
        self.regions
    }

    /// Finds the region called `name`.
    ///
    /// # Errors
    ///
    /// A message that lists the regions there are.
    pub fn region(&self, name: &str) -> Result<&'static VenueRegion, String> {
        self.regions.iter().find(|region| region.name == name).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            match self.regions {
                [] | [_] => format!("no region `{name}`; {} has no regions", self.id),
                many => {
                    let names: Vec<_> = many.iter().map(|region| region.name).collect();
                    let (last, rest) =
                        names.split_last().map_or(("", &names[..]), |(last, rest)| (*last, rest));
                    format!("no region `{name}`; {} has {} and {last}", self.id, rest.join(", "))
                }
            }
        })
    }

    /// Finds the region whose data bears the name `source`.
    #[must_use]
    pub fn region_of(&self, source: VenueId) -> Option<&'static VenueRegion> {
        self.regions.iter().find(|region| region.source == source)
    }

    /// Returns the REST and the WebSocket address of `region`, else of the default one; `None` for a venue that has no
    /// address of its own.
    ///
    /// # Errors
    ///
    /// If an option on which the address depends cannot be read.
    pub fn addresses(
        &self,
        region: Option<&VenueRegion>,
        options: &VenueOptions,
    ) -> Result<Option<(&'static str, &'static str)>, SourceError> {
        let Some(region) = region.or(self.regions.first()) else { return Ok(None) };
        let socket = self.socket.map_or(Ok(region.ws_url), |socket| socket(options))?;
        Ok(Some((region.rest_url, socket)))
    }

    /// Returns the path of its socket, without the slash before it: a look-alike serves both on one port.
    #[must_use]
    pub fn socket_path(&self) -> &'static str {
        let url = self.regions.first().map_or("", |region| region.ws_url);
        let place = url.split_once("://").map_or(url, |(_, place)| place);
        place.split_once('/').map_or("", |(_, path)| path)
    }

    /// Returns the hosts that are known to be its own.
    #[must_use]
    pub const fn official_hosts(&self) -> &'static [(&'static str, VenueId)] {
        self.hosts
    }

    /// Returns the code by which the venue lists what a person calls `name`, where a rule makes that certain; else `name`.
    #[must_use]
    pub fn normalize_code(&self, name: &str) -> String {
        (self.normalize)(name)
    }

    /// Returns how much of the time its markets are open.
    #[must_use]
    pub const fn hours(&self) -> TradingHours {
        self.trading_hours
    }

    /// Returns how its key is named, where it answers nobody without one.
    #[must_use]
    pub const fn required_key(&self) -> Option<VenueKey> {
        self.key
    }

    /// Returns the settings that it takes besides addresses and the key.
    #[must_use]
    pub const fn all_settings(&self) -> &'static [VenueSetting] {
        self.settings
    }

    /// Finds the setting called `name`.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&'static VenueSetting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// Says whether an account may have several connections, each with a name.
    #[must_use]
    pub const fn has_named_connections(&self) -> bool {
        self.has_named_connections
    }

    /// Returns the name of its emulator, where there is one.
    #[must_use]
    pub const fn emulator_name(&self) -> Option<&'static str> {
        self.emulator
    }

    /// Returns some markets that everybody knows.
    #[must_use]
    pub const fn known_markets(&self) -> &'static [&'static str] {
        self.sample_markets
    }

    /// Returns where its splits are asked for; `None` where nothing is ever split.
    #[must_use]
    pub fn split_source(&self, calls: Arc<dyn CallSource>) -> Option<Arc<dyn SplitSource>> {
        self.splits.map(|source| source(calls))
    }

    /// Says whether what is traded there is ever split.
    #[must_use]
    pub const fn has_splits(&self) -> bool {
        self.splits.is_some()
    }

    /// Says whether it has the daily candles of all its markets in one answer.
    #[must_use]
    pub const fn has_market_days(&self) -> bool {
        self.market_days.is_some()
    }

    /// Returns where the daily candles of all markets are asked for at once; `None` where that is not possible.
    #[must_use]
    pub fn market_day_source(&self, calls: Arc<dyn CallSource>) -> Option<Arc<dyn MarketDaySource>> {
        self.market_days.map(|source| source(calls))
    }

    /// Makes the adapter for `source`.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](crate::SourceErrorKind::BadRequest) if the venue needs a key and none was given, does not take one of
    /// the options, or cannot read its value.
    pub fn open(&self, options: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError> {
        options.check(self)?;
        (self.open)(options, source)
    }

    /// Says what contradicts itself in this descriptor, for a test of the venue's crate.
    ///
    /// # Errors
    ///
    /// The first contradiction.
    pub fn check(&self) -> Result<(), String> {
        let ensure =
            |is_so: bool, what: &str| if is_so { Ok(()) } else { Err(format!("{}: {what}", self.id)) };
        ensure(self.id.family() == self.id, "the name is not that of a family")?;
        ensure(self.capabilities().venue == self.id, "the capabilities are those of another venue")?;
        ensure(
            self.regions.first().is_none_or(|region| region.source == self.id),
            "the default region is not the venue itself",
        )?;
        for region in self.regions {
            ensure(region.source.family() == self.id, "a region is a source of another venue")?;
            ensure(self.region(region.name).ok() == Some(region), "two regions share a name")?;
        }
        ensure(self.hosts.iter().all(|(_, source)| source.family() == self.id), "a host is another venue's")?;
        for setting in self.settings {
            ensure(self.setting(setting.name) == Some(setting), "two settings share a name")?;
            ensure(!setting.is_reserved(), "a setting has a name that every venue takes")?;
        }
        Ok(())
    }
}

impl fmt::Debug for VenueDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VenueDescriptor").field("id", &self.id).finish_non_exhaustive()
    }
}

fn trimmed(name: &str) -> String {
    name.trim().to_owned()
}

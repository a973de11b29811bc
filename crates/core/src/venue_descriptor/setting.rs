//! The parts of a descriptor that a person fills in: regions, the key, settings.

use crate::VenueId;

/// One of a venue's own houses, which may be an exchange of its own with its own books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueRegion {
    /// The short name by which settings choose it; empty where the venue has no other.
    pub name: &'static str,
    /// The name that its data bears.
    pub source: VenueId,
    /// The address that answers requests: `https://…`, without a path.
    pub rest_url: &'static str,
    /// The address of the socket: `wss://…`, with its path.
    pub ws_url: &'static str,
}

/// The name of a key, where one gets it, and the one that the emulator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueKey {
    /// The variable of the environment that holds it; it stands in no file and in no argument.
    pub variable: &'static str,
    /// The page where its owner finds it.
    pub obtained_at: &'static str,
    /// The key that the emulator takes for one that may do everything.
    pub for_emulator: &'static str,
}

/// A setting that only one venue takes.
///
/// It is named alike everywhere: `plan` in the venue's part of the settings file, `MARKET_BACKBONE_VENUE_PLAN` in the
/// environment, and a [`flag`](Self::flag) on the command line, if it has one.
#[derive(Clone, Copy)]
pub struct VenueSetting {
    /// The name, in small letters, with `_` between words.
    pub name: &'static str,
    /// The word that stands for its value in help texts: `PLAN`.
    pub value_name: &'static str,
    /// The help text: what it says, which values there are, and the default.
    pub help: &'static str,
    /// The check of a value; a refusal lists the values there are.
    pub check: fn(&str) -> Result<(), String>,
    /// The flag by which the command line takes it, without the dashes before it.
    pub flag: Option<&'static str>,
}

impl VenueSetting {
    /// The settings that every venue takes.
    pub const COMMON: [&'static str; 5] = ["rest_url", "ws_url", "same_as", "region", "connections"];

    pub(super) fn is_reserved(&self) -> bool {
        Self::COMMON.contains(&self.name)
    }
}

impl PartialEq for VenueSetting {
    fn eq(&self, other: &Self) -> bool {
        // Functions have no address to compare by.
        (self.name, self.value_name, self.help, self.flag)
            == (other.name, other.value_name, other.help, other.flag)
    }
}

impl std::fmt::Debug for VenueSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VenueSetting").field("name", &self.name).finish_non_exhaustive()
    }
}

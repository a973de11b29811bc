//! The settings file as a whole: settings of the program, and a section for each venue that there is.

use std::fmt;
use std::path::PathBuf;

use market_backbone::{VenueId, known_venues};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::known_key::KnownKey;
use super::store_settings::StoreSettings;
use super::venue_section::{SectionOf, VenueSection};

const OWN: [&str; 3] = ["data_dir", "limits_dir", "store"];

/// The settings file. A key it does not know is refused.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) limits_dir: Option<PathBuf>,
    pub(super) store: StoreSettings,
    venues: Vec<(VenueId, VenueSection)>,
}

impl SettingsFile {
    /// Returns what it says of this venue.
    pub(super) fn section(&self, venue: VenueId) -> VenueSection {
        let named = self.venues.iter().find(|(known, _)| *known == venue);
        named.map(|(_, section)| section.clone()).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for SettingsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = SettingsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SettingsFile, A::Error> {
        let venues = known_venues();
        let keys: Vec<_> = OWN.into_iter().chain(venues.iter().map(|venue| venue.id().as_str())).collect();
        let mut file = SettingsFile::default();
        while let Some(key) = map.next_key_seed(KnownKey(&keys))? {
            match (key, venues.iter().find(|venue| venue.id().as_str() == key)) {
                (_, Some(venue)) => {
                    file.venues.push((venue.id(), map.next_value_seed(SectionOf(venue))?));
                }
                ("data_dir", _) => file.data_dir = Some(map.next_value()?),
                ("limits_dir", _) => file.limits_dir = Some(map.next_value()?),
                _ => file.store = map.next_value()?,
            }
        }
        Ok(file)
    }
}

//! A venue's part of the settings file: `[NAME]`, with the settings that its descriptor lists.

use std::fmt;

use market_backbone::{VenueDescriptor, VenueId};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::addresses::Addresses;
use super::connections::ConnectionsTable;
use super::known_key::KnownKey;

/// The part of the file that is about one venue.
#[derive(Clone, Debug, Default)]
pub(super) struct VenueSection {
    pub(super) addresses: Addresses,
    /// The values of the venue's own settings, each under its name. They can be read.
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) connections: ConnectionsTable,
}

/// Reads the section of this venue.
#[derive(Clone, Copy)]
pub(super) struct SectionOf(pub(super) &'static VenueDescriptor);

impl SectionOf {
    /// All settings that the section may hold.
    fn names(self) -> Vec<&'static str> {
        let mut names = vec!["rest_url", "ws_url", "same_as"];
        names.extend((self.0.all_regions().len() > 1).then_some("region"));
        names.extend(self.0.all_settings().iter().map(|setting| setting.name));
        names.extend(self.0.has_named_connections().then_some("connections"));
        names
    }
}

impl<'de> DeserializeSeed<'de> for SectionOf {
    type Value = VenueSection;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<VenueSection, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SectionOf {
    type Value = VenueSection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}Settings", self.0.display_name())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VenueSection, A::Error> {
        let (mut section, names) = (VenueSection::default(), self.names());
        while let Some(name) = map.next_key_seed(KnownKey(&names))? {
            match name {
                "rest_url" => section.addresses.rest_url = Some(map.next_value()?),
                "ws_url" => section.addresses.ws_url = Some(map.next_value()?),
                "same_as" => {
                    let source = map.next_value::<String>()?.parse::<VenueId>();
                    section.addresses.same_as = Some(source.map_err(A::Error::custom)?);
                }
                "region" => {
                    let name = map.next_value::<String>()?;
                    let region = self.0.region(&name).map_err(A::Error::custom)?;
                    section.addresses.region = Some(region);
                }
                "connections" => section.connections = map.next_value()?,
                own => {
                    let value = map.next_value::<String>()?;
                    let setting = self.0.setting(own);
                    setting.map_or(Ok(()), |setting| (setting.check)(&value)).map_err(A::Error::custom)?;
                    section.options.push((own, value));
                }
            }
        }
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SettingsFile, parse};

    fn read(text: &str) -> Result<SettingsFile, String> {
        parse(&format!("[massive]\n{text}"))
    }

    #[test]
    fn a_plan_is_named_and_so_is_a_rate() {
        let file = read("plan = \"free\"\nrate = \"100/min\"").unwrap();
        let section = file.section("massive".parse().unwrap());
        assert_eq!(section.options, [("plan", "free".to_owned()), ("rate", "100/min".to_owned())]);
        assert!(read("plan = \"golden\"").unwrap_err().contains("basic, starter, developer and advanced"));
        assert!(read("rate = \"7/s\"").unwrap_err().contains("100/min"));
        let key = read("key = \"abc\"").unwrap_err();
        assert!(key.contains("unknown field `key`") && key.contains("line 2"), "{key}");
    }

    #[test]
    fn a_setting_of_one_venue_is_none_of_another() {
        let error = parse("[upbit]\nplan = \"free\"").unwrap_err();
        assert!(error.contains("unknown field `plan`") && error.contains("region"), "{error}");
        let error = read("region = \"sg\"").unwrap_err();
        assert!(error.contains("unknown field `region`"), "{error}");
        let error = parse("[upbit]\nregion = \"us\"").unwrap_err();
        assert!(error.contains("kr, sg, id and th"), "{error}");
    }
}

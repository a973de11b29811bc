//! The values that somebody gave for a venue's settings.

use std::fmt::Display;
use std::str::FromStr;

use super::VenueDescriptor;
use crate::{Secret, SourceError, SourceErrorKind};

/// The key and the values of a venue's settings, each under its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VenueOptions {
    key: Option<Secret>,
    // Invariant: no name twice.
    values: Vec<(Box<str>, Box<str>)>,
}

impl VenueOptions {
    /// The option that says how many connections an account may have.
    pub const CONNECTIONS: &'static str = "connections";

    /// Sets the key.
    pub fn set_key(&mut self, key: Secret) {
        self.key = Some(key);
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> Option<&Secret> {
        self.key.as_ref()
    }

    /// Sets the value of `name`; the last one counts.
    pub fn set(&mut self, name: impl Into<Box<str>>, value: impl Into<Box<str>>) {
        let (name, value) = (name.into(), value.into());
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value));
    }

    /// Returns the value of `name`, where it has one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// Reads the value of `name`, where it has one.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](SourceErrorKind::BadRequest) if it cannot be read.
    pub fn parse<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, SourceError> {
        let parsed = self.get(name).map(str::parse).transpose();
        parsed.map_err(|error: T::Err| wrong(format!("{name}: {error}")))
    }

    /// Refuses what `venue` cannot be opened with.
    pub(super) fn check(&self, venue: &VenueDescriptor) -> Result<(), SourceError> {
        let id = venue.id();
        if let (Some(key), None) = (venue.required_key(), &self.key) {
            let message = format!("{id} requires a key: give yours, from {}", key.obtained_at);
            return Err(wrong(message).at_venue(id));
        }
        for (name, value) in &self.values {
            if **name == *Self::CONNECTIONS && venue.has_named_connections() {
                continue;
            }
            let known = || venue.all_settings().iter().map(|setting| setting.name).collect::<Vec<_>>();
            let setting = venue.setting(name).ok_or_else(|| {
                wrong(match known()[..] {
                    [] => format!("{id} takes no setting `{name}`, nor any other"),
                    ref some => format!("{id} takes no setting `{name}`; it takes {}", some.join(", ")),
                })
                .at_venue(id)
            })?;
            (setting.check)(value).map_err(|error| wrong(format!("{name}: {error}")).at_venue(id))?;
        }
        Ok(())
    }
}

fn wrong(message: String) -> SourceError {
    SourceError::new(SourceErrorKind::BadRequest, message)
}

//! The health of a connection as `serde` writes it: with the field names of the command line's JSON.

use serde::{Serialize, Serializer};

use super::health::{ConnectionHealth, Health};

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The fields that are written; `last_frame_ms` is a length of time.
#[derive(Serialize)]
struct HealthForm<'a> {
    name: Option<&'a str>,
    number: u64,
    health: Health,
    channels: usize,
    frames: u64,
    last_frame_ms: Option<u64>,
    reconnects: u64,
    errors: u64,
    last_error: Option<&'a str>,
}

impl Serialize for ConnectionHealth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = HealthForm {
            name: self.name.as_deref(),
            number: self.number,
            health: self.health,
            channels: self.channels,
            frames: self.frames,
            last_frame_ms: self.last_frame_age.map(|age| age.as_millis() as u64),
            reconnects: self.reconnects,
            errors: self.errors,
            last_error: self.last_error.as_deref(),
        };
        form.serialize(serializer)
    }
}

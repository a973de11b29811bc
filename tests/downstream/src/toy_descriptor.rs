//! What the backbone has to know of the toy venue beside its protocol.

use std::sync::Arc;

use market_backbone::adapter::{Capabilities, Venue};
use market_backbone::{
    SourceError, TradingHours, VenueDescriptor, VenueId, VenueKey, VenueOptions, VenueSetting,
};

use crate::toy_venue::{CAPABILITIES, TOY, ToyVenue};

/// The description of the toy.
pub static DESCRIPTOR: VenueDescriptor = VenueDescriptor::new(TOY, "Toy", capabilities, open)
    .summary("Made-up coins")
    .trading_hours(TradingHours::new(300, 12))
    .normalize(str::to_uppercase)
    .key(VenueKey { variable: "TOY_API_KEY", obtained_at: "https://toy.example/keys", for_emulator: "any" })
    .settings(&[VenueSetting {
        name: "pace",
        value_name: "PACE",
        help: "How often one may ask: slow or fast",
        check: check_pace,
        flag: None,
    }])
    .sample_markets(&["ONE", "TWO"]);

fn check_pace(text: &str) -> Result<(), String> {
    match text {
        "slow" | "fast" => Ok(()),
        other => Err(format!("no pace `{other}`; there are slow and fast")),
    }
}

fn capabilities() -> Capabilities {
    CAPABILITIES
}

fn open(_: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError> {
    Ok(Arc::new(ToyVenue::for_source(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_valid() {
        assert_eq!(DESCRIPTOR.check(), Ok(()));
    }
}

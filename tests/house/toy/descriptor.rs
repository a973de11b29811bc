//! The crate of the toy, as far as one is needed: it speaks a protocol for which there are an adapter and an emulator.

use std::sync::Arc;

use market_backbone::{
    SourceError, TradingHours, VenueDescriptor, VenueId, VenueKey, VenueOptions, VenueSetting,
};
use market_backbone_core::{Capabilities, Venue};
use market_backbone_upbit::Upbit;

pub(super) const TOY: VenueId = VenueId::new("toy");

pub(super) static DESCRIPTOR: VenueDescriptor = VenueDescriptor::new(TOY, "Toy", capabilities, open)
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
    .emulator("upbit")
    .sample_markets(&["KRW-BTC"]);

fn check_pace(text: &str) -> Result<(), String> {
    match text {
        "slow" | "fast" => Ok(()),
        other => Err(format!("no pace `{other}`; there are slow and fast")),
    }
}

fn capabilities() -> Capabilities {
    *Upbit::for_source(TOY).capabilities()
}

fn open(_: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError> {
    Ok(Arc::new(Upbit::for_source(source)))
}

#[test]
fn the_description_is_sound() {
    assert_eq!(DESCRIPTOR.check(), Ok(()));
}

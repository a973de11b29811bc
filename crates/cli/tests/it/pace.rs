//! The limit is used fully and never exceeded: as the venue counts, in any second.

use market_backbone_emulator::{Faults, Scenario};
use tempfile::tempdir;

use crate::run::Venue;

#[test]
fn a_long_fetch_under_jitter_is_never_refused() {
    let data = tempdir().unwrap();
    let faults = Faults { latency_ms: 20, jitter_ms: 60, ..Faults::default() };
    let venue = Venue::start(Scenario { faults, ..Scenario::default() });
    let args = ["candles", "KRW-BTC", "1m", "--count", "10000", "--closed", "--format", "csv", "--stats"];
    let said = venue.run(data.path(), &args);
    assert_eq!(said.rows().len(), 10_000);
    let candles = venue.emulator.report().group("candles");
    assert_eq!((candles.asked, candles.rejected), (50, 0));
    assert!(candles.worst <= 10, "{} in some second", candles.worst);
    venue.stop();
}

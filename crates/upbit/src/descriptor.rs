//! Everything that the rest of the workspace has to know of Upbit.

use std::sync::Arc;

use market_backbone_core::{
    Capabilities, SourceError, Venue, VenueDescriptor, VenueId, VenueOptions, VenueRegion,
};

use crate::capabilities::CAPABILITIES;
use crate::naming::{self, UPBIT};
use crate::region::{UPBIT_HOSTS, UpbitRegion};
use crate::venue::Upbit;

/// The description of Upbit. It needs no key.
pub static DESCRIPTOR: VenueDescriptor = VenueDescriptor::new(UPBIT, "Upbit", capabilities, open)
    .summary("Coins; no key")
    .regions(&REGIONS)
    .hosts(&UPBIT_HOSTS)
    .normalize(naming::normalize_code)
    .emulator("upbit")
    .sample_markets(&["KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL"]);

static REGIONS: [VenueRegion; 4] = [
    region(UpbitRegion::Korea),
    region(UpbitRegion::Singapore),
    region(UpbitRegion::Indonesia),
    region(UpbitRegion::Thailand),
];

const fn region(region: UpbitRegion) -> VenueRegion {
    VenueRegion {
        name: region.as_str(),
        source: region.source(),
        rest_url: region.rest_url(),
        ws_url: region.ws_url(),
    }
}

fn capabilities() -> Capabilities {
    CAPABILITIES
}

#[expect(clippy::unnecessary_wraps, reason = "other venues can fail: the type is theirs")]
fn open(_: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError> {
    Ok(Arc::new(Upbit::for_source(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_that_of_the_adapter() {
        assert_eq!(DESCRIPTOR.check(), Ok(()));
        assert_eq!(DESCRIPTOR.grid(), Upbit::new().capabilities().grid);
        assert_eq!(DESCRIPTOR.socket_path(), "websocket/v1");
        for region in UpbitRegion::ALL {
            let described = DESCRIPTOR.region(region.as_str()).unwrap();
            assert_eq!(described.source, region.source());
            let addresses = DESCRIPTOR.addresses(Some(described), &VenueOptions::default()).unwrap();
            assert_eq!(addresses, Some((region.rest_url(), region.ws_url())));
        }
    }
}

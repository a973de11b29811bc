//! Everything that the rest of the workspace has to know of Massive.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use market_backbone_core::{
    CallSource, Capabilities, MarketDaySource, Secret, SourceError, SplitSource, TradingHours, Venue,
    VenueDescriptor, VenueId, VenueKey, VenueOptions, VenueRegion, VenueSetting,
};

use crate::capabilities::{MassivePlan, MassiveRate, capabilities};
use crate::client::MassiveClient;
use crate::naming::{self, DELAYED_WS_URL, MASSIVE, MASSIVE_HOSTS, REST_URL, WS_URL};
use crate::venue::Massive;

/// The option that names the plan that was paid for.
pub const PLAN_OPTION: &str = "plan";
/// The option that says how often one may ask.
pub const RATE_OPTION: &str = "rate";

/// The description of Massive.
pub static DESCRIPTOR: VenueDescriptor = VenueDescriptor::new(MASSIVE, "Massive", usual, open)
    .summary("US stocks")
    .regions(&[VenueRegion { name: "", source: MASSIVE, rest_url: REST_URL, ws_url: WS_URL }])
    .hosts(&MASSIVE_HOSTS)
    .socket(socket)
    .normalize(naming::normalize_code)
    // Shares are traded from 04:00 to 20:00 in New York.
    .trading_hours(TradingHours::new(252, 16))
    .key(VenueKey {
        variable: "MASSIVE_API_KEY",
        obtained_at: "https://massive.com/dashboard/keys",
        for_emulator: "test-key",
    })
    .settings(&SETTINGS)
    .named_connections()
    .emulator("massive")
    .sample_markets(&["AAPL", "MSFT", "NVDA", "SPY"])
    .splits(split_source)
    .market_days(market_day_source);

static SETTINGS: [VenueSetting; 2] = [
    VenueSetting {
        name: PLAN_OPTION,
        value_name: "PLAN",
        help: "What was paid for: basic (or free), starter, developer or advanced [default: advanced]",
        check: check::<MassivePlan>,
        flag: Some("plan"),
    },
    VenueSetting {
        name: RATE_OPTION,
        value_name: "RATE",
        help: "How often one may ask: 5/min, 100/min or 100/s [default: the plan's]",
        check: check::<MassiveRate>,
        flag: None,
    },
];

fn check<T: FromStr<Err: Display>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(drop).map_err(|error| error.to_string())
}

/// The plan decides on limits and on which kinds of data there are, not on calendars and pages.
fn usual() -> Capabilities {
    let plan = MassivePlan::Advanced;
    capabilities(MASSIVE, plan, plan.rate(), 1)
}

fn plan(options: &VenueOptions) -> Result<MassivePlan, SourceError> {
    Ok(options.parse(PLAN_OPTION)?.unwrap_or(MassivePlan::Advanced))
}

/// Returns the socket that the plan has access to.
fn socket(options: &VenueOptions) -> Result<&'static str, SourceError> {
    Ok(if plan(options)? == MassivePlan::Advanced { WS_URL } else { DELAYED_WS_URL })
}

fn open(options: &VenueOptions, source: VenueId) -> Result<Arc<dyn Venue>, SourceError> {
    let key = options.key().cloned().unwrap_or_else(|| Secret::new(""));
    let mut venue = Massive::new(key, plan(options)?).with_source(source);
    if let Some(rate) = options.parse::<MassiveRate>(RATE_OPTION)? {
        venue = venue.with_rate(rate);
    }
    if let Some(connections) = options.parse::<u32>(VenueOptions::CONNECTIONS)? {
        venue = venue.with_connections(connections);
    }
    Ok(Arc::new(venue))
}

fn split_source(calls: Arc<dyn CallSource>) -> Arc<dyn SplitSource> {
    Arc::new(MassiveClient::new(calls))
}

fn market_day_source(calls: Arc<dyn CallSource>) -> Arc<dyn MarketDaySource> {
    Arc::new(MassiveClient::new(calls))
}

#[cfg(test)]
mod tests {
    use market_backbone_core::SourceErrorKind;

    use super::*;

    fn options(values: &[(&str, &str)]) -> VenueOptions {
        let mut options = VenueOptions::default();
        options.set_key(Secret::new("k"));
        for (name, value) in values {
            options.set(*name, *value);
        }
        options
    }

    fn opened(options: &VenueOptions) -> Result<Arc<dyn Venue>, SourceError> {
        DESCRIPTOR.open(options, MASSIVE)
    }

    #[test]
    fn the_description_is_that_of_the_adapter() {
        assert_eq!(DESCRIPTOR.check(), Ok(()));
        assert_eq!(DESCRIPTOR.socket_path(), "stocks");
        let adapter =
            opened(&options(&[("plan", "starter"), ("rate", "100/min"), ("connections", "3")])).unwrap();
        let can = adapter.capabilities();
        assert_eq!(can.grid, DESCRIPTOR.grid());
        assert_eq!(can.candle_page, DESCRIPTOR.capabilities().candle_page);
        assert_eq!(can.socket.max_connections, Some(3));
    }

    #[test]
    fn a_plan_without_the_present_has_the_delayed_socket() {
        for (plan, want) in [("advanced", WS_URL), ("developer", DELAYED_WS_URL), ("free", DELAYED_WS_URL)] {
            let addresses = DESCRIPTOR.addresses(None, &options(&[("plan", plan)])).unwrap();
            assert_eq!(addresses, Some((REST_URL, want)));
        }
    }

    #[test]
    fn what_it_cannot_be_opened_with_is_refused_with_what_there_is() {
        let refused = |options: &VenueOptions| {
            let error = opened(options).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::BadRequest);
            error.to_string()
        };
        assert!(refused(&VenueOptions::default()).contains("https://massive.com/dashboard/keys"));
        let misspelt = refused(&options(&[("plam", "basic")]));
        assert!(misspelt.contains("`plam`") && misspelt.contains("plan, rate"), "{misspelt}");
        assert!(refused(&options(&[("plan", "gold")])).contains("starter"));
        assert!(refused(&options(&[("rate", "7/s")])).contains("100/min"));
    }
}

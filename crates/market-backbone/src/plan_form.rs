//! A plan as `serde` writes it: with the field names of the command line's JSON.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Plan;

/// The number of requests in each rate limit group, written as an object.
struct GroupForms<'a>(&'a Plan);

impl Serialize for GroupForms<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.requests.len()))?;
        for (group, count) in &self.0.requests {
            map.serialize_entry(&group.to_string(), count)?;
        }
        map.end()
    }
}

/// The fields that are written; `eta_ms` and `round_trip_ms` are lengths of time.
#[derive(Serialize)]
struct PlanForm<'a> {
    venue: &'static str,
    symbol: &'a str,
    timeframe: &'static str,
    known: u64,
    unknown: u64,
    known_share: f64,
    pages: u64,
    requests: GroupForms<'a>,
    at_least: u64,
    at_most: u64,
    exact: bool,
    eta_ms: u64,
    round_trip_ms: u64,
    round_trip_measured: bool,
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = PlanForm {
            venue: self.series.symbol.venue().as_str(),
            symbol: self.series.symbol.code(),
            timeframe: self.series.timeframe.as_str(),
            known: self.known_slots,
            unknown: self.unknown_slots,
            known_share: self.known_share(),
            pages: self.pages,
            requests: GroupForms(self),
            at_least: self.at_least,
            at_most: self.at_most,
            exact: self.exact,
            eta_ms: self.eta.as_millis() as u64,
            round_trip_ms: self.round_trip.as_millis() as u64,
            round_trip_measured: self.round_trip_measured,
        };
        form.serialize(serializer)
    }
}

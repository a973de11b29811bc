//! The coverage of a series as an archive writes it: as slots, which are hashed, and with provenance.

use market_backbone_core::{
    Coverage, Dispute, Grid, Origin, Provenance, RangeSet, Span, TimeRange, Timeframe, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::origin_codec;

/// Returns the known ranges, from the first open time in them to the first one after them.
pub(super) fn known_slots(coverage: &Coverage, timeframe: Timeframe, grid: Grid) -> Vec<TimeRange> {
    slots(coverage.ranges(), timeframe, grid)
}

/// Returns the disputed ranges, in the same way.
pub(super) fn disputed_slots(coverage: &Coverage, timeframe: Timeframe, grid: Grid) -> Vec<TimeRange> {
    slots(coverage.disputes().iter().map(|dispute| dispute.range), timeframe, grid)
}

fn slots(ranges: impl IntoIterator<Item = TimeRange>, timeframe: Timeframe, grid: Grid) -> Vec<TimeRange> {
    // A range in which no slot opens has none.
    let open_times = |range: TimeRange| {
        TimeRange::new(grid.ceil(timeframe, range.from()), grid.ceil(timeframe, range.to())).ok()
    };
    ranges.into_iter().filter_map(open_times).collect::<RangeSet>().into_vec()
}

/// A range as it is written: RFC 3339, or nothing where it has no end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeRecord {
    from: Option<String>,
    to: Option<String>,
}

/// A span as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpanRecord {
    from: Option<String>,
    to: Option<String>,
    origin: String,
    observed_at: String,
}

/// A dispute as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DisputeRecord {
    from: Option<String>,
    to: Option<String>,
    earlier: Option<ProvenanceRecord>,
    later: Option<ProvenanceRecord>,
}

/// One side of a dispute as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceRecord {
    origin: String,
    observed_at: String,
}

/// The coverage of a series as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageRecord {
    /// The slots that enter the hash; they follow from `spans` and are there for readers that want to compute
    /// it.
    pub(super) known: Vec<RangeRecord>,
    pub(super) spans: Vec<SpanRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) disputed: Vec<RangeRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) disputes: Vec<DisputeRecord>,
}

impl CoverageRecord {
    pub(super) fn of(coverage: &Coverage, timeframe: Timeframe, grid: Grid) -> Result<Self, String> {
        Ok(Self {
            known: known_slots(coverage, timeframe, grid).into_iter().map(range_record).collect(),
            spans: coverage.spans().iter().map(span_record).collect::<Result<_, _>>()?,
            disputed: disputed_slots(coverage, timeframe, grid).into_iter().map(range_record).collect(),
            disputes: coverage.disputes().iter().map(dispute_record).collect::<Result<_, _>>()?,
        })
    }

    /// Converts the record to coverage. Repeated statements must agree.
    pub(super) fn to_coverage(&self, timeframe: Timeframe, grid: Grid) -> Result<Coverage, String> {
        let mut coverage = Coverage::empty();
        for written in &self.spans {
            let range = range(written.from.as_deref(), written.to.as_deref())?;
            let provenance = provenance(&written.origin, &written.observed_at)?;
            coverage.insert(Span { range, provenance });
        }
        for written in &self.disputes {
            let witness = |witness: &Option<ProvenanceRecord>| {
                witness.as_ref().map(|said| provenance(&said.origin, &said.observed_at)).transpose()
            };
            let (earlier, later) = (witness(&written.earlier)?, witness(&written.later)?);
            let range = range(written.from.as_deref(), written.to.as_deref())?;
            coverage.add_dispute(Dispute { range, earlier, later });
        }
        let again = Self::of(&coverage, timeframe, grid)?;
        if again.known != self.known || again.disputed != self.disputed {
            return Err("`known` and `spans` do not say the same".to_owned());
        }
        Ok(coverage)
    }
}

fn range_record(range: TimeRange) -> RangeRecord {
    RangeRecord { from: bound_text(range.from()), to: bound_text(range.to()) }
}

fn span_record(span: &Span) -> Result<SpanRecord, String> {
    let Provenance { origin, observed_at } = span.provenance;
    let (from, to) = (bound_text(span.range.from()), bound_text(span.range.to()));
    Ok(SpanRecord { from, to, origin: origin_name(origin)?.to_owned(), observed_at: observed_at.to_string() })
}

fn dispute_record(dispute: &Dispute) -> Result<DisputeRecord, String> {
    let witness = |said: Option<Provenance>| {
        let said = said.map(|Provenance { origin, observed_at }| {
            origin_name(origin).map(|word| ProvenanceRecord {
                origin: word.to_owned(),
                observed_at: observed_at.to_string(),
            })
        });
        said.transpose()
    };
    let (from, to) = (bound_text(dispute.range.from()), bound_text(dispute.range.to()));
    Ok(DisputeRecord { from, to, earlier: witness(dispute.earlier)?, later: witness(dispute.later)? })
}

fn bound_text(moment: Timestamp) -> Option<String> {
    (Timestamp::MIN < moment && moment < Timestamp::MAX).then(|| moment.to_string())
}

fn range(from: Option<&str>, to: Option<&str>) -> Result<TimeRange, String> {
    let from = from.map_or(Ok(Timestamp::MIN), str::parse).map_err(|error| error.to_string())?;
    let to = to.map_or(Ok(Timestamp::MAX), str::parse).map_err(|error| error.to_string())?;
    TimeRange::new(from, to).map_err(|error| error.to_string())
}

fn provenance(origin: &str, observed_at: &str) -> Result<Provenance, String> {
    let observed_at = observed_at.parse::<Timestamp>().map_err(|error| error.to_string())?;
    let origin = origin_codec::decode(origin).map_err(|_| format!("there is no origin `{origin}`"))?;
    Ok(Provenance { origin, observed_at })
}

fn origin_name(origin: Origin) -> Result<&'static str, String> {
    origin_codec::encode(origin).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn coverage() -> Coverage {
        let said = |observed: &str| Provenance { origin: Origin::Socket, observed_at: at(observed) };
        let stretch = |from, to| TimeRange::new(from, to).unwrap();
        let mut coverage = Coverage::empty();
        let old = stretch(Timestamp::MIN, at("2026-08-03T10:40:00Z"));
        coverage.insert(Span { range: old, provenance: said("2026-08-03T10:40:03.000000001Z") });
        let new = stretch(at("2026-08-03T10:40:30Z"), at("2026-08-03T10:50:00Z"));
        coverage.insert(Span { range: new, provenance: said("2026-08-03T11:00:00Z") });
        let slot = stretch(at("2026-08-03T10:45:00Z"), at("2026-08-03T10:46:00Z"));
        coverage.add_dispute(Dispute { range: slot, earlier: None, later: Some(said("2026-08-04")) });
        coverage
    }

    #[test]
    fn what_is_known_reads_back_to_the_nanosecond() {
        let written = CoverageRecord::of(&coverage(), Timeframe::M1, Grid::Utc).unwrap();
        let text = serde_json::to_string(&written).unwrap();
        let read: CoverageRecord = serde_json::from_str(&text).unwrap();
        assert_eq!(read.to_coverage(Timeframe::M1, Grid::Utc), Ok(coverage()));
        assert_eq!(written.known.len(), 2, "10:40 opened before the second stretch began: {text}");
        assert_eq!(written.known[0].from, None);
    }

    #[test]
    fn a_contradiction_is_seen() {
        let mut written = CoverageRecord::of(&coverage(), Timeframe::M1, Grid::Utc).unwrap();
        written.known.pop();
        assert!(written.to_coverage(Timeframe::M1, Grid::Utc).unwrap_err().contains("`known`"));
    }
}

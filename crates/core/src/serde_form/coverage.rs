//! What is known of a series.

use serde::{Deserialize, Serialize};

use super::spelt_as;
use crate::{AbsenceClaim, Coverage, Dispute, Origin, Provenance, Span, TimeError, TimeRange, Timestamp};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OriginForm {
    Rest,
    Early,
    Socket,
    Provisional,
    #[serde(rename = "listed")]
    BeforeListing,
    Import,
    Derived,
}

impl From<&Origin> for OriginForm {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Rest => Self::Rest,
            Origin::Early => Self::Early,
            Origin::Socket => Self::Socket,
            Origin::Provisional => Self::Provisional,
            Origin::BeforeListing => Self::BeforeListing,
            Origin::Import => Self::Import,
            Origin::Derived => Self::Derived,
        }
    }
}

impl From<OriginForm> for Origin {
    fn from(form: OriginForm) -> Self {
        match form {
            OriginForm::Rest => Self::Rest,
            OriginForm::Early => Self::Early,
            OriginForm::Socket => Self::Socket,
            OriginForm::Provisional => Self::Provisional,
            OriginForm::BeforeListing => Self::BeforeListing,
            OriginForm::Import => Self::Import,
            OriginForm::Derived => Self::Derived,
        }
    }
}

spelt_as!(Origin, OriginForm);

#[derive(Serialize, Deserialize)]
struct ProvenanceForm {
    origin: Origin,
    observed_at: Timestamp,
}

impl From<&Provenance> for ProvenanceForm {
    fn from(provenance: &Provenance) -> Self {
        Self { origin: provenance.origin, observed_at: provenance.observed_at }
    }
}

impl From<ProvenanceForm> for Provenance {
    fn from(form: ProvenanceForm) -> Self {
        Self { origin: form.origin, observed_at: form.observed_at }
    }
}

spelt_as!(Provenance, ProvenanceForm);

#[derive(Serialize, Deserialize)]
struct SpanForm {
    from: Timestamp,
    to: Timestamp,
    origin: Origin,
    observed_at: Timestamp,
}

impl From<&Span> for SpanForm {
    fn from(span: &Span) -> Self {
        let Provenance { origin, observed_at } = span.provenance;
        Self { from: span.range.from(), to: span.range.to(), origin, observed_at }
    }
}

impl TryFrom<SpanForm> for Span {
    type Error = TimeError;

    fn try_from(form: SpanForm) -> Result<Self, TimeError> {
        let provenance = Provenance { origin: form.origin, observed_at: form.observed_at };
        Ok(Self { range: TimeRange::new(form.from, form.to)?, provenance })
    }
}

spelt_as!(Span, SpanForm);

#[derive(Serialize, Deserialize)]
struct DisputeForm {
    from: Timestamp,
    to: Timestamp,
    earlier: Option<Provenance>,
    later: Option<Provenance>,
}

impl From<&Dispute> for DisputeForm {
    fn from(dispute: &Dispute) -> Self {
        let Dispute { range, earlier, later } = *dispute;
        Self { from: range.from(), to: range.to(), earlier, later }
    }
}

impl TryFrom<DisputeForm> for Dispute {
    type Error = TimeError;

    fn try_from(form: DisputeForm) -> Result<Self, TimeError> {
        Ok(Self { range: TimeRange::new(form.from, form.to)?, earlier: form.earlier, later: form.later })
    }
}

spelt_as!(Dispute, DisputeForm);

#[derive(Serialize, Deserialize)]
struct ClaimForm {
    from: Timestamp,
    to: Timestamp,
    observations: u8,
    first_asked_at: Timestamp,
    last_asked_at: Timestamp,
}

impl From<&AbsenceClaim> for ClaimForm {
    fn from(claim: &AbsenceClaim) -> Self {
        let AbsenceClaim { range, observations, first_asked_at, last_asked_at } = *claim;
        Self { from: range.from(), to: range.to(), observations, first_asked_at, last_asked_at }
    }
}

impl TryFrom<ClaimForm> for AbsenceClaim {
    type Error = TimeError;

    fn try_from(form: ClaimForm) -> Result<Self, TimeError> {
        let ClaimForm { from, to, observations, first_asked_at, last_asked_at } = form;
        Ok(Self { range: TimeRange::new(from, to)?, observations, first_asked_at, last_asked_at })
    }
}

spelt_as!(AbsenceClaim, ClaimForm);

#[derive(Serialize, Deserialize)]
struct CoverageForm {
    spans: Vec<Span>,
    disputes: Vec<Dispute>,
    claims: Vec<AbsenceClaim>,
}

impl From<&Coverage> for CoverageForm {
    fn from(coverage: &Coverage) -> Self {
        Self {
            spans: coverage.spans().to_vec(),
            disputes: coverage.disputes().to_vec(),
            claims: coverage.claims().to_vec(),
        }
    }
}

/// Puts the parts together again by the rules of the type, in whatever order they are written.
impl From<CoverageForm> for Coverage {
    fn from(form: CoverageForm) -> Self {
        let mut coverage: Self = form.spans.into_iter().collect();
        form.disputes.into_iter().for_each(|dispute| coverage.add_dispute(dispute));
        form.claims.into_iter().for_each(|claim| coverage.add_claim(claim));
        coverage
    }
}

spelt_as!(Coverage, CoverageForm);

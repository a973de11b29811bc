//! The promotion to the Hot Zone and the demotion from it.

use market_backbone_core::Timestamp;

use super::membership::MembershipReason;
use super::rules::HotZoneRules;
use super::scan_candidate::{ScanCandidate, is_held, seconds};
use crate::seismograph::{MarketReading, Stage};

/// The reason to promote a market, if there is one.
pub(super) fn promotion(
    reading: &MarketReading,
    candidate: &ScanCandidate,
    rules: &HotZoneRules,
) -> Option<MembershipReason> {
    let score = reading.accumulation.as_ref().and_then(|score| score.v3);
    // Unknown checks do not promote: nobody can trade what is not known.
    if reading.ignition.is_ignited && reading.anti_trap.lets_orders_through() {
        Some(MembershipReason::Ignition)
    } else if reading.is_diverging {
        Some(MembershipReason::Divergence)
    } else if reading.stage() == Stage::TightRange && reading.can_trade() {
        Some(MembershipReason::Stage)
    } else if candidate.is_gainer() && score.is_some_and(|score| score >= rules.accumulation_from) {
        Some(MembershipReason::Accumulation)
    } else {
        None
    }
}

/// Whether a member that nothing speaks for any more has to leave at `now`. Updates since when that is so.
pub(super) fn has_cooled(
    candidate: &mut ScanCandidate,
    reading: &MarketReading,
    is_promoted: bool,
    now: Timestamp,
    rules: &HotZoneRules,
) -> bool {
    if is_promoted || reading.ignition.score >= rules.demote_below {
        candidate.cool_since = None;
        return false;
    }
    let cool_since = *candidate.cool_since.get_or_insert(now);
    let is_held = candidate.hot_since.is_some_and(|since| is_held(since, now, rules.hold_secs));
    !is_held && now.since(cool_since) >= seconds(rules.demote_after_secs)
}

//! The choice of members where there is not room for all.

use market_backbone_core::{Symbol, Timestamp};

use super::scan_candidate::is_held;

/// A market that would be a member.
#[derive(Clone, Debug)]
pub(super) struct Applicant {
    pub(super) place: usize,
    pub(super) symbol: Symbol,
    pub(super) value: f64,
    pub(super) since: Option<Timestamp>,
}

/// The places of the chosen ones: members whose time is not over first, then the highest values, where members have an
/// advantage of `margin`. Equal ones are chosen by name, so that the choice is the same every time.
pub(super) fn choose(
    mut applicants: Vec<Applicant>,
    size: usize,
    now: Timestamp,
    hold_secs: f64,
    margin: f64,
) -> Vec<usize> {
    let held = |one: &Applicant| one.since.is_some_and(|since| is_held(since, now, hold_secs));
    let value = |one: &Applicant| if one.since.is_some() { one.value + margin } else { one.value };
    applicants.sort_by(|a, b| {
        let by_value = value(b).total_cmp(&value(a));
        held(b).cmp(&held(a)).then(by_value).then_with(|| a.symbol.cmp(&b.symbol))
    });
    applicants.truncate(size);
    applicants.into_iter().map(|one| one.place).collect()
}

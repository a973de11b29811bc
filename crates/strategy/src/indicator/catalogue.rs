//! The names under which indicators are known.

use ta_lib::abstract_api::FuncFlags;

use super::error::IndicatorError;
use super::kernel::Formula;

/// Other names that people use.
const ALIASES: [(&str, Formula); 14] = [
    ("bb", Formula::Bbands),
    ("bollinger", Formula::Bbands),
    ("keltner", Formula::Kc),
    ("wilder", Formula::Rma),
    ("smma", Formula::Rma),
    ("stdev", Formula::Stddev),
    ("variance", Formula::Var),
    ("highest", Formula::Max),
    ("lowest", Formula::Min),
    ("stochastic", Formula::Stoch),
    ("williams", Formula::Willr),
    ("psar", Formula::Sar),
    ("momentum", Formula::Mom),
    ("z", Formula::Zscore),
];

/// A line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndicatorInfo {
    /// The name in text.
    pub name: &'static str,
    /// The meaning, in a few words.
    pub title: &'static str,
    /// The names of its outputs. The first is the one that is meant where none is named.
    pub outputs: &'static [&'static str],
}

/// Lists every indicator.
pub fn catalogue() -> impl Iterator<Item = IndicatorInfo> {
    Formula::ALL.iter().map(|formula| IndicatorInfo {
        name: formula.name(),
        title: match formula.ta_id() {
            Some(id) => id.info().hint,
            None if *formula == Formula::Vwap => "Volume-weighted average price since the day began",
            None => "Standard deviations from the mean of a window",
        },
        outputs: formula.outputs(),
    })
}

/// Returns the formula called `name`, in any case of letters.
pub(crate) fn find(name: &str) -> Result<Formula, IndicatorError> {
    let lower = name.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == lower).map(|(_, formula)| *formula);
    let exact = Formula::ALL.iter().copied().find(|formula| formula.name() == lower);
    exact.or(alias).ok_or_else(|| IndicatorError::UnknownName {
        nearest: nearest(&lower, names()),
        known: Formula::ALL.iter().map(|formula| formula.name()).collect(),
        name: name.to_owned(),
    })
}

fn names() -> impl Iterator<Item = &'static str> {
    Formula::ALL.iter().map(|formula| formula.name()).chain(ALIASES.iter().map(|(alias, _)| *alias))
}

/// Returns the one of `known` that `text` was probably meant to be.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(text, name), name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name.to_owned())
}

impl Formula {
    /// Whether it may have no value for finite figures: a division by a volume of zero.
    pub(crate) fn may_be_undefined(self) -> bool {
        self.ta_id().is_none_or(|id| id.info().flags.contains(FuncFlags::NAN_INF_OUTPUT))
    }
}

//! One thing that cannot be true, where it is, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use market_backbone_core::{Series, StoreError, TimeRange};

/// The kind of an integrity issue: something that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum IntegrityIssue {
    /// A file is damaged.
    File,
    /// Candles that are not those that were written: they do not check against their sum.
    Damaged,
    /// A table is not laid out as ours are, so that SQLite does not keep its rows apart and in order.
    Layout,
    /// The ledger contradicts itself: spans that overlap, run backwards or say what nobody can read.
    Ledger,
    /// A series cannot be read.
    Unreadable,
    /// Candles that open where no slot does.
    OffGrid,
    /// Candles that open at the same time as another, or before the one before them.
    OutOfOrder,
    /// Candles with impossible figures.
    Impossible,
    /// Candles that no proof of the ledger speaks of.
    Unproven,
    /// Candles, or slots without one, that the minutes in them contradict.
    AggregateMismatch,
    /// Two answers about the same slots disagreed.
    Disputed,
    /// Other than as many candles as were written.
    Miscounted,
    /// Slots are known to be empty by one answer alone, which an older version took for proof.
    LoneWitness,
}

impl IntegrityIssue {
    /// One word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Damaged => "damaged",
            Self::Layout => "layout",
            Self::Ledger => "ledger",
            Self::Unreadable => "unreadable",
            Self::OffGrid => "off_grid",
            Self::OutOfOrder => "out_of_order",
            Self::Impossible => "impossible",
            Self::Unproven => "unproven",
            Self::AggregateMismatch => "underived",
            Self::Disputed => "disputed",
            Self::Miscounted => "miscounted",
            Self::LoneWitness => "lone_witness",
        }
    }

    /// Returns what to do about the issue.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::File | Self::Layout => {
                "--repair makes the file anew from what is sound in it; the rest will be fetched again"
            }
            Self::Unreadable => "stop the program and move the file away; what it held will be fetched again",
            Self::Ledger => "--repair writes the ledger anew from what can be believed of it",
            Self::Damaged
            | Self::OffGrid
            | Self::OutOfOrder
            | Self::Impossible
            | Self::Unproven
            | Self::Disputed
            | Self::Miscounted
            | Self::LoneWitness => "--repair forgets the stretch and asks for it again",
            Self::AggregateMismatch => {
                "--repair forgets the stretch in both timeframes and asks for it again"
            }
        }
    }

    /// Whether forgetting and asking again can help.
    pub(crate) const fn is_refetchable(self) -> bool {
        !matches!(self, Self::File | Self::Layout | Self::Unreadable | Self::Ledger)
    }
}

/// The location of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueLocation {
    /// A file as a whole.
    File(PathBuf),
    /// A series as a whole.
    Series(Series),
    /// Some slots of a series.
    Range(Series, TimeRange),
}

/// One thing that cannot be true. Displays as one line: where, what, and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The kind of the issue.
    pub issue: IntegrityIssue,
    /// The place of the issue.
    pub location: IssueLocation,
    /// The number of candles or slots concerned; 0 where they cannot be counted.
    pub slots: u64,
    /// The observation: at the first of the slots, if there are several.
    pub detail: String,
}

impl Finding {
    /// Something about some slots of a series.
    pub(crate) fn at(flaw: IntegrityIssue, series: &Series, range: TimeRange, detail: String) -> Self {
        Self { issue: flaw, location: IssueLocation::Range(series.clone(), range), slots: 1, detail }
    }

    /// Something about a series as a whole.
    pub(crate) fn of(flaw: IntegrityIssue, series: &Series, detail: String) -> Self {
        Self { issue: flaw, location: IssueLocation::Series(series.clone()), slots: 0, detail }
    }

    pub(crate) fn unreadable(series: &Series, error: &StoreError) -> Self {
        Self::of(IntegrityIssue::Unreadable, series, error.to_string())
    }

    /// The series it is about, if it is about one.
    #[must_use]
    pub const fn series(&self) -> Option<&Series> {
        match &self.location {
            IssueLocation::File(_) => None,
            IssueLocation::Series(series) | IssueLocation::Range(series, _) => Some(series),
        }
    }

    /// The slots it is about, if they can be told.
    #[must_use]
    pub const fn range(&self) -> Option<TimeRange> {
        match &self.location {
            IssueLocation::File(_) | IssueLocation::Series(_) => None,
            IssueLocation::Range(_, range) => Some(*range),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            IssueLocation::File(path) => write!(f, "{}: ", path.display())?,
            IssueLocation::Series(series) => write!(f, "{} {series}: ", series.symbol.venue())?,
            IssueLocation::Range(series, range) => {
                write!(f, "{} {series}, {range}: ", series.symbol.venue())?
            }
        }
        f.write_str(&self.detail)?;
        if self.slots > 1 {
            write!(f, " (the first of {} slots)", self.slots)?;
        }
        write!(f, "; {}", self.issue.advice())
    }
}

/// Findings on their way, those of neighbouring slots joined.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one; if the last of the same flaw touches it, that one is widened.
    pub(crate) fn add(&mut self, finding: Finding) {
        let last = self.0.iter_mut().rev().find(|earlier| earlier.issue == finding.issue);
        if let Some(last) = last
            && let (IssueLocation::Range(_, known), IssueLocation::Range(_, new)) =
                (&mut last.location, &finding.location)
            && new.from() <= known.to()
            && known.from() <= new.to()
            && let Ok(joined) = TimeRange::new(known.from().min(new.from()), known.to().max(new.to()))
        {
            *known = joined;
            last.slots += finding.slots;
        } else {
            self.0.push(finding);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

//! One integrity issue, its location, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use market_backbone_core::{Series, StoreError, TimeRange};

/// The kind of an integrity issue: something that cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum IntegrityIssue {
    /// A file is damaged.
    File,
    /// Candles have changed since they were written: they do not match their checksum.
    Damaged,
    /// A table has a foreign layout, so that SQLite does not keep its rows unique and in order.
    Layout,
    /// The ledger contradicts itself: spans overlap, run backwards or are unreadable.
    Ledger,
    /// A series cannot be read.
    Unreadable,
    /// Candles open where no slot opens.
    OffGrid,
    /// Candles open at the same time as another, or before the one before them.
    OutOfOrder,
    /// Candles have impossible values.
    Impossible,
    /// Candles have no coverage in the ledger.
    Unproven,
    /// The minutes contradict candles, or slots without one.
    AggregateMismatch,
    /// Two answers about the same slots disagreed.
    Disputed,
    /// The number of candles differs from the number written.
    Miscounted,
    /// Slots are known to be empty by one reply alone, which an older version accepted as proof.
    LoneWitness,
    /// A sealed file is not what the table holds. It is a copy: no candle is lost.
    Sealed,
    /// A series is of a venue that nobody described: neither its calendar nor its protocol is known.
    Undescribed,
}

impl IntegrityIssue {
    /// Returns one word for programs.
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
            Self::Sealed => "sealed",
            Self::Undescribed => "undescribed",
        }
    }

    /// Returns what to do about the issue.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::File | Self::Layout => {
                "--repair rebuilds the file from its valid content; the rest will be fetched again"
            }
            Self::Unreadable => "stop the program and move the file away; what it held will be fetched again",
            Self::Sealed => "--repair makes it again from the table; until then the table is read",
            Self::Undescribed => "check it with a program that knows the venue; nothing was changed",
            Self::Ledger => "--repair rewrites the ledger from its valid part",
            Self::Damaged
            | Self::OffGrid
            | Self::OutOfOrder
            | Self::Impossible
            | Self::Unproven
            | Self::Disputed
            | Self::Miscounted
            | Self::LoneWitness => "--repair forgets the range and fetches it again",
            Self::AggregateMismatch => "--repair forgets the range in both timeframes and fetches it again",
        }
    }

    /// Returns whether forgetting and fetching again can help.
    pub(crate) const fn is_refetchable(self) -> bool {
        !matches!(
            self,
            Self::File | Self::Layout | Self::Unreadable | Self::Ledger | Self::Sealed | Self::Undescribed
        )
    }
}

/// The location of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueLocation {
    /// A whole file.
    File(PathBuf),
    /// A whole series.
    Series(Series),
    /// A range of a series.
    Range(Series, TimeRange),
}

/// One integrity issue. Displays as one line: where, what, and what to do.
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
    /// Creates a finding about a range of a series.
    pub(crate) fn at(flaw: IntegrityIssue, series: &Series, range: TimeRange, detail: String) -> Self {
        Self { issue: flaw, location: IssueLocation::Range(series.clone(), range), slots: 1, detail }
    }

    /// Creates a finding about a whole series.
    pub(crate) fn of(flaw: IntegrityIssue, series: &Series, detail: String) -> Self {
        Self { issue: flaw, location: IssueLocation::Series(series.clone()), slots: 0, detail }
    }

    pub(crate) fn unreadable(series: &Series, error: &StoreError) -> Self {
        Self::of(IntegrityIssue::Unreadable, series, error.to_string())
    }

    /// Returns the series it is about, if it is about one.
    #[must_use]
    pub const fn series(&self) -> Option<&Series> {
        match &self.location {
            IssueLocation::File(_) => None,
            IssueLocation::Series(series) | IssueLocation::Range(series, _) => Some(series),
        }
    }

    /// Returns the range it is about, if there is one.
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

/// A list of findings in which those of adjacent slots are merged.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding; if the last one of the same issue touches it, that one is extended.
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

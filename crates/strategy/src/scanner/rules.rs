//! The rules of the scanner, under a name.

use serde::{Deserialize, Serialize};

use super::universe_filter::UniverseFilter;
use crate::seismograph::{ProfileError, ProfileTag};

/// The figure by which the watchlist is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchRank {
    /// The accumulation score V3.
    Score,
    /// Half of the accumulation score V3 and half of the change in percent.
    ScoreAndChange,
}

/// The rules of the watchlist.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchlistRules {
    /// The figure by which markets are ranked.
    pub rank: WatchRank,
    /// The figure from which a market joins.
    pub join_from: f64,
    /// The figure below which a member leaves; at most `join_from`.
    pub leave_below: f64,
    /// The most members.
    pub size: usize,
    /// The most members that are watched for ignition.
    pub ignition_size: usize,
    /// The seconds for which a membership lasts at least.
    pub hold_secs: f64,
    /// The figure by which another market must be better to take a member's place.
    pub margin: f64,
}

/// The rules of the Hot Zone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HotZoneRules {
    /// The accumulation score from which a gainer is promoted.
    pub accumulation_from: f64,
    /// The ignition score below which a member without another reason cools down.
    pub demote_below: f64,
    /// The seconds for which a member must have cooled down before it leaves.
    pub demote_after_secs: f64,
    /// The seconds for which a membership lasts at least.
    pub hold_secs: f64,
    /// The rank by which another market must be better to take a member's place.
    pub margin: f64,
    /// The most members.
    pub size: usize,
    /// The number of members that a display shows.
    pub shown: usize,
}

/// All rules of the scanner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerRules {
    /// The filter between all markets and the scanner.
    pub universe: UniverseFilter,
    /// The rules of the watchlist.
    pub watchlist: WatchlistRules,
    /// The rules of the Hot Zone.
    pub hot_zone: HotZoneRules,
}

/// Rules of the scanner under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannerProfile {
    tag: ProfileTag,
    rules: ScannerRules,
}

impl ScannerProfile {
    /// Returns the default profile, `design`: 50 markets with a score of 60, and ten in the Hot Zone, of those that this
    /// filter admits.
    #[must_use]
    pub fn design(universe: UniverseFilter) -> Self {
        let watchlist = WatchlistRules {
            rank: WatchRank::Score,
            join_from: 60.0,
            leave_below: 55.0,
            size: 50,
            ignition_size: 20,
            hold_secs: 60.0,
            margin: 5.0,
        };
        let hot_zone = HotZoneRules {
            accumulation_from: 80.0,
            demote_below: 50.0,
            demote_after_secs: 300.0,
            hold_secs: 60.0,
            margin: 10.0,
            size: 10,
            shown: 5,
        };
        Self::named("design", ScannerRules { universe, watchlist, hot_zone })
    }

    /// Returns the profile `top_fifty`: as `design`, the best fifty above a score of 50.
    #[must_use]
    pub fn top_fifty(universe: UniverseFilter) -> Self {
        let mut rules = Self::design(universe).rules;
        (rules.watchlist.join_from, rules.watchlist.leave_below) = (50.0, 50.0);
        Self::named("top_fifty", rules)
    }

    /// Returns the profile `blended`: as `design`, the best hundred by half of the score and half of the change.
    #[must_use]
    pub fn blended(universe: UniverseFilter) -> Self {
        let mut rules = Self::design(universe).rules;
        let WatchlistRules { rank, join_from, leave_below, size, .. } = &mut rules.watchlist;
        (*rank, *join_from, *leave_below, *size) = (WatchRank::ScoreAndChange, 0.0, 0.0, 100);
        Self::named("blended", rules)
    }

    /// Returns a profile of one's own.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] if a rule lies outside its range.
    pub fn new(name: &str, rules: ScannerRules) -> Result<Self, ProfileError> {
        let WatchlistRules { join_from, leave_below, size, ignition_size, hold_secs, margin, .. } =
            rules.watchlist;
        let hot = rules.hot_zone;
        ProfileError::check(
            name,
            &[
                ("watchlist.join_from", join_from, -100.0, 100.0),
                ("watchlist.leave_below", leave_below, -100.0, join_from),
                ("watchlist.size", size as f64, 1.0, 10_000.0),
                ("watchlist.ignition_size", ignition_size as f64, 0.0, size as f64),
                ("watchlist.hold_secs", hold_secs, 0.0, 1e6),
                ("watchlist.margin", margin, 0.0, 100.0),
                ("hot_zone.accumulation_from", hot.accumulation_from, 0.0, 100.0),
                ("hot_zone.demote_below", hot.demote_below, 0.0, 100.0),
                ("hot_zone.demote_after_secs", hot.demote_after_secs, 0.0, 1e6),
                ("hot_zone.hold_secs", hot.hold_secs, 0.0, 1e6),
                ("hot_zone.margin", hot.margin, 0.0, 1_000.0),
                ("hot_zone.size", hot.size as f64, 1.0, 1_000.0),
                ("hot_zone.shown", hot.shown as f64, 0.0, hot.size as f64),
            ],
        )?;
        Ok(Self::named(name, rules))
    }

    fn named(name: &str, rules: ScannerRules) -> Self {
        Self { tag: ProfileTag::new(name, "scanner", &rules), rules }
    }

    /// Returns the name of the profile and the hash of its rules.
    #[must_use]
    pub const fn tag(&self) -> &ProfileTag {
        &self.tag
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &ScannerRules {
        &self.rules
    }
}

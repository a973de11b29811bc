//! The checks against traps, which answer pass, fail or unknown.

use std::fmt;
use std::time::Duration;

use market_backbone_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::config_hash::ProfileTag;
use super::profile_error::ProfileError;
use super::session_plan::SessionPlan;

/// The best bid and ask of a market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopQuote {
    /// The best bid, or 0 if there is none.
    pub bid: f64,
    /// The best ask, or 0 if there is none.
    pub ask: f64,
    /// The time of the quote, by the venue's clock.
    pub time: Timestamp,
}

/// The state of a market that the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct MarketConditions<'a> {
    /// The moment of the question, in event time.
    pub now: Timestamp,
    /// The latest price.
    pub price: f64,
    /// The best bid and ask, if known.
    pub quote: Option<TopQuote>,
    /// The volume-weighted average price of the session, if known.
    pub vwap: Option<f64>,
    /// The sessions of the market.
    pub sessions: &'a SessionPlan,
    /// `true` if the feed of the market is interrupted: then nothing is known.
    pub is_interrupted: bool,
}

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckOutcome {
    /// The market is as it should be.
    Pass,
    /// The market is not as it should be.
    Fail,
    /// A figure that the check needs is not known. It never lets an order through.
    Unknown,
}

impl CheckOutcome {
    /// Returns `pass`, `fail` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    const fn of(is_met: bool) -> Self {
        if is_met { Self::Pass } else { Self::Fail }
    }
}

impl fmt::Display for CheckOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The answer of a check and the figure it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AntiTrapCheck {
    /// The answer of the check.
    pub outcome: CheckOutcome,
    /// The figure, where it is known: the spread as a fraction, the minutes since the opening, the price against VWAP.
    pub measure: Option<f64>,
    /// The bound of the figure.
    pub bound: f64,
}

/// The answers of all checks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AntiTrapReport {
    /// The spread as a fraction of the ask, against the widest allowed one.
    pub spread: AntiTrapCheck,
    /// The minutes since the opening, against those to wait.
    pub opening: AntiTrapCheck,
    /// The price divided by the session's VWAP, which must be at least 1.
    pub vwap: AntiTrapCheck,
}

impl AntiTrapReport {
    /// Returns the checks with their names: `spread`, `opening`, `vwap`.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, AntiTrapCheck); 3] {
        [("spread", self.spread), ("opening", self.opening), ("vwap", self.vwap)]
    }

    /// Returns `Fail` if a check failed, else `Unknown` if one is not known, else `Pass`.
    #[must_use]
    pub fn outcome(&self) -> CheckOutcome {
        let outcomes = self.named().map(|(_, check)| check.outcome);
        if outcomes.contains(&CheckOutcome::Fail) {
            CheckOutcome::Fail
        } else if outcomes.contains(&CheckOutcome::Unknown) {
            CheckOutcome::Unknown
        } else {
            CheckOutcome::Pass
        }
    }

    /// Returns whether an order may be sent: every check passed, and none is unknown.
    #[must_use]
    pub fn lets_orders_through(&self) -> bool {
        self.outcome() == CheckOutcome::Pass
    }
}

/// Writes what did not pass: `spread 1.42 % of at most 1.00 %; vwap unknown`, or `passed`.
impl fmt::Display for AntiTrapReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        for (name, check) in self.named().iter().filter(|(_, check)| check.outcome != CheckOutcome::Pass) {
            let separator = if std::mem::take(&mut is_first) { "" } else { "; " };
            write!(f, "{separator}{name} ")?;
            match (check.measure, *name) {
                (None, _) => f.write_str(check.outcome.as_str())?,
                (Some(spread), "spread") => {
                    write!(f, "{:.2} % of at most {:.2} %", spread * 100.0, check.bound * 100.0)?;
                }
                (Some(minutes), "opening") => {
                    write!(f, "{minutes:.1} min ago of at least {:.0} min", check.bound)?;
                }
                (Some(ratio), _) => write!(f, "{:+.2} %", (ratio - 1.0) * 100.0)?,
            }
        }
        if is_first { f.write_str("passed") } else { Ok(()) }
    }
}

/// The rules of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AntiTrapRules {
    /// The widest spread, as a fraction of the ask.
    pub max_spread: f64,
    /// The minutes to wait after the opening, where there is one.
    pub minutes_after_open: f64,
    /// The age in seconds beyond which a quote is not known any more.
    pub max_quote_age_secs: f64,
}

/// The default: a spread of 1 %, 15 minutes, quotes of 30 seconds.
impl Default for AntiTrapRules {
    fn default() -> Self {
        Self { max_spread: 0.01, minutes_after_open: 15.0, max_quote_age_secs: 30.0 }
    }
}

impl AntiTrapRules {
    /// Returns the rules of the newer guide: a spread of 5 %, and 5 minutes.
    #[must_use]
    pub const fn newer_guide() -> Self {
        Self { max_spread: 0.05, minutes_after_open: 5.0, max_quote_age_secs: 30.0 }
    }

    /// Checks that each rule lies in its range.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] naming the rule that does not.
    pub fn validate(&self) -> Result<(), ProfileError> {
        ProfileError::check(
            "anti_trap",
            &[
                ("max_spread", self.max_spread, 0.0, 1.0),
                ("minutes_after_open", self.minutes_after_open, 0.0, 390.0),
                ("max_quote_age_secs", self.max_quote_age_secs, 0.1, 3_600.0),
            ],
        )
    }

    /// Returns the name `anti_trap` and the hash of the rules.
    #[must_use]
    pub fn tag(&self) -> ProfileTag {
        ProfileTag::new("anti_trap", "anti_trap", self)
    }

    /// Answers all checks.
    #[must_use]
    pub fn check(&self, market: &MarketConditions<'_>) -> AntiTrapReport {
        let known = |check: AntiTrapCheck| {
            if market.is_interrupted {
                AntiTrapCheck { outcome: CheckOutcome::Unknown, ..check }
            } else {
                check
            }
        };
        AntiTrapReport {
            spread: known(self.spread(market)),
            opening: self.opening(market),
            vwap: known(above_vwap(market)),
        }
    }

    fn spread(&self, market: &MarketConditions<'_>) -> AntiTrapCheck {
        let oldest = market.now - Duration::from_secs_f64(self.max_quote_age_secs.clamp(0.0, 1e9));
        let quote = market.quote.filter(|quote| quote.time >= oldest);
        // A side without an offer is no quote: nothing passes because something is missing.
        let quote = quote.filter(|quote| 0.0 < quote.bid && quote.bid <= quote.ask && quote.ask.is_finite());
        let spread = quote.map(|quote| (quote.ask - quote.bid) / quote.ask);
        answer(spread, self.max_spread, spread.map(|spread| spread <= self.max_spread))
    }

    fn opening(&self, market: &MarketConditions<'_>) -> AntiTrapCheck {
        let bound = self.minutes_after_open;
        if !market.sessions.has_opening() {
            return AntiTrapCheck { outcome: CheckOutcome::Pass, measure: None, bound };
        }
        let regular = market.sessions.main_session(market.now);
        let Some(regular) = regular.filter(|regular| regular.contains(market.now)) else {
            return AntiTrapCheck { outcome: CheckOutcome::Fail, measure: None, bound };
        };
        let minutes = market.now.since(regular.from()).as_secs_f64() / 60.0;
        answer(Some(minutes), bound, Some(minutes >= bound))
    }
}

fn above_vwap(market: &MarketConditions<'_>) -> AntiTrapCheck {
    let ratio = market.vwap.filter(|vwap| *vwap > 0.0).map(|vwap| market.price / vwap);
    answer(ratio, 1.0, ratio.map(|ratio| ratio >= 1.0))
}

fn answer(measure: Option<f64>, bound: f64, is_met: Option<bool>) -> AntiTrapCheck {
    AntiTrapCheck { outcome: is_met.map_or(CheckOutcome::Unknown, CheckOutcome::of), measure, bound }
}

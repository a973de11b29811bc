//! What a strategy may risk.

use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;

/// One rule, as refusals and counts name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RiskRule {
    /// The kill switch was thrown: nothing but closing is allowed until the operator resets it.
    KillSwitch,
    /// A gap of the market's feed is open: no decision until it is healed.
    OpenGap,
    /// The market's feed has been silent for too long.
    SilentFeed,
    /// The position would be worth too much.
    PositionSize,
    /// Too many markets would be held at once.
    OpenPositions,
    /// Too many entries were made today.
    EntriesPerDay,
    /// Too many trades in a row were lost today.
    LossesInARow,
}

impl RiskRule {
    /// Lists every rule.
    pub const ALL: [Self; 7] = [
        Self::KillSwitch,
        Self::OpenGap,
        Self::SilentFeed,
        Self::PositionSize,
        Self::OpenPositions,
        Self::EntriesPerDay,
        Self::LossesInARow,
    ];

    /// Returns the rule's name as refusals begin with it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KillSwitch => "kill switch",
            Self::OpenGap => "open gap",
            Self::SilentFeed => "silent feed",
            Self::PositionSize => "position size",
            Self::OpenPositions => "open positions",
            Self::EntriesPerDay => "entries per day",
            Self::LossesInARow => "losses in a row",
        }
    }
}

impl fmt::Display for RiskRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The rules of a [`RiskGate`](super::RiskGate); `None` switches a rule off.
///
/// An entry is an order that could make a position larger. Orders that can only close are refused by an open gap alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskRules {
    /// The most that one position may be worth when an entry is sent, as a fraction of the account's value. Open entries
    /// count as if they were filled.
    pub max_position: Option<Decimal>,
    /// The most markets that may be held or being entered at once.
    pub max_open_positions: Option<usize>,
    /// The most entries a day.
    pub max_entries_per_day: Option<u32>,
    /// The loss of a day, as a fraction of the account's value at its beginning, that throws the kill switch.
    pub max_daily_loss: Option<Decimal>,
    /// The number of lost trades in a row after which no entry is made for the rest of the day.
    pub max_losses_in_a_row: Option<u32>,
    /// The silence of a market's feed after which no entry is made.
    pub max_silence: Option<Duration>,
    /// The time after which a position is closed at the market.
    pub time_stop: Option<Duration>,
    /// The time after midnight UTC at which a day begins.
    pub day_begins: Duration,
}

/// A tenth of the account in one position, three at once, 50 entries and a loss of 3 % a day, no entry after 30 seconds of
/// silence. There is neither a limit to losses in a row nor a time stop.
impl Default for RiskRules {
    fn default() -> Self {
        Self {
            max_position: Some(Decimal::new(1, 1)),
            max_open_positions: Some(3),
            max_entries_per_day: Some(50),
            max_daily_loss: Some(Decimal::new(3, 2)),
            max_losses_in_a_row: None,
            max_silence: Some(Duration::from_secs(30)),
            time_stop: None,
            day_begins: Duration::ZERO,
        }
    }
}

impl RiskRules {
    /// Returns rules that limit nothing. An open gap still forbids decisions, and the operator may throw the kill switch.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            max_position: None,
            max_open_positions: None,
            max_entries_per_day: None,
            max_daily_loss: None,
            max_losses_in_a_row: None,
            max_silence: None,
            time_stop: None,
            day_begins: Duration::ZERO,
        }
    }

    pub(crate) fn check(&self) -> Result<(), RiskRulesError> {
        for (name, share) in [("max_position", self.max_position), ("max_daily_loss", self.max_daily_loss)] {
            if let Some(share) = share
                && (share <= Decimal::ZERO || share > Decimal::ONE)
            {
                return Err(RiskRulesError { name, share });
            }
        }
        Ok(())
    }
}

/// The reason why risk rules are refused: a share that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} is {share}; give a fraction above 0 and up to 1 (3 % is 0.03), or none to switch the rule off"
)]
pub struct RiskRulesError {
    name: &'static str,
    share: Decimal,
}

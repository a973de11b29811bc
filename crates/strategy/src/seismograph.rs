//! Scores of markets: who is being accumulated (daily candles), who is taking off (trades), and what is a trap.
//!
//! - [`AccumulationProfile`] computes the accumulation scores V1, V2 and V3 from daily candles, and the [`Stage`].
//! - [`IgnitionProfile`] states the rules of the ignition score; [`Seismograph`] computes it from a feed, market by
//!   market, with the session's VWAP and the box range it needs.
//! - [`AntiTrapRules`] answers pass, fail or *unknown*; only three passes let an order through.
//! - [`PollIgnition`] scores markets of which only tickers are polled.
//!
//! Every score comes with its parts, the reason of each part, the name of its profile and a hash of its configuration.
//! An unknown part has no figure: it counts nothing, and the score says that it is incomplete.

mod accumulation;
mod accumulation_rules;
mod anti_trap;
mod atr;
mod config_hash;
mod daily_signals;
mod ignition;
mod ignition_rules;
mod market_gauge;
mod minute_bars;
mod pinpoint_signals;
mod poll_ignition;
mod profile_error;
mod reading;
mod reading_json;
mod running_vwap;
mod score_part;
mod session_day;
mod session_plan;
mod stage;
pub(crate) mod statistics;
mod stream;
mod tick_window;

pub use self::accumulation::{AccumulationProfile, AccumulationScore, DAILY_BARS_NEEDED};
pub use self::accumulation_rules::{AccumulationRules, AccumulationWeights, HarmonyRule, RedundancyRule};
pub use self::anti_trap::{
    AntiTrapCheck, AntiTrapReport, AntiTrapRules, CheckOutcome, MarketConditions, TopQuote,
};
pub use self::atr::{ATR_PERIOD, daily_atr};
pub use self::config_hash::{ConfigHash, ProfileTag};
pub use self::daily_signals::{AccumulationParts, classic_signals};
pub use self::ignition::{IgnitionParts, IgnitionProfile, IgnitionScore};
pub use self::ignition_rules::{BurstSource, IgnitionCurve, IgnitionRules, TickBaseline};
pub use self::minute_bars::{MinuteBars, PriceBox};
pub use self::pinpoint_signals::{CloseLocation, PinpointRules, QuietDayRule, pinpoint_signals};
pub use self::poll_ignition::{POLL_PROFILE, PollIgnition, PollObservation, PollScore};
pub use self::profile_error::ProfileError;
pub use self::reading::MarketReading;
pub use self::running_vwap::RunningVwap;
pub use self::score_part::{PartReason, ScorePart};
pub use self::session_day::SessionDay;
pub use self::session_plan::SessionPlan;
pub use self::stage::{Stage, StageRule, TradeableRule};
pub use self::stream::{Seismograph, SeismographProfile};
pub use self::tick_window::TickWindow;

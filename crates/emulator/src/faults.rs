//! What goes wrong, on purpose and repeatably.
//!
//! Which call fails is a draw of the seed and the number of the request, so a failing run can be had again.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chance;

/// What goes wrong. All zero means nothing does. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Every REST answer waits so long.
    pub latency_ms: u64,
    /// And up to so much longer.
    pub jitter_ms: u64,
    /// Share of calls answered with a 5xx HTML page.
    pub html: f64,
    /// Share of calls whose body ends before its `Content-Length`.
    pub cut: f64,
    /// Share of calls whose connection is reset before any answer.
    pub reset: f64,
    /// Share of calls answered with a 429 that nobody deserved.
    pub throttle: f64,
    /// Share of socket connects refused with a 5xx HTML page.
    pub refuse_sockets: f64,
    /// Every socket is cut so long after it opened, without a close frame; 0 for never.
    pub drop_after_ms: u64,
    /// Every socket falls silent so long after it opened, pings included, and stays open; 0 for never.
    pub stall_after_ms: u64,
    /// A stalled socket comes back so much later, and never tells what it kept to itself; 0 for never.
    pub stall_for_ms: u64,
    /// Every socket stops sending data so long after it opened, and answers all the same; 0 for never.
    pub mute_after_ms: u64,
    /// A mute socket comes back so much later, and never tells what it kept to itself; 0 for never.
    pub mute_for_ms: u64,
    /// The ages above are exceeded by up to so much, by a draw of each socket.
    pub age_jitter_ms: u64,
    /// Share of frames never sent.
    pub swallow: f64,
    /// Share of frames sent twice.
    pub duplicate: f64,
    /// Share of frames sent after the one that follows them.
    pub reorder: f64,
}

/// How one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Html,
    Cut,
    Reset,
    Throttle,
}

impl Faults {
    /// How a call fails, if it does.
    pub(crate) fn draw(&self, seed: u64, number: u64) -> Option<Failure> {
        let drawn = chance::unit(chance::draw(seed ^ 0xFA17, number));
        let mut reach = 0.0;
        let kinds = [
            (self.html, Failure::Html),
            (self.cut, Failure::Cut),
            (self.reset, Failure::Reset),
            (self.throttle, Failure::Throttle),
        ];
        kinds.into_iter().find_map(|(share, failure)| {
            reach += share;
            (drawn < reach).then_some(failure)
        })
    }

    /// How long a call waits.
    pub(crate) fn delay(&self, seed: u64, number: u64) -> Duration {
        let jitter = chance::unit(chance::draw(seed ^ 0xDE1A, number)) * self.jitter_ms as f64;
        Duration::from_millis(self.latency_ms.saturating_add(jitter as u64))
    }
}

/// Why a list of faults makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFaultsError(String);

/// Reads `latency_ms=40,html=0.2`: names and values of fields, nothing for no faults.
impl FromStr for Faults {
    type Err = ParseFaultsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut fields = serde_json::Map::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| ParseFaultsError(format!("{pair:?} is not name=value")))?;
            let value = serde_json::from_str(value.trim())
                .map_err(|_| ParseFaultsError(format!("{value:?} is not a number")))?;
            fields.insert(name.trim().to_owned(), value);
        }
        serde_json::from_value(fields.into()).map_err(|error| ParseFaultsError(error.to_string()))
    }
}

/// The faults of the moment.
#[derive(Debug)]
pub(crate) struct FaultBoard(Mutex<Faults>);

impl FaultBoard {
    pub(crate) fn new(faults: Faults) -> Self {
        Self(Mutex::new(faults))
    }

    pub(crate) fn get(&self) -> Faults {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Changes only the fields that a JSON object names; the complaint is for the caller to read.
    pub(crate) fn patch(&self, json: &[u8]) -> Result<Faults, String> {
        let patch: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut whole = serde_json::to_value(self.get()).map_err(|error| error.to_string())?;
        if let Some(fields) = whole.as_object_mut() {
            fields.extend(patch);
        }
        let faults: Faults = serde_json::from_value(whole).map_err(|error| error.to_string())?;
        self.set(faults);
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_kept_and_repeat() {
        let faults = Faults { html: 0.1, reset: 0.1, ..Faults::default() };
        let draws: Vec<_> = (0..10_000).map(|n| faults.draw(3, n)).collect();
        let share = |wanted| draws.iter().filter(|drawn| **drawn == Some(wanted)).count();
        assert!((900..1_100).contains(&share(Failure::Html)));
        assert!((900..1_100).contains(&share(Failure::Reset)));
        assert_eq!(share(Failure::Cut) + share(Failure::Throttle), 0);
        assert_eq!(draws, (0..10_000).map(|n| faults.draw(3, n)).collect::<Vec<_>>());
    }

    #[test]
    fn faults_are_read_from_a_flag() {
        let want = Faults { latency_ms: 40, html: 0.2, ..Faults::default() };
        assert_eq!("latency_ms=40, html=0.2".parse(), Ok(want));
        assert_eq!("".parse(), Ok(Faults::default()));
        for wrong in ["html", "html=often", "htlm=1", "latency_ms=-1"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let board = FaultBoard::new(Faults { latency_ms: 40, ..Faults::default() });
        board.patch(br#"{"cut":0.5}"#).unwrap();
        assert_eq!(board.get(), Faults { latency_ms: 40, cut: 0.5, ..Faults::default() });
        assert!(board.patch(br#"{"cutt":0.5}"#).is_err());
        assert!(board.patch(b"[]").is_err());
    }
}

//! A stable hash of a configuration, so that two scores can be told to come from the same rules.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use twox_hash::XxHash3_64;

/// The version of the hash: a change of a formula that no rule shows changes it.
const VERSION: &str = "market-backbone/scores/1";

/// A hash of the rules by which a score was computed.
///
/// It is XXH3 with 64 bits and seed 0 over the bytes of `market-backbone/scores/1`, a line feed, the name of the kind of
/// rules (`accumulation`, `ignition`, …), a line feed, and the rules as JSON without blanks, fields in the order of their
/// definition. The name of the profile is not part of it: two names for the same rules have one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConfigHash(u64);

impl ConfigHash {
    /// Returns the hash of `rules` of this kind.
    ///
    /// # Panics
    ///
    /// If the rules hold what JSON cannot, such as a map whose keys are not texts. Numbers, words and structures are fine.
    #[must_use]
    pub fn of(kind: &str, rules: &impl Serialize) -> Self {
        let mut bytes = format!("{VERSION}\n{kind}\n").into_bytes();
        serde_json::to_writer(&mut bytes, rules).expect("rules are numbers and words, which JSON can hold");
        Self(XxHash3_64::oneshot(&bytes))
    }

    /// Returns the number of the hash.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Writes sixteen hexadecimal digits.
impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The name of a profile and the hash of its rules: what a score was computed by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProfileTag {
    /// The name of the profile.
    pub name: Arc<str>,
    /// The hash of the rules.
    pub hash: ConfigHash,
}

impl ProfileTag {
    /// Returns the tag of a profile called `name` with these rules.
    #[must_use]
    pub fn new(name: &str, kind: &str, rules: &impl Serialize) -> Self {
        Self { name: name.into(), hash: ConfigHash::of(kind, rules) }
    }
}

/// Writes `ramps@0123456789abcdef`.
impl fmt::Display for ProfileTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.hash)
    }
}

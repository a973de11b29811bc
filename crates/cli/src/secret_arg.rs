//! A text that may hold a password: it can be used, but not shown by mistake.

use std::fmt;

use serde::Deserialize;

/// A text that may hold a password. Debugs as `(hidden)`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct SecretArg(String);

impl SecretArg {
    /// Returns the text itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

// Not `FromStr`: clap quotes what it cannot parse.
impl From<&str> for SecretArg {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for SecretArg {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

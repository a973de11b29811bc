//! Environment variables where flags do not suffice: a flag serves every venue, and a key is never a flag.

use std::path::PathBuf;

/// Returns the variable `name`; an empty one counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the binary, and the one place where it is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the folder for state of this user's programs, which is neither data nor settings.
pub(super) fn state_folder() -> Option<PathBuf> {
    let named = variable("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".local/state"));
    named.or_else(home).map(|folder| folder.join("market-backbone"))
}

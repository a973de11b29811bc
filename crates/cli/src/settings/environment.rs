//! What the environment says where flags cannot: flags of one name serve every venue, and a key is no flag at all.

use std::path::PathBuf;

/// What the variable `name` says; an empty one says nothing.
#[expect(clippy::disallowed_methods, reason = "this is the binary, and the one place where it is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where programs of this user keep what is neither data nor settings.
pub(super) fn state_folder() -> Option<PathBuf> {
    let named = variable("XDG_STATE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".local/state"));
    named.or_else(home).map(|folder| folder.join("market-backbone"))
}

//! What the environment says where flags cannot: flags of one name serve every venue, and a key is no flag at all.

/// What the variable `name` says; an empty one says nothing.
#[expect(clippy::disallowed_methods, reason = "this is the binary, and the one place where it is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

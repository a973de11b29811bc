//! The whole house as a program uses it, against an emulator.
#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod derived;
mod history;
mod live;
mod plan;
mod requests;
mod truth;
mod urgency;

/// Whether there is time for the long versions: `FULL=1`.
#[expect(clippy::disallowed_methods, reason = "how long a test may take is up to whoever runs it")]
fn is_full() -> bool {
    std::env::var("FULL").is_ok()
}

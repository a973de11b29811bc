//! The whole house as a program uses it, against an emulator.
#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod bars;
mod campaign;
mod clocks;
mod derived;
mod dispatch;
mod history;
mod live;
mod liveness;
mod massive;
mod massive_live;
mod midnight;
mod plan;
#[expect(dead_code, reason = "written for the tests of the store, which use more of it")]
#[path = "../../crates/storage/tests/it/postgres_server.rs"]
mod postgres_server;
mod priority;
mod recording;
mod replay;
mod replay_decisions;
mod requests;
mod rotation;
mod screener;
mod soak;
mod sources;
mod truth;
mod witness;

/// Whether there is time for the long versions: `FULL=1`.
#[expect(clippy::disallowed_methods, reason = "how long a test may take is up to whoever runs it")]
fn is_full() -> bool {
    std::env::var("FULL").is_ok()
}

/// What the environment asks for.
#[expect(clippy::disallowed_methods, reason = "how long a test may take is up to whoever runs it")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

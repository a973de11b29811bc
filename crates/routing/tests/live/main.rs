//! The socket side against a venue of the test's own making: every frame, silence and hang-up is scripted.

#![expect(clippy::unwrap_used, reason = "in a test, failing is how it speaks")]

mod churn;
mod fake_venue;
mod gaps;
mod readers;
mod refusals;
mod rig;
mod server;
mod session;

//! The socket side against a venue of the test's own making: every frame, silence and hang-up is scripted.

#![expect(clippy::unwrap_used, reason = "in a test, failing is how it speaks")]

mod channel_limits;
mod chaos;
mod churn;
mod frames;
mod gaps;
mod handshake;
mod liveness;
mod many;
mod named_connections;
mod readers;
mod refusals;
mod rig;
mod rotation;
mod runs;
mod server;
mod session;
mod stages;
mod wildcard;

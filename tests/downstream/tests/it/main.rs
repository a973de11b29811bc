//! The programs, the store and the adapter of the first user at work.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod described;
mod requests;
mod rig;
mod rules;
mod toy;
mod toy_server;
mod users;
mod written;

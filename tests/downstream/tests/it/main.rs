//! The programs, the store and the adapter of the first user at work.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up has failed")]

mod requests;
mod rig;
mod rules;
mod toy;
mod users;
mod written;

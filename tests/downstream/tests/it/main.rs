//! The programs, the store and the adapter of the first user at work.
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod requests;
mod rig;
mod rules;
mod toy;
mod users;

//! The command as a user types it, against an emulator in the test's own process.

mod bad_input;
mod candles;
mod crash;
mod demo;
mod live;
mod pace;
mod recorded;
mod run;
mod tape;

//! The command as a user types it, against an emulator in the test's own process.
#![expect(clippy::unwrap_used, reason = "these are tests through and through")]

mod archive;
mod as_of;
mod backtest;
mod bad_input;
mod candles;
mod crash;
mod damage;
mod database_away;
mod default_folder;
mod demo;
mod endings;
mod files;
mod full_disk;
mod live;
mod long_answers;
mod many;
mod massive;
mod names;
mod newcomer;
mod one_market;
mod pace;
mod plan;
#[path = "../../../storage/tests/it/postgres_server.rs"]
mod postgres_server;
#[cfg(unix)]
mod progress;
mod record;
mod refusals;
mod replay;
mod resume;
mod run;
mod scores;
mod screen;
mod sealed;
mod secrets;
mod shared;
mod side_by_side;
mod sources;
mod store;
mod sweep;
mod tape;
#[cfg(unix)]
mod terminal;
mod universe;
mod views;

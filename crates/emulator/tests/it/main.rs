//! The emulator from outside: what a client sees, compared with the tape from which it is derived.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions, not the helpers they share")]

mod candles;
mod client;
mod clocks;
mod endings;
mod faults;
mod figures;
mod limits;
mod massive_bars;
mod massive_rest;
mod massive_shapes;
mod massive_socket;
mod pages;
mod regions;
mod socket;
mod stock_pages;
mod stocks;
mod tape_file;
mod trades;
mod useless;

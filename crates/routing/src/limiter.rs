//! Permits to send: no venue receives more requests than it allows, and urgent requests go first.
//!
//! # What is promised
//!
//! For each [rule](market_backbone_core::RateLimitRule) of a group, in *any* stretch of the rule's window (however the
//! venue places its windows: sliding, from the first request on, by its clock), requests of a weight of at most `max`
//! **arrive**. What matters is arrival, not sending: two requests sent 100 ms apart can arrive together.
//!
//! # Why it holds
//!
//! A request stays in a log until it can no longer share a window with one sent now. A permit for a request of weight `w`
//! is given only while the requests in the log weigh `max - w` at most. Take any stretch of a window's length and all
//! requests that arrive in it. When the last of them was sent, at `sent_m`, those that had left the log arrive a window
//! before it, and so are not in the stretch. The others were in the log, and weigh `max` together with it at most. It is
//! enough that a request `n` that has left the log arrives a window before `m`. Each rule of a group is checked on its
//! own, so all of them hold.
//!
//! `n` leaves at `latest_n + window + margin`, where `latest_n` is the latest moment at which it can have arrived:
//! - in flight: unknown, so it stays;
//! - lost (timed out, abandoned): half a second (`late_arrival_grace`) after it was given up;
//! - answered: the moment of its answer, less a *credit*.
//!
//! Without credit that is plainly safe (it arrived before it was answered) but wastes a round trip of each window. The
//! credit is a lower bound of `out + back`, the quickest way to the venue and the quickest way back: `n` arrived at
//! `answer_n - back` at the latest, the next request `m` arrives at `sent_m + out` at the earliest, so with
//! `credit <= out + back`
//!
//! ```text
//! arrival_m - arrival_n >= (sent_m + out) - (answer_n - back) >= sent_m - (answer_n - credit) >= window + margin
//! ```
//!
//! # What is assumed
//!
//! - The credit: the route of the next second is one of those of the last minutes. `round_trips.rs` says where the
//!   estimate comes from, and what happens when an answer proves it wrong. A route that becomes quicker within one window,
//!   by more than the estimate is guarded against, can bring one request too early. Whoever wants no such assumption sets
//!   [`trust_round_trips`](LimiterConfig::trust_round_trips) to `false` and pays `RTT / (window + RTT)`.
//! - The grace: what was given up arrives within half a second or never.
//! - The margin (3 ms) covers a venue that counts in milliseconds and the last uncertainty of the estimate.
//! - Nobody else uses the address's budget but processes that record what they send in the same file
//!   ([`Limiter::of_scope`]), as far as the venue does not tell ([`Limiter::observe`]). What another process has in flight
//!   arrives within five seconds or never: that process may have been killed.
//!
//! Wall clocks do not enter. Everything runs on the monotonic clock of the process, and what another or an earlier process
//! sent is never taken for older than the more cautious of two clocks says (`journal/record.rs`).
//!
//! The exception is a rule [by the venue's clock](market_backbone_core::WindowKind::Fixed). It promises less: that no window
//! of that clock takes more than `max`. Where answers have shown the clock's time within bounds
//! ([`Limiter::set_venue_time`]), a request leaves the log when the venue has certainly begun another window than the one in
//! which it can have arrived, if that is sooner. Without such bounds the rule is kept as a sliding one, which includes it.
//!
//! # Who goes first
//!
//! CRITICAL before HIGH before NORMAL before LOW, first come first served inside a priority, whatever a request weighs.
//! While CRITICAL requests are about (one within the last 10 s) the others may use only part of each window, so that a
//! critical request finds room. A request that has waited beyond the bound of its priority gets every tenth permit, so
//! that LOW is slowed but never starved.
//!
//! All that holds within a process. Of several that share a file, each serves its own first when it looks.
//!
//! The first CRITICAL request after a while finds no reserve: it waits until the next place is free, which is less than a
//! window and a round trip, however many others wait.
//!
//! No task runs for it: the waiter that is next sets an alarm for the moment at which its permit may come, and whoever
//! changes that moment wakes it. A waiter that is dropped passes the alarm on.

mod adaptive_limit;
mod block_errors;
mod config;
mod estimate;
mod group;
mod handle;
mod in_flight;
mod journal;
mod metrics;
mod permit;
mod round_trips;
mod rule_set;
mod scope_registry;
mod scope_state;
mod send_log;
mod sent_request;
mod settled_requests;
mod since_boot;
mod state;
mod venue_time;
mod wait_queue;

pub use config::LimiterConfig;
pub use estimate::CompletionEstimate;
pub use handle::Limiter;
pub use journal::JournalConfig;
pub use metrics::{GroupMetrics, LimiterMetrics};
pub use permit::Permit;
pub use since_boot::since_boot;

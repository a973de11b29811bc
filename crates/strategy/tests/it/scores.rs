//! Scores against vectors worked by hand, against the defects of their forerunners, and against their own promises.

#![expect(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

mod accumulation;
mod accumulation_defects;
mod anti_trap;
mod days;
mod ignition;
mod poll;
mod promises;
mod stream;
mod zen;

//! How much memory this process holds: what the system has given it, and what of that is in use.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory at one moment, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident pages: what the system counts. It never shrinks much, whatever is given back.
    pub(crate) resident: usize,
    /// Allocated and not yet freed.
    pub(crate) live: usize,
}

impl Memory {
    /// As it is now.
    ///
    /// Linux only, because nothing in the standard library tells of resident pages.
    pub(crate) fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells of its processes");
        let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a count");
        let stats = COUNTING.stats();
        Self { resident: pages * PAGE, live: stats.bytes_allocated.saturating_sub(stats.bytes_deallocated) }
    }
}

/// Of the machines this runs on; where pages are larger, growth is measured in smaller units than it has.
const PAGE: usize = 4_096;

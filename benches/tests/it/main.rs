//! What is promised of the live path and can be counted rather than timed.

mod allocations;

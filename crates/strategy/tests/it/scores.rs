//! Scores against vectors worked by hand, against the defects of their forerunners, and against their own promises.

mod accumulation;
mod accumulation_defects;
mod anti_trap;
mod days;
mod ignition;
mod pattern_defects;
mod patterns;
mod poll;
mod promises;
mod scanner;
mod scanner_defects;
mod stream;
mod zen;

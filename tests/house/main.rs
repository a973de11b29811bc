//! The whole house as a program uses it, against an emulator.

mod history;
mod live;
mod urgency;

//! The options of `daily`.

use clap::Args as Group;
use market_backbone::Day;

#[derive(Debug, Group)]
pub(crate) struct DailyArgs {
    /// Days of New York that are over, like 2026-08-03
    #[arg(required = true)]
    pub(crate) days: Vec<Day>,
}

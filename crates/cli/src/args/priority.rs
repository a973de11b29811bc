//! The priority of a command's requests.

use clap::ValueEnum;
use market_backbone::Priority;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriorityArg {
    Critical,
    High,
    Normal,
    Low,
}

impl From<PriorityArg> for Priority {
    fn from(urgency: PriorityArg) -> Self {
        match urgency {
            PriorityArg::Critical => Self::Critical,
            PriorityArg::High => Self::High,
            PriorityArg::Normal => Self::Normal,
            PriorityArg::Low => Self::Low,
        }
    }
}

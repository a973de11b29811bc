//! `market-backbone daily`: the daily bars of all shares, stored by one request a day.

use market_backbone::{Backbone, MASSIVE, Priority};

use crate::args::DailyArgs;
use crate::exit::UsageError;
use crate::output::{self, Output};

pub(crate) async fn run(args: DailyArgs, backbone: &Backbone) -> anyhow::Result<()> {
    if backbone.venue().family() != MASSIVE {
        let venue = backbone.venue().without_address();
        return Err(
            UsageError(format!("{venue} has no answer for a whole market; say --venue massive")).into()
        );
    }
    let mut output = Output::open(None)?;
    for day in args.days {
        let kept = backbone.store_massive_day(day, Priority::Low).await?;
        output.line(&format!("{day},{kept}"))?;
        output.flush()?;
        if kept == 0 {
            output::note(&format!("nobody traded on {day}"));
        }
    }
    output.finish()
}

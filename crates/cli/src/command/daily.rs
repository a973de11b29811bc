//! `market-backbone daily`: the daily bars of all shares, stored by one request a day.

use market_backbone::{Backbone, MASSIVE, Priority};

use crate::args::DailyArgs;
use crate::exit::UsageError;
use crate::output::{self, Output};
use crate::progress::Working;

pub(crate) async fn run(args: DailyArgs, backbone: &Backbone) -> anyhow::Result<()> {
    if backbone.venue().family() != MASSIVE {
        let venue = backbone.venue().without_address();
        return Err(
            UsageError(format!("{venue} has no request for a whole market; use --venue massive")).into()
        );
    }
    let mut output = Output::open(None)?;
    let days = args.days.len();
    for (index, day) in args.days.into_iter().enumerate() {
        let working = Working::begin(format!("day {} of {days}: {day}", index + 1));
        let kept = backbone.store_massive_day(day, Priority::Low).await?;
        drop(working);
        output.line(&format!("{day},{kept}"))?;
        output.flush()?;
        if kept == 0 {
            output::note(&format!("nobody traded on {day}"));
        }
    }
    output.finish()
}

//! `market-backbone daily`: the daily candles of all markets, stored by one request a day.

use market_backbone::{Backbone, Priority, known_venues};

use crate::args::DailyArgs;
use crate::exit::UsageError;
use crate::output::{self, Output};
use crate::progress::Working;

pub(crate) async fn run(args: DailyArgs, backbone: &Backbone) -> anyhow::Result<()> {
    if !backbone.has_market_days() {
        let venue = backbone.venue().without_address();
        let others = known_venues().iter().filter(|venue| venue.has_market_days());
        let others: Vec<_> = others.map(|venue| format!("--venue {}", venue.id())).collect();
        let message = format!("{venue} has no request for a whole market; use {}", others.join(" or "));
        return Err(UsageError(message).into());
    }
    let mut output = Output::open(None)?;
    let days = args.days.len();
    for (index, day) in args.days.into_iter().enumerate() {
        let working = Working::begin(format!("day {} of {days}: {day}", index + 1));
        let kept = backbone.store_market_day(day, Priority::Low).await?;
        drop(working);
        output.line(&format!("{day},{kept}"))?;
        output.flush()?;
        if kept == 0 {
            output::note(&format!("nobody traded on {day}"));
        }
    }
    output.finish()
}

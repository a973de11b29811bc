//! `market-backbone demo`: the main features on one screen: emulator and backbone in one process, no key, no
//! network.

mod live;
mod script;

use std::time::Duration;

use anyhow::Context;
use market_backbone::{Backbone, MassivePlan};
use market_backbone_emulator::{Emulator, ExchangeHours, Scenario, StocksScenario, TickerSet};

use self::script::DemoScript;
use super::unless_stopped;
use crate::args::{DemoArgs, VenueArg};
use crate::output::{Output, is_terminal};
use crate::stop::Stopped;

/// How long the demo takes where nobody can press Ctrl-C.
const DEFAULT_LENGTH: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: DemoArgs, name: VenueArg) -> anyhow::Result<()> {
    let massive = StocksScenario {
        hours: ExchangeHours::AlwaysRegular,
        tickers: TickerSet::Standard(300),
        // A trade that is told minutes later would be a line that runs backwards.
        late_share: 0.0,
        overnight_share: 0.0,
        ..StocksScenario::default()
    };
    let venue = Emulator::start(Scenario { seed: args.seed, massive, ..Scenario::default() })
        .await
        .context("cannot start the emulator")?;
    let (builder, rest) = (Backbone::builder().in_memory(), venue.rest_url());
    let builder = match name {
        VenueArg::Upbit => builder.upbit_at(&rest, &venue.ws_url()),
        VenueArg::Massive => {
            builder.massive_at("test-key", MassivePlan::Advanced, &rest, &venue.stocks_ws_url())
        }
    };
    let backbone = builder.build().await?;
    let length = args.length.or_else(|| (!is_terminal()).then_some(DEFAULT_LENGTH));
    let outcome = show(&backbone, DemoScript::of(name), length).await;
    backbone.shutdown().await;
    venue.stop().await;
    outcome
}

async fn show(backbone: &Backbone, script: DemoScript, length: Option<Duration>) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    let shown = unless_stopped(script.run(backbone, length, &mut output)).await;
    match shown {
        Err(error) if error.is::<Stopped>() => {}
        ended => return ended,
    }
    let spent = backbone.metrics().router;
    output.line(&format!(
        "\n{} requests in all, {} of them refused for haste.",
        spent.requests,
        spent.limiter.throttled()
    ))?;
    output.finish()
}

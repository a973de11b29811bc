//! `market-backbone demo`: the main features on one screen: emulator and backbone in one process, no key, no
//! network.

mod live;
mod script;

use std::time::Duration;

use anyhow::Context;
use market_backbone::{Backbone, VenueConfig};
use market_backbone_emulator::{Emulator, Scenario};

use self::script::DemoScript;
use super::unless_stopped;
use crate::args::{DemoArgs, VenueArg};
use crate::output::{Output, is_terminal};
use crate::stop::Stopped;

/// How long the demo takes where nobody can press Ctrl-C.
const DEFAULT_LENGTH: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: DemoArgs, name: VenueArg) -> anyhow::Result<()> {
    let venue = name.descriptor();
    let emulator =
        Emulator::start(Scenario::demonstration(args.seed)).await.context("cannot start the emulator")?;
    let socket = venue.emulator_name().and_then(|name| emulator.ws_url_of(name));
    let socket = socket.with_context(|| format!("there is no emulator of {}", venue.id()))?;
    let mut config = VenueConfig::new(venue).at(emulator.rest_url(), socket);
    if let Some(key) = venue.required_key() {
        config = config.key(key.for_emulator);
    }
    let backbone = Backbone::builder().in_memory().connect(config).build().await?;
    let length = args.length.or_else(|| (!is_terminal()).then_some(DEFAULT_LENGTH));
    let outcome = show(&backbone, DemoScript::of(venue), length).await;
    backbone.shutdown().await;
    emulator.stop().await;
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

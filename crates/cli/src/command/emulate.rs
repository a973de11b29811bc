//! `market-backbone emulate`: a look-alike of a venue, alone.

use anyhow::Context;
use market_backbone_emulator::{Faults, LimiterKind, Scenario, TapeStart};
use tokio::net::TcpListener;

use crate::args::{self, Counting, Emulate, VenueName};
use crate::exit::Usage;
use crate::output;

pub(crate) async fn run(args: Emulate) -> anyhow::Result<()> {
    let VenueName::Upbit = args.whose;
    let scenario = scenario(&args)?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("cannot listen on port {}; choose another with --port", args.port))?;
    let address = listener.local_addr()?;
    output::note(&format!(
        "Upbit look-alike on http://{address} and ws://{address}/websocket/v1; what it was asked: http://{address}/__admin/report"
    ));
    let stop = async {
        // Without a Ctrl-C to listen for, it runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(market_backbone_emulator::serve(listener, scenario, stop).await?)
}

fn scenario(args: &Emulate) -> anyhow::Result<Scenario> {
    Ok(Scenario {
        seed: args.seed,
        tape: args.tape.clone(),
        tape_start: match args.tape_start {
            args::TapeStart::Recorded => TapeStart::Recorded,
            args::TapeStart::Now => TapeStart::Now,
        },
        limiter: match args.limiter {
            Counting::Sliding => LimiterKind::Sliding,
            Counting::Fixed => LimiterKind::Fixed,
        },
        faults: faults(args.faults.as_deref().unwrap_or_default())?,
        ..Scenario::default()
    })
}

fn faults(text: &str) -> Result<Faults, Usage> {
    text.parse().map_err(|error| Usage(format!("--faults: {error}")))
}

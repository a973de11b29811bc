//! `market-backbone watch`: live events, gaps included, until Ctrl-C or for a while.

use std::time::Duration;

use futures::StreamExt;
use market_backbone::{Backbone, FeedEvent, LiveStream, Priority};

use crate::args::{Format, Watch};
use crate::exit::Usage;
use crate::output::Output;
use crate::row;

pub(crate) async fn run(args: Watch, backbone: &Backbone) -> anyhow::Result<()> {
    let line = match args.format {
        Format::Json => |event: &FeedEvent| row::event_json(event).to_string(),
        Format::Table => row::event_text,
        Format::Csv => return Err(Usage("events have no CSV; use --format json".to_owned()).into()),
    };
    let client = backbone.client(Priority::High);
    let markets = || args.markets.iter().map(String::as_str);
    client.require(markets()).await?;
    let events = client.subscribe(markets(), args.kinds.iter().copied()).await?;
    let mut output = Output::open(None)?;
    tokio::select! {
        outcome = print(events, line, &mut output) => outcome?,
        () = over(args.length) => {}
        // Ctrl-C is how a watch is meant to end.
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    output.finish()
}

/// Prints events as they come; a burst is written at once, a lone event too.
async fn print(
    events: LiveStream,
    line: fn(&FeedEvent) -> String,
    output: &mut Output,
) -> std::io::Result<()> {
    let mut bursts = events.ready_chunks(256);
    while let Some(burst) = bursts.next().await {
        for event in &burst {
            output.line(&line(event))?;
        }
        output.flush()?;
    }
    Ok(())
}

async fn over(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

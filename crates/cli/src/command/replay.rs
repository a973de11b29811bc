//! `market-backbone replay`: a recording through the very layers of a live run, without a network.

use market_backbone::tape::ReplayStats;
use market_backbone::{Clock, FeedEvent, InferredSide, Replay, ReplayOptions, ReplayReport, SystemClock};

use super::watch::side_inference::{self, SideInferences};
use crate::args::{OutputFormat, ReplayArgs};
use crate::exit::UsageError;
use crate::output::{self, Output};
use crate::stop::{self, Stopped};

pub(crate) async fn run(args: ReplayArgs) -> anyhow::Result<()> {
    let line = match args.format {
        OutputFormat::Json => side_inference::json,
        OutputFormat::Table => side_inference::shown,
        OutputFormat::Csv => {
            return Err(UsageError("events cannot be written as CSV; use --format json".to_owned()).into());
        }
    };
    let now = SystemClock.now();
    let mut options = ReplayOptions::new(&args.dir).kinds(args.kinds).speed(args.speed.0);
    if let Some(from) = args.from {
        options = options.from(from.past("--from", now)?);
    }
    if let Some(to) = args.to {
        options = options.to(to.past("--to", now)?);
    }
    let replay = options.start()?;
    let stopper = replay.stopper();
    let printing = tokio::task::spawn_blocking(move || print(replay, line));
    tokio::pin!(printing);
    tokio::select! {
        outcome = &mut printing => outcome?,
        cause = stop::wait() => {
            stopper.stop();
            printing.await??;
            Err(Stopped(cause).into())
        }
    }
}

/// Prints all events, and then what there is to say of the recording.
fn print(mut replay: Replay, line: fn(&FeedEvent, Option<InferredSide>) -> String) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    let mut sides = SideInferences::default();
    while let Some(event) = replay.next() {
        if stop::requested().is_some() {
            break;
        }
        let guess = sides.observe(&event);
        output.line(&line(&event, guess))?;
    }
    output.finish()?;
    let ReplayReport { stats, torn_tails, first_unanswered } = replay.finish()?;
    torn_tails.iter().for_each(|torn| output::note(&torn.to_string()));
    let ReplayStats { frames, unread, unanswered, missed, .. } = stats;
    output::note(&format!("replayed {frames} frames"));
    if unread > 0 {
        output::note(&format!("{unread} of them are of connections that nobody reads"));
    }
    if let Some(request) = first_unanswered {
        output::note(&format!(
            "{unanswered} requests failed, because the recording has no answer to them; the first is GET {request}"
        ));
    }
    if missed > 0 {
        output::note(&format!(
            "the recording lacks {missed} records, which came faster than they could be written"
        ));
    }
    Ok(())
}

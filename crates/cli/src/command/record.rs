//! `market-backbone record`: all that the venue sends, frame by frame, into a folder, until Ctrl-C or for a while.

use std::time::Duration;

use market_backbone::tape::{RecorderLimits, RecordingStats, TapeRecorder, TapeSession};
use market_backbone::{Backbone, Channel, FeedEvent, Priority, Symbol, normalize_code};

use super::market_selection::MarketSelection;
use super::watch::listing_check::ListingCheck;
use super::{run_with, unless_stopped};
use crate::args::{GlobalArgs, RecordArgs};
use crate::stop::{self, Stopped};
use crate::{output, settings};

/// The interval at which it is checked that the recording goes on.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: RecordArgs, global: &GlobalArgs) -> anyhow::Result<()> {
    let recorder = TapeRecorder::prepare(&args.dir, RecorderLimits::default())?;
    // What a store holds is not asked of the venue, and a replay could not ask for it either.
    let builder = settings::builder(global)?.without_store().observer(recorder.observer());
    let folder = args.dir.display().to_string();
    let outcome = run_with(builder, async |backbone| record(args, backbone, &recorder).await).await;
    let stats = recorder.finish()?;
    output::note(&summary(&stats, &folder));
    if stats.missed > 0 {
        output::note(&format!(
            "{} records were dropped, because they came faster than {folder} could be written",
            stats.missed
        ));
    }
    outcome
}

/// Follows the markets until a signal, the end of the time, or a failure of the recording.
async fn record(args: RecordArgs, backbone: &Backbone, recorder: &TapeRecorder) -> anyhow::Result<()> {
    let client = backbone.client(Priority::High);
    let wanted =
        MarketSelection::of(backbone, args.channels.markets, args.channels.universe.as_deref()).await?;
    let (wanted, mut check) = unless_stopped(ListingCheck::begin(&client, wanted).first_word()).await?;
    let venue = backbone.venue();
    let mut channels = Vec::new();
    for market in wanted.all() {
        let symbol = if market == Symbol::any(venue).code() {
            Symbol::any(venue)
        } else {
            Symbol::new(venue, &normalize_code(venue, market).unwrap_or_else(|_| market.to_owned()))?
        };
        channels
            .extend(args.channels.kinds.iter().map(|kind| Channel { symbol: symbol.clone(), kind: *kind }));
    }
    recorder.begin(TapeSession { venue, channels });
    let feed = client.subscribe(wanted.all(), args.channels.kinds.iter().copied());
    let mut feed = unless_stopped(async { Ok(feed.await?) }).await?;
    if let Some(length) = args.length {
        stop::stop_after(length);
    }
    let mut checks = tokio::time::interval(CHECK_INTERVAL);
    let follow = async {
        loop {
            tokio::select! {
                event = feed.next() => match event {
                    Some(FeedEvent::Ended { reason }) => return Err(reason.into()),
                    Some(_) => {}
                    None => return Ok(()),
                },
                _ = checks.tick() => if recorder.has_failed() {
                    return Ok(()); // the end of the recording says why
                },
                outcome = check.final_answer() => outcome?,
            }
        }
    };
    match unless_stopped(follow).await {
        // That is how a recording is meant to end.
        Err(error) if error.is::<Stopped>() => Ok(()),
        ended => ended,
    }
}

fn summary(stats: &RecordingStats, folder: &str) -> String {
    let RecordingStats { frames, replies, connections, files, bytes, .. } = stats;
    format!(
        "recorded {frames} frames of {connections} connections and {replies} answers: {bytes} bytes in {files} files \
         in {folder}"
    )
}

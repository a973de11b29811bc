//! `market-backbone watch`: live events, gaps included, until Ctrl-C or for a while; from now, from a moment
//! on, or from where an earlier watch ended.

mod catch_up;
pub(super) mod listing_check;
mod resume_file;
pub(super) mod side_inference;

use std::path::Path;
use std::time::Duration;

use futures::FutureExt;
use market_backbone::{Backbone, Feed, FeedEvent, InferredSide, Priority, SourceError, Start, StreamKind};

use self::catch_up::CatchUpProgress;
use self::listing_check::ListingCheck;
use self::resume_file::{ResumeFile, ResumePoint};
use self::side_inference::SideInferences;
use super::market_selection::MarketSelection;
use super::unless_stopped;
use crate::args::{OutputFormat, WatchArgs};
use crate::exit::UsageError;
use crate::file_format::FileFormat;
use crate::output::{self, Output};
use crate::stop::{self, Stopped};

/// The interval between two saves of the resume file.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The largest number of events written before the output is flushed.
const MAX_BURST: usize = 256;

pub(crate) async fn run(args: WatchArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let line = if is_json(args.format, args.output.as_deref())? {
        side_inference::json
    } else if args.output.is_some() {
        side_inference::text
    } else {
        side_inference::shown
    };
    let client = backbone.client(Priority::High);
    let wanted =
        MarketSelection::of(backbone, args.channels.markets, args.channels.universe.as_deref()).await?;
    let check = ListingCheck::begin(&client, wanted);
    let (wanted, check) = unless_stopped(check.first_word()).await?;
    let bookmark = args.resume.map(ResumeFile::at);
    let place = bookmark.as_ref().map(ResumeFile::read).transpose()?.flatten();
    let output = match &args.output {
        Some(file) => Output::append(file, place.as_ref().and_then(|place| place.length))?,
        None => Output::open(None)?,
    };
    let start = match (place, args.from) {
        (Some(place), _) => Start::After(place.cursor),
        (None, Some(time)) => Start::At(time.past("--from", backbone.now())?),
        (None, None) => Start::Now,
    };
    let has_trades = args.channels.kinds.contains(&StreamKind::Trade);
    let past = match &start {
        Start::At(moment) if has_trades => Some(*moment),
        Start::After(cursor) if has_trades => cursor.channels().filter_map(|one| cursor.position(one)).min(),
        _ => None,
    };
    let catching =
        past.map(|from| CatchUpProgress::new(from, backbone.venue(), backbone.trade_history_range()));
    let feed = client.subscribe(wanted.all(), args.channels.kinds.iter().copied()).from(start);
    let feed = unless_stopped(async { Ok(feed.await?) }).await?;
    if let Some(length) = args.length {
        stop::stop_after(length);
    }
    let mut watch = WatchLoop {
        feed,
        line,
        side_inferences: SideInferences::default(),
        output,
        resume_file: bookmark,
        catch_up: catching,
        has_unsaved_events: true,
        refusal: None,
    };
    let outcome = unless_stopped(watch.run(check)).await;
    watch.save_position()?;
    match outcome {
        // That is how a watch is meant to end.
        Err(error) if error.is::<Stopped>() => {}
        ended => ended?,
    }
    watch.output.finish()?;
    let late = watch.feed.late_trades();
    if late > 0 {
        output::note(&format!("{late} trades came more than a minute late and were left out"));
    }
    Ok(())
}

/// Returns whether lines are JSON: by `--format`, else by the file's extension.
fn is_json(said: Option<OutputFormat>, file: Option<&Path>) -> Result<bool, UsageError> {
    let ended = file.and_then(FileFormat::of);
    match (said, ended) {
        (Some(OutputFormat::Csv), _)
        | (None, Some(FileFormat::Csv | FileFormat::Parquet | FileFormat::Arrow)) => Err(UsageError(
            "events cannot be written as CSV, Parquet or Arrow; use --format json, or a file that ends in \
                 .ndjson"
                .to_owned(),
        )),
        (
            Some(OutputFormat::Table),
            Some(FileFormat::Json | FileFormat::Csv | FileFormat::Parquet | FileFormat::Arrow),
        )
        | (
            Some(OutputFormat::Json),
            Some(FileFormat::Text | FileFormat::Csv | FileFormat::Parquet | FileFormat::Arrow),
        ) => Err(UsageError(
            "--format and the extension of the --output file disagree; change one of them".to_owned(),
        )),
        (Some(OutputFormat::Json), _) | (None, Some(FileFormat::Json)) => Ok(true),
        (Some(OutputFormat::Table), _) | (None, Some(FileFormat::Text) | None) => Ok(false),
    }
}

/// A watch in progress.
struct WatchLoop {
    feed: Feed,
    line: fn(&FeedEvent, Option<InferredSide>) -> String,
    side_inferences: SideInferences,
    output: Output,
    resume_file: Option<ResumeFile>,
    /// The progress until it has caught up.
    catch_up: Option<CatchUpProgress>,
    /// True if something was written since the resume file was saved.
    has_unsaved_events: bool,
    /// Why the venue refuses what is asked of it, once it does.
    refusal: Option<SourceError>,
}

impl WatchLoop {
    /// Writes events as they arrive, until the venue refuses for good.
    async fn run(&mut self, mut check: ListingCheck) -> anyhow::Result<()> {
        let mut marks = tokio::time::interval(SAVE_INTERVAL);
        loop {
            tokio::select! {
                event = self.feed.next() => match event {
                    Some(event) => self.write(&event)?,
                    None => return self.refusal.take().map_or(Ok(()), |reason| Err(reason.into())),
                },
                _ = marks.tick() => {
                    self.save_position()?;
                    if let Some(catching) = &self.catch_up {
                        catching.report();
                    }
                }
                outcome = check.final_answer() => outcome?,
            }
        }
    }

    /// Writes `first` and the events queued behind it: a burst at once, a single event as well.
    fn write(&mut self, first: &FeedEvent) -> anyhow::Result<()> {
        self.line(first)?;
        self.has_unsaved_events = true;
        for _ in 1..MAX_BURST {
            let Some(Some(event)) = self.feed.next().now_or_never() else { break };
            self.line(&event)?;
        }
        Ok(self.output.flush()?)
    }

    fn line(&mut self, event: &FeedEvent) -> std::io::Result<()> {
        if self.catch_up.as_mut().is_some_and(|catching| catching.observe(event)) {
            self.catch_up = None;
        }
        if let FeedEvent::Ended { reason } = event {
            self.refusal = Some(reason.clone());
        }
        let guess = self.side_inferences.observe(event);
        self.output.line(&(self.line)(event, guess))
    }

    /// Saves the position of the output.
    fn save_position(&mut self) -> anyhow::Result<()> {
        let Some(bookmark) = self.resume_file.as_ref().filter(|_| self.has_unsaved_events) else {
            return Ok(());
        };
        let length = self.output.sync()?;
        bookmark.write(&ResumePoint { cursor: self.feed.cursor(), length })?;
        self.has_unsaved_events = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_file_chooses_where_nothing_is_said() {
        let lines = |said, file| is_json(said, Some(Path::new(file))).ok();
        assert_eq!(
            [lines(None, "a.ndjson"), lines(None, "a.json"), lines(None, "a.log")],
            [Some(true), Some(true), Some(false)]
        );
        assert_eq!(
            (lines(Some(OutputFormat::Json), "a.log"), is_json(None, None).ok()),
            (Some(true), Some(false))
        );
        let contradictions =
            [(Some(OutputFormat::Table), "a.json"), (Some(OutputFormat::Json), "a.txt"), (None, "a.csv")];
        assert!(contradictions.into_iter().all(|(said, file)| lines(said, file).is_none()));
    }
}

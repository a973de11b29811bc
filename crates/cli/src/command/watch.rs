//! `market-backbone watch`: live events, gaps included, until Ctrl-C or for a while; from now, from a moment on, or
//! from where an earlier watch ended.

mod bookmark;
mod catching;
mod check;
mod sides;

use std::path::Path;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use market_backbone::{Backbone, Feed, FeedEvent, InferredSide, Priority, Start, StreamKind};

use self::bookmark::{Bookmark, Place};
use self::catching::Catching;
use self::check::Check;
use self::sides::Sides;
use super::listing::Wanted;
use super::unless_stopped;
use crate::args::{Format, Watch};
use crate::ending::Ending;
use crate::exit::Usage;
use crate::output::Output;
use crate::stop::{self, Stopped};

/// How often the bookmark is put forward.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// At most so many events are written before they are let through.
const BURST: usize = 256;

pub(crate) async fn run(args: Watch, backbone: &Backbone) -> anyhow::Result<()> {
    let line = if is_json(args.format, args.output.as_deref())? { sides::json } else { sides::text };
    let client = backbone.client(Priority::High);
    let wanted = Wanted::of(backbone, args.markets, args.universe.as_deref()).await?;
    let check = Check::begin(&client, wanted);
    let (wanted, check) = unless_stopped(check.first_word()).await?;
    let bookmark = args.resume.map(Bookmark::at);
    let place = bookmark.as_ref().map(Bookmark::read).transpose()?.flatten();
    let output = match &args.output {
        Some(file) => Output::append(file, place.as_ref().and_then(|place| place.length))?,
        None => Output::open(None)?,
    };
    let start = match (place, args.from) {
        (Some(place), _) => Start::After(place.cursor),
        (None, Some(moment)) => Start::At(moment),
        (None, None) => Start::Now,
    };
    let has_trades = args.kinds.contains(&StreamKind::Trade);
    let past = match &start {
        Start::At(moment) if has_trades => Some(*moment),
        Start::After(cursor) if has_trades => cursor.channels().filter_map(|one| cursor.position(one)).min(),
        _ => None,
    };
    let catching = past.map(|from| Catching::new(from, backbone.venue(), backbone.reach_of_trades()));
    let feed = client.subscribe(wanted.all(), args.kinds.iter().copied()).from(start);
    let feed = unless_stopped(async { Ok(feed.await?) }).await?;
    if let Some(length) = args.length {
        stop::after(length);
    }
    let mut watch =
        Watching { feed, line, sides: Sides::default(), output, bookmark, catching, is_ahead: true };
    let outcome = unless_stopped(watch.run(backbone, check)).await;
    watch.mark()?;
    match outcome {
        // That is how a watch is meant to end.
        Err(error) if error.is::<Stopped>() => {}
        ended => ended?,
    }
    watch.output.finish()
}

/// Whether lines are JSON: what was said, else what the file's ending says.
fn is_json(said: Option<Format>, file: Option<&Path>) -> Result<bool, Usage> {
    let ended = file.and_then(Ending::of);
    match (said, ended) {
        (Some(Format::Csv), _) | (None, Some(Ending::Csv | Ending::Parquet)) => Err(Usage(
            "events have no CSV and no Parquet; use --format json, or a file that ends in .ndjson".to_owned(),
        )),
        (Some(Format::Table), Some(Ending::Json | Ending::Csv | Ending::Parquet))
        | (Some(Format::Json), Some(Ending::Text | Ending::Csv | Ending::Parquet)) => Err(Usage(
            "--format and the ending of the --output file say different things; change one of them"
                .to_owned(),
        )),
        (Some(Format::Json), _) | (None, Some(Ending::Json)) => Ok(true),
        (Some(Format::Table), _) | (None, Some(Ending::Text) | None) => Ok(false),
    }
}

/// A watch under way.
struct Watching {
    feed: Feed,
    line: fn(&FeedEvent, Option<InferredSide>) -> String,
    sides: Sides,
    output: Output,
    bookmark: Option<Bookmark>,
    /// Until it has caught up.
    catching: Option<Catching>,
    /// Something was written since the bookmark was.
    is_ahead: bool,
}

impl Watching {
    /// Writes events as they come, until the venue refuses for good.
    async fn run(&mut self, backbone: &Backbone, mut check: Check) -> anyhow::Result<()> {
        let mut marks = tokio::time::interval(MARK_EVERY);
        loop {
            tokio::select! {
                event = self.feed.next() => match event {
                    Some(event) => self.write(&event)?,
                    None => return Ok(()),
                },
                _ = marks.tick() => {
                    self.mark()?;
                    if let Some(catching) = &self.catching {
                        catching.tell();
                    }
                    if let Some(reason) = backbone.metrics().router.live.refused {
                        anyhow::bail!("{} refuses what is asked of its socket: {reason}", backbone.venue().house());
                    }
                }
                outcome = check.last_word() => outcome?,
            }
        }
    }

    /// Writes `first` and what waits behind it: a burst at once, a lone event too.
    fn write(&mut self, first: &FeedEvent) -> anyhow::Result<()> {
        self.line(first)?;
        self.is_ahead = true;
        for _ in 1..BURST {
            let Some(Some(event)) = self.feed.next().now_or_never() else { break };
            self.line(&event)?;
        }
        Ok(self.output.flush()?)
    }

    fn line(&mut self, event: &FeedEvent) -> std::io::Result<()> {
        if self.catching.as_mut().is_some_and(|catching| catching.hear(event)) {
            self.catching = None;
        }
        let guess = self.sides.hear(event);
        self.output.line(&(self.line)(event, guess))
    }

    /// Puts the bookmark where the output is.
    fn mark(&mut self) -> anyhow::Result<()> {
        let Some(bookmark) = self.bookmark.as_ref().filter(|_| self.is_ahead) else { return Ok(()) };
        let length = self.output.settle()?;
        bookmark.write(&Place { cursor: self.feed.cursor(), length })?;
        self.is_ahead = false;
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
        assert_eq!((lines(Some(Format::Json), "a.log"), is_json(None, None).ok()), (Some(true), Some(false)));
        let contradictions =
            [(Some(Format::Table), "a.json"), (Some(Format::Json), "a.txt"), (None, "a.csv")];
        assert!(contradictions.into_iter().all(|(said, file)| lines(said, file).is_none()));
    }
}

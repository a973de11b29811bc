//! Candles of many series in one run: fetched concurrently within the venue's limit, with one progress bar,
//! and a failure of one market does not stop the others.

mod summary;

use std::path::PathBuf;

use anyhow::Context;
use futures::{StreamExt, stream};
use market_backbone::{Backbone, CandleSet, Timeframe, Timestamp, file_stem};
use tokio::task::spawn_blocking;

use self::summary::BatchSummary;
use super::candle_writer::{CandleStyle, CandleWriter};
use super::format;
use super::progress_board::ProgressBoard;
use super::window::WantedCandles;
use crate::args::CandlesArgs;
use crate::output;

/// The number of concurrent fetches: enough to use up the limit, few enough to hold their answers in memory.
const CONCURRENCY: usize = 8;

/// A requested series.
#[derive(Clone, Debug)]
pub(super) struct SeriesRequest {
    pub(super) market: String,
    pub(super) timeframe: Timeframe,
    /// True if it was named, and not only in a list: then it is a failure if it does not exist.
    pub(super) is_named: bool,
}

pub(super) async fn run(
    args: &CandlesArgs,
    requests: &[SeriesRequest],
    (window, style): (WantedCandles, CandleStyle),
    backbone: &Backbone,
) -> anyhow::Result<()> {
    let to_stdout = args.output.is_none() && args.output_dir.is_none();
    let _reader = to_stdout.then(output::watch_reader).transpose()?;
    let board = ProgressBoard::new(requests.len());
    let answers = stream::iter(requests.iter().enumerate()).map(|(index, request)| {
        let (window, board) = (&window, &board);
        let shown = move || board.fetch_callback(index);
        async move {
            let series = (request.market.as_str(), request.timeframe);
            (index, window.fetch(series, args.adjusted, backbone, shown).await)
        }
    });
    let mut answers = match &args.output_dir {
        Some(_) => answers.buffer_unordered(CONCURRENCY).left_stream(),
        // In the order in which they were named.
        None => answers.buffered(CONCURRENCY).right_stream(),
    };
    let mut shelf = BatchOutput::open(args, style)?;
    let mut harvest = BatchSummary::default();
    while let Some((index, answer)) = answers.next().await {
        board.finish_fetch(index);
        match answer {
            Ok(set) => {
                harvest.record_success(&set);
                shelf.write(set, backbone.now()).await?;
            }
            Err(error) => harvest.missed(&requests[index], error, &board)?,
        }
    }
    board.clear();
    harvest.ensure_any()?;
    shelf.finish()?;
    super::warn_of_unkept(harvest.unkept.as_ref());
    if let Some(place) = args.output_dir.as_ref().or(args.output.as_ref()) {
        output::note(&harvest.summary_line(place));
    }
    if args.stats {
        output::set_summary(harvest.stats(&backbone.metrics()).to_string());
    }
    harvest.ensure_complete()
}

/// The destination of the answers.
enum BatchOutput {
    /// A file for each.
    Folder(PathBuf, CandleStyle),
    One(CandleWriter),
}

impl BatchOutput {
    fn open(args: &CandlesArgs, style: CandleStyle) -> anyhow::Result<Self> {
        let Some(folder) = &args.output_dir else {
            return Ok(Self::One(CandleWriter::open(style, args.output.as_deref())?));
        };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self::Folder(folder.clone(), style))
    }

    /// Writes an answer that was given at `now`. A file of its own is complete when this is done.
    async fn write(&mut self, set: CandleSet, now: Timestamp) -> anyhow::Result<()> {
        match self {
            Self::One(sheet) => sheet.add(&set, now),
            Self::Folder(folder, style) => {
                let (name, ending) = (file_stem(&set.series), format::extension(style.format));
                let (file, style) = (folder.join(format!("{name}.{ending}")), *style);
                // It waits for the disk, and others are being fetched meanwhile.
                let written = spawn_blocking(move || {
                    let mut sheet = CandleWriter::open(style, Some(&file))?;
                    sheet.add(&set, now)?;
                    sheet.finish()
                });
                written.await.context("the task that writes a file was cancelled")?
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::One(sheet) => sheet.finish(),
            Self::Folder(..) => Ok(()),
        }
    }
}

//! Candles of many series in one run: fetched concurrently within the venue's limit, with one progress bar,
//! and a failure of one market does not stop the others.

mod summary;

use std::path::PathBuf;

use anyhow::Context;
use futures::{StreamExt, stream};
use market_backbone::{Backbone, Error, Timeframe, file_stem};
use tokio::task::spawn_blocking;

use self::summary::BatchSummary;
use super::candle_writer::{CandleStyle, CandleWriter};
use super::long_answer::{self, AnswerPieces};
use super::progress_board::ProgressBoard;
use super::window::WantedCandles;
use super::{format, half_written};
use crate::args::CandlesArgs;
use crate::output;
use crate::stats::AnswerSummary;

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
    let answers =
        stream::iter(requests.iter().enumerate()).map(|(index, request)| {
            let (window, board) = (&window, &board);
            let shown = move || board.fetch_callback(index);
            async move {
                (index, long_answer::fetch(window, (request, args.adjusted, style), backbone, shown).await)
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
        let written = match answer {
            Ok(pieces) => shelf.write(pieces, backbone).await?,
            Err(error) => Err(error),
        };
        match written {
            Ok(summary) => harvest.record_success(&summary),
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

    /// Writes an answer. A file of its own is complete when this is done; the inner error is that of an answer of which
    /// nothing was written.
    async fn write(
        &mut self,
        mut pieces: AnswerPieces,
        backbone: &Backbone,
    ) -> anyhow::Result<Result<AnswerSummary, Error>> {
        let (mut summary, mut own) = (None::<AnswerSummary>, None);
        while let Some(piece) = pieces.next().await {
            let (piece, now) = match (piece, &self, &summary) {
                (Ok(piece), ..) => (piece, backbone.now()),
                (Err(error), Self::One(_), Some(summary)) => {
                    return Err(half_written(error, None, Some(summary)));
                }
                (Err(error), ..) => return Ok(Err(error)),
            };
            summary.get_or_insert_with(|| AnswerSummary::new(&piece.series)).add(&piece);
            match self {
                Self::One(sheet) => sheet.add(&piece, now)?,
                Self::Folder(folder, style) => {
                    let (name, ending) = (file_stem(&piece.series), format::extension(style.format));
                    let (file, style) = (folder.join(format!("{name}.{ending}")), *style);
                    // It waits for the disk, and others are being fetched meanwhile.
                    own = Some(
                        in_background(move || {
                            let mut sheet = own.map_or_else(|| CandleWriter::open(style, Some(&file)), Ok)?;
                            sheet.add(&piece, now)?;
                            Ok(sheet)
                        })
                        .await?,
                    );
                }
            }
        }
        if let Some(sheet) = own {
            in_background(move || sheet.finish()).await?;
        }
        Ok(Ok(summary.context("an answer has at least one piece")?))
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::One(sheet) => sheet.finish(),
            Self::Folder(..) => Ok(()),
        }
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    spawn_blocking(work).await.context("the task that writes a file was cancelled")?
}

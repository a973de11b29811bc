//! `market-backbone candles`: any number of candles of any number of markets, oldest first.

mod batch;
mod candle_writer;
mod format;
mod long_answer;
mod progress_board;
mod table;
mod window;

use std::collections::HashSet;
use std::path::Path;

use market_backbone::{Backbone, Error, Fill, Timestamp, WriteFailure, normalize_code};

use self::batch::SeriesRequest;
use self::candle_writer::{CandleStyle, CandleWriter};
pub(super) use self::table::table;
pub(super) use self::window::WantedCandles;
use crate::args::CandlesArgs;
use crate::exit::UsageError;
use crate::stats::AnswerSummary;
use crate::terminal::TextStyle;
use crate::{output, progress, stats};

pub(crate) async fn run(args: CandlesArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let format = match &args.output_dir {
        Some(_) => format::of_folder(args.format)?,
        None => format::of_file(args.format, args.output.as_deref())?,
    };
    if args.adjusted && !backbone.has_splits() {
        let venue = backbone.venue().without_address();
        return Err(UsageError(format!(
            "--adjusted is for shares: nothing that {venue} lists is ever split"
        ))
        .into());
    }
    let window = WantedCandles::of(&args.range, backbone.now())?;
    let requests = series_requests(&args, backbone).await?;
    // Not by the current length of a list: columns must not come and go with it.
    let labelled = requests.len() > 1 || args.universe.is_some() || args.output_dir.is_some();
    let text = if args.output.is_some() { TextStyle::PLAIN } else { TextStyle::of_stdout() };
    let style = CandleStyle { format, fill: Fill::from(args.fill), grid: backbone.grid(), labelled, text };
    match &requests[..] {
        [request] if !labelled => one(&args, request, (window, style), backbone).await,
        requests => batch::run(&args, requests, (window, style), backbone).await,
    }
}

async fn one(
    args: &CandlesArgs,
    request: &SeriesRequest,
    (window, style): (WantedCandles, CandleStyle),
    backbone: &Backbone,
) -> anyhow::Result<()> {
    let _reader = args.output.is_none().then(output::watch_reader).transpose()?;
    let bar = progress::bar();
    let shown = || {
        let bar = bar.clone();
        move |progress| progress::advance(&bar, progress)
    };
    let began = tokio::time::Instant::now();
    let outcome = long_answer::fetch(&window, (request, args.adjusted, style), backbone, shown).await;
    let took = began.elapsed();
    bar.finish_and_clear();
    let mut pieces = outcome?;
    let (mut sheet, mut summary) = (None, None);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| half_written(error, args.output.as_deref(), summary.as_ref()))?;
        let sheet = match &mut sheet {
            Some(sheet) => sheet,
            empty => empty.insert(CandleWriter::open(style, args.output.as_deref())?),
        };
        sheet.add(&piece, backbone.now())?;
        summary.get_or_insert_with(|| AnswerSummary::new(&piece.series)).add(&piece);
    }
    let (Some(sheet), Some(summary)) = (sheet, summary) else { return Ok(()) };
    sheet.finish()?;
    warn_of_unkept(summary.write_failure.as_ref());
    if args.stats {
        // By the venue's clock, which may have become known only with the answer.
        let at = window.as_of().unwrap_or(Timestamp::MAX).min(backbone.now().minus(took));
        let (from, to) = window.bounds(&summary, style.grid);
        let asked = stats::RequestedRange { from, to, at };
        output::set_summary(
            stats::candle_stats(&summary, &backbone.metrics(), asked, style.grid).to_string(),
        );
    }
    Ok(())
}

/// Says of a failure after the first piece what has been written by then.
fn half_written(error: Error, file: Option<&Path>, summary: Option<&AnswerSummary>) -> anyhow::Error {
    let error = anyhow::Error::new(error);
    let Some(summary) = summary else { return error };
    match (file, summary.newest()) {
        (Some(file), _) => error.context(format!("{} was not written", file.display())),
        (None, Some(newest)) => {
            error.context(format!("only {} candles were written, up to the one of {newest}", summary.rows))
        }
        (None, None) => error.context("nothing was written"),
    }
}

/// Warns that candles could not be stored and will have to be fetched again.
fn warn_of_unkept(unkept: Option<&WriteFailure>) {
    if let Some(WriteFailure { rows, reason: why }) = unkept {
        output::note(&format!("warning: {rows} candles were not stored: {why}"));
    }
}

/// Returns the requested series, without duplicates, however they are spelled.
async fn series_requests(args: &CandlesArgs, backbone: &Backbone) -> anyhow::Result<Vec<SeriesRequest>> {
    let (named, timeframes) = args.named()?;
    let listed = match &args.universe {
        Some(key) => backbone.universe(key).await?,
        None => Vec::new(),
    };
    let (mut requests, mut seen) = (Vec::new(), HashSet::new());
    let named = named.iter().map(|market| (market, true));
    for (market, is_named) in named.chain(listed.iter().map(|market| (market, false))) {
        if seen.insert(normalize_code(backbone.venue(), market)?) {
            let request = |timeframe| SeriesRequest { market: market.clone(), timeframe, is_named };
            requests.extend(timeframes.iter().copied().map(request));
        }
    }
    Ok(requests)
}

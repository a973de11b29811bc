//! `market-backbone candles`: any number of candles of any number of markets, oldest first.

mod batch;
mod candle_writer;
mod format;
mod progress_board;
mod table;

use std::collections::HashSet;
use std::time::Duration;

use market_backbone::{Backbone, CandleRequest, Fill, Timeframe, Timestamp, WriteFailure, normalize_code};

use self::batch::SeriesRequest;
use self::candle_writer::{CandleStyle, CandleWriter};
use crate::args::{CandleRangeArgs, CandlesArgs};
use crate::{output, progress, stats};

const DEFAULT_COUNT: usize = 200;
/// The largest plausible offset of a machine's clock: a larger one is noticed.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(86_400);

pub(crate) async fn run(args: CandlesArgs, backbone: &Backbone) -> anyhow::Result<()> {
    let format = match &args.output_dir {
        Some(_) => format::of_folder(args.format)?,
        None => format::of_file(args.format, args.output.as_deref())?,
    };
    let wishes = series_requests(&args, backbone).await?;
    // Not by the current length of a list: columns must not come and go with it.
    let labelled = wishes.len() > 1 || args.universe.is_some() || args.output_dir.is_some();
    let style = CandleStyle { format, fill: Fill::from(args.fill), grid: backbone.grid(), labelled };
    match &wishes[..] {
        [wish] if !labelled => one(&args, wish, style, backbone).await,
        wishes => batch::run(&args, wishes, style, backbone).await,
    }
}

async fn one(
    args: &CandlesArgs,
    wish: &SeriesRequest,
    style: CandleStyle,
    backbone: &Backbone,
) -> anyhow::Result<()> {
    let _reader = args.output.is_none().then(output::watch_reader).transpose()?;
    let bar = progress::bar();
    let shown = bar.clone();
    let request = request(&wish.market, wish.timeframe, args, backbone);
    let request = request.on_progress(move |progress| progress::advance(&shown, progress));
    let began = tokio::time::Instant::now();
    let outcome = request.await;
    let took = began.elapsed();
    bar.finish_and_clear();
    let set = outcome?;
    let mut sheet = CandleWriter::open(style, args.output.as_deref())?;
    sheet.add(&set, backbone.now())?;
    sheet.finish()?;
    warn_of_unkept(set.write_failure.as_ref());
    if args.stats {
        // By the venue's clock, which may have become known only with the answer.
        let at = args.range.as_of.unwrap_or(Timestamp::MAX).min(backbone.now().minus(took));
        let asked = stats::RequestedRange { from: args.range.from, to: args.range.to, at };
        output::set_summary(stats::candle_stats(&set, &backbone.metrics(), asked, style.grid).to_string());
    }
    Ok(())
}

/// Warns that candles could not be stored and will have to be fetched again.
fn warn_of_unkept(unkept: Option<&WriteFailure>) {
    if let Some(WriteFailure { rows, reason: why }) = unkept {
        output::note(&format!("warning: {rows} candles were not kept: {why}"));
    }
}

/// Returns the requested series, without duplicates, however they are spelled.
async fn series_requests(args: &CandlesArgs, backbone: &Backbone) -> anyhow::Result<Vec<SeriesRequest>> {
    let (named, timeframes) = args.named()?;
    let listed = match &args.universe {
        Some(key) => backbone.universe(key).await?,
        None => Vec::new(),
    };
    let (mut wishes, mut seen) = (Vec::new(), HashSet::new());
    let named = named.iter().map(|market| (market, true));
    for (market, is_named) in named.chain(listed.iter().map(|market| (market, false))) {
        if seen.insert(normalize_code(backbone.venue(), market)) {
            let wish = |timeframe| SeriesRequest { market: market.clone(), timeframe, is_named };
            wishes.extend(timeframes.iter().copied().map(wish));
        }
    }
    Ok(wishes)
}

/// Builds the request for candles of one series.
fn request(market: &str, timeframe: Timeframe, args: &CandlesArgs, backbone: &Backbone) -> CandleRequest {
    let request = candle_request(market, timeframe, &args.range, backbone);
    if args.adjusted { request.adjusted() } else { request }
}

/// Builds the request for a range of a series.
pub(super) fn candle_request(
    market: &str,
    timeframe: Timeframe,
    wanted: &CandleRangeArgs,
    backbone: &Backbone,
) -> CandleRequest {
    let request = backbone.client(wanted.priority.into()).candles(market, timeframe);
    let request = match (wanted.from, wanted.to) {
        // Up to the current time, whatever this machine's clock says; a start after both clocks is an
        // inverted range.
        (Some(from), None) if from < backbone.now().plus(MAX_CLOCK_DIFFERENCE) => {
            request.range(from..).any_window()
        }
        (Some(from), to) => request.range(from..to.unwrap_or_else(|| backbone.now())).any_window(),
        (None, Some(to)) => request.last(wanted.count.unwrap_or(DEFAULT_COUNT)).before(to).any_window(),
        (None, None) => request.last(wanted.count.unwrap_or(DEFAULT_COUNT)).any_window(),
    };
    let request = wanted.as_of.into_iter().fold(request, CandleRequest::as_of);
    if wanted.closed { request.closed() } else { request }
}

//! `market-backbone candles`: any number of candles of any number of markets, oldest first.

mod batch;
mod candle_writer;
mod format;
mod progress_board;
mod table;
mod window;

use std::collections::HashSet;

use market_backbone::{Backbone, Fill, Timestamp, WriteFailure, normalize_code};

use self::batch::SeriesRequest;
use self::candle_writer::{CandleStyle, CandleWriter};
pub(super) use self::table::table;
pub(super) use self::window::WantedCandles;
use crate::args::CandlesArgs;
use crate::exit::UsageError;
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
    let window = WantedCandles::of(&args.range, backbone.now());
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
    let outcome = window.fetch((&request.market, request.timeframe), args.adjusted, backbone, shown).await;
    let took = began.elapsed();
    bar.finish_and_clear();
    let set = outcome?;
    let mut sheet = CandleWriter::open(style, args.output.as_deref())?;
    sheet.add(&set, backbone.now())?;
    sheet.finish()?;
    warn_of_unkept(set.write_failure.as_ref());
    if args.stats {
        // By the venue's clock, which may have become known only with the answer.
        let at = window.as_of().unwrap_or(Timestamp::MAX).min(backbone.now().minus(took));
        let (from, to) = window.bounds(&set, style.grid);
        let asked = stats::RequestedRange { from, to, at };
        output::set_summary(stats::candle_stats(&set, &backbone.metrics(), asked, style.grid).to_string());
    }
    Ok(())
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

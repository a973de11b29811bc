//! `market-backbone candles`: any number of candles of any number of markets, oldest first.

mod board;
mod format;
mod many;
mod sheet;
mod table;

use std::collections::HashSet;
use std::time::Duration;

use market_backbone::{Backbone, CandleRequest, Fill, Timeframe, Timestamp, Unkept, spelling};

use self::many::Wish;
use self::sheet::{Sheet, Style};
use crate::args::{Candles, Wanted};
use crate::{output, progress, stats};

const DEFAULT_COUNT: usize = 200;
/// A machine's clock is hardly off by more before anybody notices.
const CLOCKS_APART: Duration = Duration::from_secs(86_400);

pub(crate) async fn run(args: Candles, backbone: &Backbone) -> anyhow::Result<()> {
    let format = match &args.output_dir {
        Some(_) => format::of_folder(args.format)?,
        None => format::of_file(args.format, args.output.as_deref())?,
    };
    let wishes = wishes(&args, backbone).await?;
    // Not by how many a list happens to hold: columns do not come and go with it.
    let labelled = wishes.len() > 1 || args.universe.is_some() || args.output_dir.is_some();
    let style = Style { format, fill: Fill::from(args.fill), grid: backbone.grid(), labelled };
    match &wishes[..] {
        [wish] if !labelled => one(&args, wish, style, backbone).await,
        wishes => many::run(&args, wishes, style, backbone).await,
    }
}

async fn one(args: &Candles, wish: &Wish, style: Style, backbone: &Backbone) -> anyhow::Result<()> {
    let _reader = args.output.is_none().then(output::while_read).transpose()?;
    let bar = progress::bar();
    let shown = bar.clone();
    let request = request(&wish.market, wish.timeframe, args, backbone);
    let request = request.on_progress(move |progress| progress::advance(&shown, progress));
    let began = tokio::time::Instant::now();
    let outcome = request.await;
    let took = began.elapsed();
    bar.finish_and_clear();
    let set = outcome?;
    let mut sheet = Sheet::open(style, args.output.as_deref())?;
    sheet.add(&set, backbone.now())?;
    sheet.finish()?;
    warn_of_unkept(set.unkept.as_ref());
    if args.stats {
        // By the venue's clock, which may have become known only with the answer.
        let at = args.wanted.as_of.unwrap_or(Timestamp::MAX).min(backbone.now().minus(took));
        let asked = stats::Asked { from: args.wanted.from, to: args.wanted.to, at };
        output::keep_summary(stats::of(&set, &backbone.metrics(), asked, style.grid).to_string());
    }
    Ok(())
}

/// Says that candles will have to be asked for again.
fn warn_of_unkept(unkept: Option<&Unkept>) {
    if let Some(Unkept { rows, why }) = unkept {
        output::note(&format!("warning: {rows} candles were not kept: {why}"));
    }
}

/// The series that are wanted, each once, however it is spelt.
async fn wishes(args: &Candles, backbone: &Backbone) -> anyhow::Result<Vec<Wish>> {
    let (named, timeframes) = args.named()?;
    let listed = match &args.universe {
        Some(key) => backbone.universe(key).await?,
        None => Vec::new(),
    };
    let (mut wishes, mut seen) = (Vec::new(), HashSet::new());
    let named = named.iter().map(|market| (market, true));
    for (market, is_named) in named.chain(listed.iter().map(|market| (market, false))) {
        if seen.insert(spelling(backbone.venue(), market)) {
            let wish = |timeframe| Wish { market: market.clone(), timeframe, is_named };
            wishes.extend(timeframes.iter().copied().map(wish));
        }
    }
    Ok(wishes)
}

/// The request for candles of one series.
fn request(market: &str, timeframe: Timeframe, args: &Candles, backbone: &Backbone) -> CandleRequest {
    let request = wanted(market, timeframe, &args.wanted, backbone);
    if args.adjusted { request.adjusted() } else { request }
}

/// The request for what is wanted of a series.
pub(super) fn wanted(
    market: &str,
    timeframe: Timeframe,
    wanted: &Wanted,
    backbone: &Backbone,
) -> CandleRequest {
    let request = backbone.client(wanted.priority.into()).candles(market, timeframe);
    let request = match (wanted.from, wanted.to) {
        // Up to now, whatever this machine takes that for; what lies ahead of both clocks runs backwards.
        (Some(from), None) if from < backbone.now().plus(CLOCKS_APART) => request.range(from..Timestamp::MAX),
        (Some(from), to) => request.range(from..to.unwrap_or_else(|| backbone.now())),
        (None, Some(to)) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)).before(to),
        (None, None) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)),
    };
    let request = wanted.as_of.into_iter().fold(request, CandleRequest::as_of);
    if wanted.closed { request.closed() } else { request }
}

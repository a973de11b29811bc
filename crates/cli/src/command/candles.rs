//! `market-backbone candles`: any number of candles, oldest first.

use comfy_table::Table;
use market_backbone::{Backbone, Candle, CandleRequest, CandleSet, Clock, SystemClock, TimeRange, Timestamp};

use crate::args::{Candles, Format};
use crate::output::{self, Output};
use crate::{progress, row, stats};

const DEFAULT_COUNT: usize = 200;

pub(crate) async fn run(args: Candles, backbone: &Backbone) -> anyhow::Result<()> {
    let bar = progress::bar(args.from.is_none().then(|| args.count.unwrap_or(DEFAULT_COUNT) as u64));
    let shown = bar.clone();
    let request = request(&args, backbone).on_progress(move |progress| progress::advance(&shown, progress));
    let outcome = request.await;
    bar.finish_and_clear();
    let set = outcome?;
    let mut output = Output::open(args.output.as_deref())?;
    write(&set, args.format, &mut output)?;
    output.finish()?;
    if args.stats {
        let asked = args.from.and_then(|from| TimeRange::new(from, args.to?).ok());
        output::note(&stats::of(&set, &backbone.metrics(), asked, backbone.grid()).to_string());
    }
    Ok(())
}

fn request(args: &Candles, backbone: &Backbone) -> CandleRequest {
    let request = backbone.client(args.priority.into()).candles(&args.market, args.timeframe);
    let request = match (args.from, args.to) {
        (Some(from), to) => request.range(from..to.unwrap_or_else(|| SystemClock.now())),
        (None, Some(to)) => request.count(args.count.unwrap_or(DEFAULT_COUNT)).before(to),
        (None, None) => request.count(args.count.unwrap_or(DEFAULT_COUNT)),
    };
    if args.closed { request.closed() } else { request }
}

fn write(set: &CandleSet, format: Format, output: &mut Output) -> std::io::Result<()> {
    match format {
        Format::Csv => {
            output.line(row::CANDLE_CSV)?;
            set.candles.iter().try_for_each(|candle| output.line(&row::candle_csv(candle)))
        }
        Format::Json => {
            set.candles.iter().try_for_each(|candle| output.line(&row::candle_json(candle).to_string()))
        }
        Format::Table => output.line(&table(&set.candles).to_string()),
    }
}

fn table(candles: &[Candle]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["open time (UTC)", "open", "high", "low", "close", "volume", ""]);
    for candle in candles {
        let Candle { open_time, open, high, low, close, volume, is_final, .. } = candle;
        let note = if *is_final { "" } else { "forming" };
        let figures = [open, high, low, close, volume].map(f64::to_string);
        table.add_row([shown(*open_time)].into_iter().chain(figures).chain([note.to_owned()]));
    }
    right_align(&mut table, 1..6);
    table
}

fn right_align(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
}

fn shown(moment: Timestamp) -> String {
    moment.to_string().replace('T', " ").replace('Z', "")
}

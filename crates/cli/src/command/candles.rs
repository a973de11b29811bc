//! `market-backbone candles`: any number of candles, oldest first.

use comfy_table::Table;
use market_backbone::{
    Backbone, Candle, CandleRequest, CandleSet, Clock, Fill, Grid, Slot, SystemClock, TimeRange, Timestamp,
    View, ViewRow, write_parquet,
};

use crate::args::{CandleFormat, Candles, Wanted};
use crate::output::{self, Output};
use crate::{progress, row, stats};

const DEFAULT_COUNT: usize = 200;

pub(crate) async fn run(args: Candles, backbone: &Backbone) -> anyhow::Result<()> {
    let bar = progress::bar();
    let shown = bar.clone();
    let request =
        request(&args.wanted, backbone).on_progress(move |progress| progress::advance(&shown, progress));
    let outcome = request.await;
    bar.finish_and_clear();
    let set = outcome?;
    let fill = Fill::from(args.fill);
    match (args.format, args.output.as_deref()) {
        (CandleFormat::Parquet, Some(file)) => write_parquet(file, &set, fill, backbone.grid())?,
        (format, file) => {
            let mut output = Output::open(file)?;
            write(&set, format, fill, backbone.grid(), &mut output)?;
            output.finish()?;
        }
    }
    if args.stats {
        let asked = args.wanted.from.and_then(|from| TimeRange::new(from, args.wanted.to?).ok());
        output::note(&stats::of(&set, &backbone.metrics(), asked, backbone.grid()).to_string());
    }
    Ok(())
}

/// The request for what is wanted.
pub(super) fn request(wanted: &Wanted, backbone: &Backbone) -> CandleRequest {
    let request = backbone.client(wanted.priority.into()).candles(&wanted.market, wanted.timeframe);
    let request = match (wanted.from, wanted.to) {
        (Some(from), to) => request.range(from..to.unwrap_or_else(|| SystemClock.now())),
        (None, Some(to)) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)).before(to),
        (None, None) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)),
    };
    if wanted.closed { request.closed() } else { request }
}

fn write(
    set: &CandleSet,
    format: CandleFormat,
    fill: Fill,
    grid: Grid,
    output: &mut Output,
) -> std::io::Result<()> {
    let mut rows = set.view(fill, grid);
    match format {
        CandleFormat::Parquet => Err(std::io::Error::other("Parquet goes to a file: name it with --output")),
        CandleFormat::Csv => {
            output.line(row::CANDLE_CSV)?;
            rows.try_for_each(|row| output.line(&row::view_csv(&row)))
        }
        CandleFormat::Json => {
            let json = |row: &ViewRow| match (fill, &row.candle) {
                (Fill::None, Some(candle)) => row::candle_json(candle),
                _ => row::view_json(row),
            };
            rows.try_for_each(|row| output.line(&json(&row).to_string()))
        }
        CandleFormat::Table => output.line(&table(rows).to_string()),
    }
}

fn table(rows: View<'_>) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["open time (UTC)", "open", "high", "low", "close", "volume", ""]);
    for row in rows {
        let figures = match &row.candle {
            Some(Candle { open, high, low, close, volume, .. }) => {
                [open, high, low, close, volume].map(f64::to_string)
            }
            None => [(); 5].map(|()| String::new()),
        };
        let cells = [shown(row.open_time)].into_iter().chain(figures);
        table.add_row(cells.chain([note(&row).to_owned()]));
    }
    right_align(&mut table, 1..6);
    table
}

/// What has to be said of a row besides its figures.
fn note(row: &ViewRow) -> &'static str {
    match (row.truth, &row.candle) {
        (Slot::Disputed(_), _) => "disputed",
        (Slot::Unknown, _) => "unknown",
        (Slot::Empty, _) if row.filled => "filled",
        (Slot::Empty, _) => "no trade",
        (Slot::Present(_), Some(candle)) if !candle.is_final => "forming",
        (Slot::Present(_), _) => "",
    }
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

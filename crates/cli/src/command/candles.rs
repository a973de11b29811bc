//! `market-backbone candles`: any number of candles, oldest first.

use std::time::Duration;

use comfy_table::Table;
use market_backbone::{
    Backbone, Calendar, Candle, CandleRequest, CandleSet, Fill, Grid, Slot, TimeRange, Timestamp, Unkept,
    View, ViewRow, write_parquet,
};

use crate::args::{CandleFormat, Candles, Wanted};
use crate::output::{self, Output};
use crate::{progress, row, stats};

const DEFAULT_COUNT: usize = 200;
/// A machine's clock is hardly off by more before anybody notices.
const CLOCKS_APART: Duration = Duration::from_secs(86_400);

pub(crate) async fn run(args: Candles, backbone: &Backbone) -> anyhow::Result<()> {
    let _reader = args.output.is_none().then(output::while_read).transpose()?;
    let bar = progress::bar();
    let shown = bar.clone();
    let request = request(&args.wanted, backbone);
    let request = if args.adjusted { request.adjusted() } else { request };
    let request = request.on_progress(move |progress| progress::advance(&shown, progress));
    let outcome = request.await;
    bar.finish_and_clear();
    let set = outcome?;
    if let Some(Unkept { rows, why }) = &set.unkept {
        output::note(&format!("warning: {rows} candles were not kept: {why}"));
    }
    let fill = Fill::from(args.fill);
    match (args.format, args.output.as_deref()) {
        (CandleFormat::Parquet, Some(file)) => write_parquet(file, &set, fill, backbone.grid())?,
        (format, file) => {
            let mut output = Output::open(file)?;
            write(&set, format, fill, backbone, &mut output)?;
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
        // Up to now, whatever this machine takes that for; what lies ahead of both clocks runs backwards.
        (Some(from), None) if from < backbone.now().plus(CLOCKS_APART) => request.range(from..Timestamp::MAX),
        (Some(from), to) => request.range(from..to.unwrap_or_else(|| backbone.now())),
        (None, Some(to)) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)).before(to),
        (None, None) => request.count(wanted.count.unwrap_or(DEFAULT_COUNT)),
    };
    let request = wanted.as_of.into_iter().fold(request, CandleRequest::as_of);
    if wanted.closed { request.closed() } else { request }
}

fn write(
    set: &CandleSet,
    format: CandleFormat,
    fill: Fill,
    backbone: &Backbone,
    output: &mut Output,
) -> std::io::Result<()> {
    let grid = backbone.grid();
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
        CandleFormat::Table => {
            // What is not final though its slot is over, the venue may still correct.
            let now = backbone.now();
            let is_over = |row: &ViewRow| grid.close(set.series.timeframe, row.open_time) <= now;
            output.line(&table(rows, grid, is_over).to_string())
        }
    }
}

fn table(rows: View<'_>, grid: Grid, is_over: impl Fn(&ViewRow) -> bool) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let zone = if grid == Grid::NewYork { "open time (New York)" } else { "open time (UTC)" };
    table.set_header([zone, "open", "high", "low", "close", "volume", ""]);
    for row in rows {
        let figures = match &row.candle {
            Some(Candle { open, high, low, close, volume, .. }) => {
                [open, high, low, close, volume].map(f64::to_string)
            }
            None => [(); 5].map(|()| String::new()),
        };
        let cells = [shown(row.open_time, grid)].into_iter().chain(figures);
        table.add_row(cells.chain([note(&row, is_over(&row)).to_owned()]));
    }
    right_align(&mut table, 1..6);
    table
}

/// What has to be said of a row besides its figures.
fn note(row: &ViewRow, is_over: bool) -> &'static str {
    match (row.truth, &row.candle) {
        (Slot::Disputed(_), _) => "disputed",
        (Slot::Empty, _) if row.filled => "filled",
        (Slot::Empty, _) => "no trade",
        (Slot::Present(_) | Slot::Unknown, Some(candle)) if !candle.is_final && is_over => "provisional",
        (Slot::Present(_), Some(candle)) if !candle.is_final => "forming",
        (Slot::Unknown, _) => "unknown",
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

/// What the clocks showed where the venue is.
fn shown(moment: Timestamp, grid: Grid) -> String {
    let offset = if grid == Grid::NewYork { new_york_offset(moment) } else { 0 };
    Timestamp::from_nanos(moment.as_nanos().saturating_add(offset * 1_000_000_000))
        .to_string()
        .replace('T', " ")
        .replace('Z', "")
}

/// By how many seconds the clocks of New York differ. They are changed two hours after midnight.
fn new_york_offset(moment: Timestamp) -> i64 {
    let today = Calendar::day_of(moment);
    let is_early = moment.as_secs() - Calendar::midnight(today).as_secs() < 2 * 3_600;
    let midnight = Calendar::midnight(if is_early { today } else { today.plus(1) });
    -midnight.as_secs().rem_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(moment: &str, shown: &str) {
        assert_eq!(super::shown(moment.parse().unwrap(), Grid::NewYork), shown);
    }

    #[test]
    fn the_time_in_new_york_goes_with_its_clocks() {
        check("2026-11-20T14:30:00Z", "2026-11-20 09:30:00");
        check("2026-08-06T04:00:00Z", "2026-08-06 00:00:00");
        check("2026-11-01T05:59:00Z", "2026-11-01 01:59:00");
        check("2026-11-01T06:00:00Z", "2026-11-01 01:00:00");
        check("2026-11-01T09:00:00Z", "2026-11-01 04:00:00");
        check("2026-03-08T06:59:00Z", "2026-03-08 01:59:00");
        check("2026-03-08T07:00:00Z", "2026-03-08 03:00:00");
    }
}

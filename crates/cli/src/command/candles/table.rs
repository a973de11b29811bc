//! Candles as a table for people.

use comfy_table::{Cell, Table};
use market_backbone::{Calendar, Candle, Grid, PlainDecimal, Slot, Timestamp, View, ViewRow};

use crate::terminal::{TextStyle, Tint};

/// Builds the rows of a view. A row that is not final although its slot `is_over` may still be revised by the
/// venue.
pub(crate) fn table(
    rows: View<'_>,
    grid: Grid,
    style: TextStyle,
    is_over: impl Fn(&ViewRow) -> bool,
) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let zone = if grid == Grid::NewYork { "open time (New York)" } else { "open time (UTC)" };
    table.set_header([zone, "open", "high", "low", "close", "volume", ""]);
    for row in rows {
        let figures = match &row.candle {
            Some(Candle { open, high, low, close, volume, .. }) => [open, high, low, close, volume]
                .map(|figure| style.number(&PlainDecimal(*figure).to_string())),
            None => [(); 5].map(|()| String::new()),
        };
        let cells = [shown(row.open_time, grid)].into_iter().chain(figures).map(Cell::new);
        let note = style.cell(Some(Tint::Warning), note(&row, is_over(&row)).to_owned());
        table.add_row(cells.chain([note]));
    }
    right_align(&mut table, 1..6);
    table
}

/// The remark on a row besides its values.
fn note(row: &ViewRow, is_over: bool) -> &'static str {
    match (row.slot, &row.candle) {
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

/// The local time at the venue, in a form that `--from` reads: without an offset it is UTC.
fn shown(moment: Timestamp, grid: Grid) -> String {
    let offset = if grid == Grid::NewYork { new_york_offset(moment) } else { 0 };
    let local = Timestamp::from_nanos(moment.as_nanos().saturating_add(offset * 1_000_000_000));
    let text = local.to_string().replace('T', " ").replace('Z', "");
    if grid == Grid::NewYork { format!("{text}-{:02}:00", -offset / 3_600) } else { text }
}

/// The offset of New York's local time in seconds. It changes two hours after midnight.
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
        check("2026-11-20T14:30:00Z", "2026-11-20 09:30:00-05:00");
        check("2026-08-06T04:00:00Z", "2026-08-06 00:00:00-04:00");
        check("2026-11-01T05:59:00Z", "2026-11-01 01:59:00-04:00");
        check("2026-11-01T06:00:00Z", "2026-11-01 01:00:00-05:00");
        check("2026-11-01T09:00:00Z", "2026-11-01 04:00:00-05:00");
        check("2026-03-08T06:59:00Z", "2026-03-08 01:59:00-05:00");
        check("2026-03-08T07:00:00Z", "2026-03-08 03:00:00-04:00");
    }
}

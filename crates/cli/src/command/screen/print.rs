//! The rows of a screen as a table, as CSV and as JSON.

use comfy_table::{Cell, CellAlignment, Table};
use market_backbone::PlainDecimal;
use market_backbone::strategy::screen::{ScreenAnswer, ScreenValue};
use serde_json::{Map, Value, json};

use crate::args::OutputFormat;
use crate::output::Output;
use crate::row;
use crate::terminal::TextStyle;

/// A market and what the screen says of it.
pub(super) struct Row {
    pub(super) market: String,
    pub(super) answer: ScreenAnswer,
}

/// Prints the rows; `names` are the quantities of the screen.
pub(super) fn rows(
    rows: &[Row],
    names: &[String],
    is_ranked: bool,
    format: OutputFormat,
) -> anyhow::Result<()> {
    let mut output = Output::open(None)?;
    match format {
        OutputFormat::Json => rows.iter().try_for_each(|row| output.line(&json(row).to_string()))?,
        OutputFormat::Csv => {
            let quoted: Vec<String> = names.iter().map(|name| quoted(name)).collect();
            output.line(&format!("symbol,verdict,rank,{},notes", quoted.join(",")))?;
            rows.iter().try_for_each(|row| output.line(&csv(row)))?;
        }
        OutputFormat::Table => {
            output.line(&table(rows, names, is_ranked, TextStyle::of_stdout()).to_string())?;
        }
    }
    output.finish()
}

/// The notes about the values: why they are unknown, or that they are flat or settling.
fn notes(answer: &ScreenAnswer) -> Vec<String> {
    let note = |value: &ScreenValue| match &value.value {
        Err(why) => Some(format!("{}: {why}", value.name)),
        Ok(_) if value.notes.is_empty() => None,
        Ok(_) => Some(format!("{}: {}", value.name, value.notes.join(", "))),
    };
    answer.values.iter().filter_map(note).collect()
}

fn json(row: &Row) -> Value {
    let values: Map<String, Value> = row
        .answer
        .values
        .iter()
        .map(|value| (value.name.clone(), json!(value.value.as_ref().ok())))
        .collect();
    json!({
        "symbol": row.market,
        "verdict": row.answer.verdict.as_str(),
        "rank": row.answer.rank,
        "values": values,
        "notes": notes(&row.answer),
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv(row: &Row) -> String {
    let number =
        |number: Option<f64>| number.map_or_else(String::new, |number| PlainDecimal(number).to_string());
    let values = row.answer.values.iter().map(|value| number(value.value.as_ref().ok().copied()));
    let start = [row.market.clone(), row.answer.verdict.as_str().to_owned(), number(row.answer.rank)];
    let cells: Vec<String> =
        start.into_iter().chain(values).chain([quoted(&notes(&row.answer).join("; "))]).collect();
    cells.join(",")
}

fn table(rows: &[Row], names: &[String], is_ranked: bool, style: TextStyle) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    let rank = is_ranked.then(|| "rank".to_owned());
    let header = ["market".to_owned()].into_iter().chain(rank).chain(names.iter().cloned());
    table.set_header(header.chain(["verdict".to_owned(), "notes".to_owned()]));
    // Seven digits are what a reader can use; CSV and JSON have them all.
    let number = |number: f64| row::number(rounded(number), style);
    for Row { market, answer } in rows {
        let rank = is_ranked.then(|| answer.rank.map_or_else(|| "?".to_owned(), number));
        let values = answer
            .values
            .iter()
            .map(|value| value.value.as_ref().map_or_else(|_| "?".to_owned(), |v| number(*v)));
        let cells = [market.clone()].into_iter().chain(rank).chain(values);
        let end = [answer.verdict.as_str().to_owned(), notes(answer).join("; ")];
        table.add_row(cells.chain(end).map(Cell::new));
    }
    for column in 1..=names.len() + usize::from(is_ranked) {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Rounds to seven significant digits, and never a whole digit away.
fn rounded(number: f64) -> f64 {
    if number == 0.0 || number.abs() >= 1e7 {
        return number.round();
    }
    let places = (6.0 - number.abs().log10().floor()).clamp(0.0, 15.0);
    let scale = 10_f64.powf(places);
    (number * scale).round() / scale
}

//! Writes the rows of answers in the chosen format.

use std::path::{Path, PathBuf};

use market_backbone::{CandleSet, Fill, Grid, ParquetViewWriter, Series, Timestamp, ViewRow, write_parquet};

use super::table::table;
use crate::args::CandleFormat;
use crate::output::Output;
use crate::row;
use crate::terminal::TextStyle;

/// The format and style of answers.
#[derive(Clone, Copy)]
pub(super) struct CandleStyle {
    pub(super) format: CandleFormat,
    pub(super) fill: Fill,
    pub(super) grid: Grid,
    /// True if each row names its series, because there may be several.
    pub(super) labelled: bool,
    /// How a table looks.
    pub(super) text: TextStyle,
}

/// A file being written, or the terminal.
pub(super) struct CandleWriter {
    style: CandleStyle,
    target: CandleTarget,
}

enum CandleTarget {
    Lines(Output),
    /// A file of one answer, with its coverage.
    ParquetFile(PathBuf),
    LabelledParquet(Box<ParquetViewWriter>),
}

impl CandleWriter {
    /// Opens `file`, or stdout.
    pub(super) fn open(style: CandleStyle, file: Option<&Path>) -> anyhow::Result<Self> {
        let target = match (style.format, file) {
            (CandleFormat::Parquet, Some(file)) if style.labelled => CandleTarget::LabelledParquet(Box::new(
                ParquetViewWriter::create(file, style.fill, style.grid)?,
            )),
            (CandleFormat::Parquet, Some(file)) => CandleTarget::ParquetFile(file.to_owned()),
            (_, file) => CandleTarget::Lines(Output::open(file)?),
        };
        let mut sheet = Self { style, target };
        if let (CandleFormat::Csv, CandleTarget::Lines(output)) = (style.format, &mut sheet.target) {
            let labels = if style.labelled { ",symbol,timeframe" } else { "" };
            output.line(&format!("{}{labels}", row::CANDLE_CSV))?;
        }
        Ok(sheet)
    }

    /// Writes the rows of an answer, which was given at `now`.
    pub(super) fn add(&mut self, set: &CandleSet, now: Timestamp) -> anyhow::Result<()> {
        let CandleStyle { fill, grid, .. } = self.style;
        match &mut self.target {
            CandleTarget::LabelledParquet(answers) => answers.add(set)?,
            CandleTarget::ParquetFile(file) => write_parquet(file, set, fill, grid)?,
            CandleTarget::Lines(output) => lines(output, self.style, set, now)?,
        }
        Ok(())
    }

    /// Moves a file into place.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.target {
            CandleTarget::Lines(output) => output.finish(),
            CandleTarget::ParquetFile(_) => Ok(()),
            CandleTarget::LabelledParquet(answers) => Ok(answers.finish()?),
        }
    }
}

fn lines(output: &mut Output, style: CandleStyle, set: &CandleSet, now: Timestamp) -> std::io::Result<()> {
    let CandleStyle { format, fill, grid, labelled, .. } = style;
    let Series { symbol, timeframe } = &set.series;
    let mut rows = set.view(fill, grid);
    match format {
        CandleFormat::Parquet => Err(std::io::Error::other("Parquet goes to a file: name it with --output")),
        CandleFormat::Csv if labelled => {
            let label = format!(",{},{timeframe}", quoted(symbol.code()));
            rows.try_for_each(|row| output.line(&(row::view_csv(&row) + &label)))
        }
        CandleFormat::Csv => rows.try_for_each(|row| output.line(&row::view_csv(&row))),
        CandleFormat::Json => rows.try_for_each(|row| {
            let mut json = row::view_json(&row);
            json["symbol"] = symbol.code().into();
            json["timeframe"] = timeframe.as_str().into();
            output.line(&json.to_string())
        }),
        CandleFormat::Table => {
            if labelled {
                output.line(&format!("{symbol} {timeframe}"))?;
            }
            let is_over = |row: &ViewRow| grid.close(*timeframe, row.open_time) <= now;
            output.line(&table(rows, grid, style.text, is_over).to_string())
        }
    }
}

/// Quotes a field of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

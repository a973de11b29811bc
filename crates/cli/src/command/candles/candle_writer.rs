//! Writes the rows of answers in the chosen format.

use std::path::{Path, PathBuf};

use market_backbone::{
    ArrowViewWriter, CandleSet, Fill, Grid, ParquetViewWriter, Series, Timestamp, View, ViewRow, write_arrow,
    write_parquet,
};

use super::table::table;
use crate::args::CandleFormat;
use crate::output::Output;
use crate::row;
use crate::terminal::TextStyle;

/// The bytes of lines that are passed on at once.
const BATCH_BYTES: usize = 32 << 10;
/// The length of a line that hardly any row exceeds.
const LONGEST_LINE: usize = 1 << 10;

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
    /// One answer, with its coverage.
    Arrow(Output),
    LabelledArrow(Box<ArrowViewWriter<Output>>),
}

impl CandleWriter {
    /// Opens `file`, or stdout.
    pub(super) fn open(style: CandleStyle, file: Option<&Path>) -> anyhow::Result<Self> {
        let target = match (style.format, file) {
            (CandleFormat::Parquet, Some(file)) if style.labelled => CandleTarget::LabelledParquet(Box::new(
                ParquetViewWriter::create(file, style.fill, style.grid)?,
            )),
            (CandleFormat::Parquet, Some(file)) => CandleTarget::ParquetFile(file.to_owned()),
            (CandleFormat::Arrow, file) if style.labelled => CandleTarget::LabelledArrow(Box::new(
                ArrowViewWriter::create(Output::open(file)?, style.fill, style.grid)?,
            )),
            (CandleFormat::Arrow, file) => CandleTarget::Arrow(Output::open(file)?),
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
            CandleTarget::LabelledArrow(answers) => answers.add(set)?,
            CandleTarget::Arrow(output) => {
                write_arrow(output, set, fill, grid)?;
            }
            CandleTarget::Lines(output) => lines(output, self.style, set, now)?,
        }
        Ok(())
    }

    /// Moves a file into place.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.target {
            CandleTarget::Lines(output) | CandleTarget::Arrow(output) => output.finish(),
            CandleTarget::LabelledArrow(answers) => answers.finish()?.finish(),
            CandleTarget::ParquetFile(_) => Ok(()),
            CandleTarget::LabelledParquet(answers) => Ok(answers.finish()?),
        }
    }
}

fn lines(output: &mut Output, style: CandleStyle, set: &CandleSet, now: Timestamp) -> std::io::Result<()> {
    let CandleStyle { format, fill, grid, labelled, .. } = style;
    let Series { symbol, timeframe } = &set.series;
    let rows = set.view(fill, grid);
    match format {
        CandleFormat::Parquet | CandleFormat::Arrow => {
            Err(std::io::Error::other("Parquet goes to a file: name it with --output"))
        }
        CandleFormat::Csv => {
            let label =
                if labelled { format!(",{},{timeframe}", quoted(symbol.code())) } else { String::new() };
            row_by_row(output, rows, |line, row| {
                row::append_csv(line, row);
                line.extend_from_slice(label.as_bytes());
            })
        }
        CandleFormat::Json => {
            let json = row::JsonRows::of(&set.series);
            row_by_row(output, rows, |line, row| json.append(line, row))
        }
        CandleFormat::Table => {
            if labelled {
                output.line(&format!("{symbol} {timeframe}"))?;
            }
            let is_over = |row: &ViewRow| grid.close(*timeframe, row.open_time) <= now;
            output.line(&table(rows, grid, style.text, is_over).to_string())
        }
    }
}

/// Writes a line for each row, many at once: a million rows are not a million calls.
fn row_by_row(
    output: &mut Output,
    rows: View<'_>,
    append: impl Fn(&mut Vec<u8>, &ViewRow),
) -> std::io::Result<()> {
    let mut lines = Vec::with_capacity(BATCH_BYTES + LONGEST_LINE);
    for row in rows {
        append(&mut lines, &row);
        lines.push(b'\n');
        if lines.len() >= BATCH_BYTES {
            output.lines(&lines)?;
            lines.clear();
        }
    }
    output.lines(&lines)
}

/// Quotes a field of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

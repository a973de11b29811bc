//! Where the rows of answers go, in the format that was chosen.

use std::path::{Path, PathBuf};

use market_backbone::{CandleSet, Fill, Grid, ParquetAnswers, Series, Timestamp, ViewRow, write_parquet};

use super::table::table;
use crate::args::CandleFormat;
use crate::output::Output;
use crate::row;

/// How answers are written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) format: CandleFormat,
    pub(super) fill: Fill,
    pub(super) grid: Grid,
    /// Whether each row says of which series it is: where there may be several.
    pub(super) labelled: bool,
}

/// A file being written, or the terminal.
pub(super) struct Sheet {
    style: Style,
    target: Target,
}

enum Target {
    Lines(Output),
    /// A file of one answer, with what is known of it.
    Answer(PathBuf),
    Answers(Box<ParquetAnswers>),
}

impl Sheet {
    /// Begins `file`, or on stdout.
    pub(super) fn open(style: Style, file: Option<&Path>) -> anyhow::Result<Self> {
        let target = match (style.format, file) {
            (CandleFormat::Parquet, Some(file)) if style.labelled => {
                Target::Answers(Box::new(ParquetAnswers::create(file, style.fill, style.grid)?))
            }
            (CandleFormat::Parquet, Some(file)) => Target::Answer(file.to_owned()),
            (_, file) => Target::Lines(Output::open(file)?),
        };
        let mut sheet = Self { style, target };
        if let (CandleFormat::Csv, Target::Lines(output)) = (style.format, &mut sheet.target) {
            let labels = if style.labelled { ",symbol,timeframe" } else { "" };
            output.line(&format!("{}{labels}", row::CANDLE_CSV))?;
        }
        Ok(sheet)
    }

    /// Writes the rows of an answer, which was given at `now`.
    pub(super) fn add(&mut self, set: &CandleSet, now: Timestamp) -> anyhow::Result<()> {
        let Style { fill, grid, .. } = self.style;
        match &mut self.target {
            Target::Answers(answers) => answers.add(set)?,
            Target::Answer(file) => write_parquet(file, set, fill, grid)?,
            Target::Lines(output) => lines(output, self.style, set, now)?,
        }
        Ok(())
    }

    /// Puts a file in its place.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        match self.target {
            Target::Lines(output) => output.finish(),
            Target::Answer(_) => Ok(()),
            Target::Answers(answers) => Ok(answers.finish()?),
        }
    }
}

fn lines(output: &mut Output, style: Style, set: &CandleSet, now: Timestamp) -> std::io::Result<()> {
    let Style { format, fill, grid, labelled } = style;
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
            if labelled {
                json["symbol"] = symbol.code().into();
                json["timeframe"] = timeframe.as_str().into();
            }
            output.line(&json.to_string())
        }),
        CandleFormat::Table => {
            if labelled {
                output.line(&format!("{symbol} {timeframe}"))?;
            }
            let is_over = |row: &ViewRow| grid.close(*timeframe, row.open_time) <= now;
            output.line(&table(rows, grid, is_over).to_string())
        }
    }
}

/// A field of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

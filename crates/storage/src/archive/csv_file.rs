//! Rows as CSV: the open time in Unix milliseconds, values in the shortest form that reads back exactly, with
//! a decimal point, and a flag that each row is final.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use market_backbone_core::{Candle, PlainDecimal, StoreError, Timestamp};

use super::fault::{damaged, io};

/// The header line.
const HEADER: &str = "timestamp,open,high,low,close,volume,turnover,final";
/// The header line of version 1.
const HEADER_V1: &str = "timestamp,open,high,low,close,volume,turnover";
const COLUMNS: [&str; 7] = ["timestamp", "open", "high", "low", "close", "volume", "turnover"];
/// The longest possible line, in bytes: a value has at most some 330 digits, those of a market far fewer.
pub(super) const MAX_LINE: u64 = 4_096;

/// A writer of rows as lines.
pub(super) struct CsvWriter {
    path: PathBuf,
    writer: BufWriter<File>,
}

impl CsvWriter {
    pub(super) fn new(path: &Path, file: File) -> Result<Self, StoreError> {
        let mut writer = BufWriter::new(file);
        writeln!(writer, "{HEADER}").map_err(|error| io(path, error))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn write(&mut self, candles: &[Candle]) -> Result<(), StoreError> {
        for candle in candles {
            let Candle { open_time, open, high, low, close, volume, turnover, is_final } = *candle;
            let [open, high, low, close, volume, turnover] =
                [open, high, low, close, volume, turnover].map(PlainDecimal);
            let millis = open_time.as_millis();
            writeln!(self.writer, "{millis},{open},{high},{low},{close},{volume},{turnover},{is_final}")
                .map_err(|error| io(&self.path, error))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|error| io(&self.path, error))
    }
}

/// A reader of lines as rows.
pub(super) struct CsvReader {
    path: PathBuf,
    reader: BufReader<File>,
    lines: u64,
    /// True if rows have the column `final`.
    has_final_column: bool,
}

impl CsvReader {
    pub(super) fn open(path: &Path, file: File) -> Result<Self, StoreError> {
        let mut reader =
            Self { path: path.to_owned(), reader: BufReader::new(file), lines: 0, has_final_column: true };
        match reader.line()?.as_deref() {
            Some(HEADER) => Ok(reader),
            Some(HEADER_V1) => Ok(Self { has_final_column: false, ..reader }),
            _ => Err(damaged(path, &format!("line 1 should be `{HEADER}`"))),
        }
    }

    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Candle>, StoreError> {
        let mut candles = Vec::new();
        while candles.len() < most
            && let Some(line) = self.line()?
        {
            let candle = self.row(&line);
            candles.push(candle.map_err(|what| self.line_error(&what))?);
        }
        Ok(candles)
    }

    fn line(&mut self) -> Result<Option<String>, StoreError> {
        let mut line = String::new();
        self.lines += 1;
        let limited = &mut std::io::Read::take(&mut self.reader, MAX_LINE);
        let read = limited.read_line(&mut line);
        if read.map_err(|error| self.line_error(&error.to_string()))? == 0 {
            return Ok(None);
        }
        if line.pop() != Some('\n') {
            return Err(self.line_error("the line is cut off"));
        }
        Ok(Some(line))
    }

    fn row(&self, line: &str) -> Result<Candle, String> {
        let line = line.trim_end_matches('\r');
        if !self.has_final_column {
            return row(line);
        }
        match line.rsplit_once(',') {
            Some((figures, "true")) => row(figures),
            Some((_, "false")) => {
                Err("the row is not final; an archive holds closed candles only".to_owned())
            }
            _ => Err("the row should end in `true`: that it is final".to_owned()),
        }
    }

    fn line_error(&self, what: &str) -> StoreError {
        damaged(&self.path, &format!("line {}: {what}", self.lines))
    }
}

fn row(line: &str) -> Result<Candle, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let fields: [&str; 7] =
        fields.try_into().map_err(|fields: Vec<_>| format!("7 figures expected, {} found", fields.len()))?;
    let millis = fields[0].parse().map_err(|_| parse_error(0, fields[0]))?;
    let mut figures = [0.0; 6];
    for (index, figure) in figures.iter_mut().enumerate() {
        let text = fields[index + 1];
        *figure = text.parse().map_err(|_| parse_error(index + 1, text))?;
    }
    let [open, high, low, close, volume, turnover] = figures;
    let open_time = Timestamp::from_millis(millis);
    Ok(Candle { open_time, open, high, low, close, volume, turnover, is_final: true })
}

fn parse_error(column: usize, text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("`{shown}` is no number ({})", COLUMNS[column])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through_a_file(candles: &[Candle]) -> Vec<Candle> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let mut writer = CsvWriter::new(&path, File::create(&path).unwrap()).unwrap();
        writer.write(candles).unwrap();
        writer.finish().unwrap();
        CsvReader::open(&path, File::open(&path).unwrap()).unwrap().next(usize::MAX).unwrap()
    }

    proptest! {
        #[test]
        fn figures_keep_their_last_bit(bits in proptest::collection::vec(any::<u64>(), 6), millis in -1i64 << 42..1 << 42) {
            let figure = |index: usize| {
                let figure = f64::from_bits(bits[index]);
                if figure.is_finite() { figure } else { 0.1 + figure.to_bits() as f64 }
            };
            let candle = Candle {
                open_time: Timestamp::from_millis(millis),
                open: figure(0),
                high: figure(1),
                low: figure(2),
                close: figure(3),
                volume: figure(4),
                turnover: figure(5),
                is_final: true,
            };
            prop_assert_eq!(through_a_file(&[candle]), [candle]);
        }
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        let error = CsvReader::open(&path, File::open(&path).unwrap())
            .and_then(|mut reader| reader.next(usize::MAX))
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        refused("time,open\n", "line 1");
        refused("", "line 1");
        refused(&format!("{HEADER}\n60000,1,1,1,1,1,1,true\n120000,1,1,1,1,1,true\n"), "line 3: 7 figures");
        refused(&format!("{HEADER}\n60000,1,x,1,1,1,1,true\n"), "line 2: `x` is no number (high)");
        refused(&format!("{HEADER}\n60000,1,1,1,1,1,1,true"), "line 2: the line is cut off");
        refused(&format!("{HEADER}\n60000,1,1,1,1,1,1\n"), "line 2: the row should end in `true`");
        refused(&format!("{HEADER}\n60000,1,1,1,1,1,1,false\n"), "line 2: the row is not final");
        refused(&format!("{HEADER}\n{}\n", "9".repeat(5_000)), "line 2: the line is cut off");
        refused(&format!("{HEADER_V1}\n60000,1,1,1,1,1\n"), "line 2: 7 figures");
    }
}

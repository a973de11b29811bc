//! Bars of a CSV file, read line by line; what is wrong is named with its line.

use std::io::BufRead;

use market_backbone::{Candle, CandleColumns, CandleColumnsBuilder, Timestamp};

/// The columns that a file must have, in any order and among others.
pub(super) const COLUMNS: [&str; 6] = ["timestamp", "open", "high", "low", "close", "volume"];
/// Columns that this program writes and that a file need not have.
const FLAGS: [&str; 2] = ["final", "filled"];

/// Reads bars. Rows that are marked as filled up, or as not final, are no bars and are left out.
pub(super) fn read(mut reader: impl BufRead) -> anyhow::Result<CandleColumns> {
    let mut line = String::new();
    let mut take = |line: &mut String| {
        line.clear();
        reader.read_line(line).map(|bytes| bytes > 0)
    };
    anyhow::ensure!(
        take(&mut line)?,
        "the file is empty; its first line names the columns: {}",
        COLUMNS.join(",")
    );
    let header = Header::read(&line)?;
    let mut columns = CandleColumnsBuilder::default();
    let (mut number, mut newest) = (1_usize, None);
    loop {
        number += 1;
        let has_line = take(&mut line).map_err(|error| anyhow::anyhow!("line {number}: {error}"))?;
        if !has_line {
            break;
        }
        let text = line.trim_end_matches(['\n', '\r']);
        if text.trim().is_empty() {
            continue;
        }
        let row = header.row(text).map_err(|what| anyhow::anyhow!("line {number}: {what}"))?;
        let Some(candle) = row else { continue };
        check(&candle, newest).map_err(|what| anyhow::anyhow!("line {number}: {what}"))?;
        newest = Some(candle.open_time);
        columns.push(&candle);
    }
    Ok(columns.finish())
}

/// Checks a bar by itself and against the one before it.
pub(super) fn check(candle: &Candle, before: Option<Timestamp>) -> Result<(), String> {
    let Candle { open_time, open, high, low, close, volume, .. } = *candle;
    if !candle.is_valid() {
        return Err(format!(
            "open {open}, high {high}, low {low}, close {close}, volume {volume} cannot be a bar: prices are above 0, and \
             low is the lowest and high the highest of them"
        ));
    }
    match before {
        Some(before) if before >= open_time => Err(format!(
            "timestamp {} is not after that of the bar before, {}; sort the bars, oldest first, each once",
            open_time.as_millis(),
            before.as_millis()
        )),
        _ => Ok(()),
    }
}

/// The places of the columns.
struct Header {
    places: [usize; 6],
    flags: [Option<usize>; 2],
}

impl Header {
    fn read(line: &str) -> anyhow::Result<Self> {
        let line = line.trim_start_matches('\u{feff}').trim_end();
        let names: Vec<_> = line.split(',').map(|name| name.trim().trim_matches('"')).collect();
        let find = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let missing: Vec<_> = COLUMNS.into_iter().filter(|name| find(name).is_none()).collect();
        anyhow::ensure!(
            missing.is_empty(),
            "line 1 names no column {}; it must name {}, and has {line:?}",
            missing.join(", "),
            COLUMNS.join(",")
        );
        Ok(Self { places: COLUMNS.map(|name| find(name).unwrap_or(0)), flags: FLAGS.map(find) })
    }

    /// Reads a row; `None` if it is no bar.
    fn row(&self, line: &str) -> Result<Option<Candle>, String> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let field = |place: usize, name: &str| {
            let missing =
                || format!("there is no {name}: it has {} columns, fewer than the first line", fields.len());
            fields.get(place).copied().ok_or_else(missing)
        };
        let flag = |place: Option<usize>| place.and_then(|place| fields.get(place)).copied();
        if flag(self.flags[0]) == Some("false") || flag(self.flags[1]) == Some("true") {
            return Ok(None);
        }
        let time = field(self.places[0], COLUMNS[0])?;
        let millis: i64 = time
            .parse()
            .map_err(|_| format!("cannot read the timestamp `{time}`; it is the open time in Unix ms"))?;
        let mut figures = [0.0_f64; 5];
        for ((figure, place), name) in figures.iter_mut().zip(&self.places[1..]).zip(&COLUMNS[1..]) {
            let text = field(*place, name)?;
            *figure = text.parse().map_err(|_| format!("cannot read the {name} `{text}` as a number"))?;
        }
        let [open, high, low, close, volume] = figures;
        let open_time = Timestamp::from_millis(millis);
        Ok(Some(Candle {
            open_time,
            open,
            high,
            low,
            close,
            volume,
            turnover: volume * close,
            is_final: true,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "timestamp,open,high,low,close,volume\n";

    fn error(rows: &str) -> String {
        read(format!("{HEADER}{rows}").as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn bars_are_read_whatever_the_order_of_columns() {
        let bars = read(
            "volume,close,low,high,open,timestamp,x\r\n5,3,1,4,2,60000,?\r\n\r\n5,3,1,4,2.5,120000,?\r\n"
                .as_bytes(),
        );
        let bars = bars.unwrap();
        assert_eq!((bars.len(), bars.opens()), (2, &[2.0, 2.5][..]));
        assert_eq!(bars.first().unwrap().open_time, Timestamp::from_secs(60));
    }

    #[test]
    fn what_this_program_filled_up_is_no_bar() {
        let rows = "timestamp,open,high,low,close,volume,final,filled\n0,1,1,1,1,1,true,false\n60000,1,1,1,1,0,true,true\n120000,1,1,1,1,1,false,false\n";
        assert_eq!(read(rows.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (rows, want) in [
            ("0,1,1,1,1,1\nx,1,1,1,1,1\n", "line 3: cannot read the timestamp `x`"),
            ("0,1,1,1,1\n", "line 2: there is no volume"),
            ("0,1,1,1,one,1\n", "line 2: cannot read the close `one`"),
            ("0,1,1,2,1,1\n", "line 2: open 1, high 1, low 2"),
            ("0,1,1,NaN,1,1\n", "line 2: open 1, high 1, low NaN"),
            ("60000,1,1,1,1,1\n60000,1,1,1,1,1\n", "line 3: timestamp 60000 is not after"),
        ] {
            assert!(error(rows).contains(want), "{}", error(rows));
        }
        let header = read("timestamp,open,high,low,close\n".as_bytes()).unwrap_err().to_string();
        assert!(header.contains("no column volume"), "{header}");
        assert!(read("".as_bytes()).unwrap_err().to_string().contains("the file is empty"));
    }
}

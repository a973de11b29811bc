//! A candle, or the row of a slot without one, as CSV and as JSON.

use market_backbone::{Candle, PlainDecimal, Series, Slot, ViewRow};
use serde_json::Value;

/// The columns of the CSV. The first six have been stable from the start: new ones come behind them.
pub(crate) const CANDLE_CSV: &str = "timestamp,open,high,low,close,volume,final,filled";

/// Appends a row of a view as CSV, without the end of the line. Without a candle the values are empty.
pub(crate) fn append_csv(out: &mut Vec<u8>, row: &ViewRow) {
    append_integer(out, row.open_time.as_millis());
    match row.candle {
        Some(Candle { open, high, low, close, volume, .. }) => {
            for figure in [open, high, low, close, volume] {
                out.push(b',');
                PlainDecimal(figure).append_to(out);
            }
        }
        None => out.extend_from_slice(b",,,,,"),
    }
    for flag in [row.is_final(), row.filled] {
        out.extend_from_slice(if flag { b",true" } else { b",false" });
    }
}

/// The parts of JSON rows that all rows of a series share.
pub(crate) struct JsonRows {
    labels: Vec<u8>,
}

impl JsonRows {
    pub(crate) fn of(series: &Series) -> Self {
        let (symbol, timeframe) = (Value::from(series.symbol.code()), series.timeframe);
        let labels = format!(r#","symbol":{symbol},"timeframe":"{timeframe}","timestamp":"#);
        Self { labels: labels.into_bytes() }
    }

    /// Appends a row of a view as one JSON object, without the end of the line: a candle's keys, whether it was
    /// filled in, and the truth about the slot. The keys are in the order of the alphabet.
    pub(crate) fn append(&self, out: &mut Vec<u8>, row: &ViewRow) {
        let figure = |figure: fn(&Candle) -> f64| row.candle.as_ref().map(figure);
        append_figure(out, br#"{"close":"#, figure(|candle| candle.close));
        append_flag(out, br#","filled":"#, row.filled);
        append_flag(out, br#","final":"#, row.is_final());
        append_figure(out, br#","high":"#, figure(|candle| candle.high));
        append_figure(out, br#","low":"#, figure(|candle| candle.low));
        append_figure(out, br#","open":"#, figure(|candle| candle.open));
        out.extend_from_slice(&self.labels);
        append_integer(out, row.open_time.as_millis());
        out.extend_from_slice(match row.slot {
            Slot::Present(_) => br#","truth":"present""#.as_slice(),
            Slot::Empty => br#","truth":"empty""#,
            Slot::Unknown => br#","truth":"unknown""#,
            Slot::Disputed(_) => br#","truth":"disputed""#,
        });
        append_figure(out, br#","turnover":"#, figure(|candle| candle.turnover));
        append_figure(out, br#","volume":"#, figure(|candle| candle.volume));
        out.push(b'}');
    }
}

fn append_integer(out: &mut Vec<u8>, integer: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
}

fn append_flag(out: &mut Vec<u8>, key: &[u8], flag: bool) {
    out.extend_from_slice(key);
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

fn append_figure(out: &mut Vec<u8>, key: &[u8], figure: Option<f64>) {
    out.extend_from_slice(key);
    match figure.filter(|figure| figure.is_finite()) {
        Some(figure) => out.extend_from_slice(zmij::Buffer::new().format_finite(figure).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use market_backbone::{Symbol, Timeframe, Timestamp, UPBIT};

    const OPEN: Timestamp = Timestamp::from_millis(1_778_570_160_000);

    fn candle() -> Candle {
        Candle {
            open_time: OPEN,
            open: 116_233_000.0,
            high: 1.53e8,
            low: 0.000_000_07,
            close: 93.9,
            volume: 0.000_123_45,
            turnover: 1.0,
            is_final: true,
        }
    }

    /// Returns the row as a JSON library puts it together, key by key.
    fn by_key(row: &ViewRow, series: &Series) -> Value {
        let mut value = match &row.candle {
            Some(candle) => serde_json::to_value(candle).unwrap(),
            None => json!({
                "timestamp": row.open_time.as_millis(),
                "open": null, "high": null, "low": null, "close": null, "volume": null, "turnover": null,
            }),
        };
        value["final"] = row.is_final().into();
        value["filled"] = row.filled.into();
        value["truth"] = match row.slot {
            Slot::Present(_) => "present",
            Slot::Empty => "empty",
            Slot::Unknown => "unknown",
            Slot::Disputed(_) => "disputed",
        }
        .into();
        value["symbol"] = series.symbol.code().into();
        value["timeframe"] = series.timeframe.as_str().into();
        value
    }

    #[track_caller]
    fn check(row: &ViewRow, csv: &str) {
        let mut line = Vec::new();
        append_csv(&mut line, row);
        assert_eq!(String::from_utf8(line).unwrap(), format!("1778570160000,{csv}"));
        let series = Series::new(Symbol::new(UPBIT, "KRW-BTC").unwrap(), Timeframe::M1);
        let mut line = Vec::new();
        JsonRows::of(&series).append(&mut line, row);
        let want = by_key(row, &series);
        assert_eq!(String::from_utf8(line).unwrap(), want.to_string(), "to the byte");
        let flags = format!("{},{}", want["final"], want["filled"]);
        assert!(csv.ends_with(&flags), "JSON says {flags}");
    }

    #[test]
    fn figures_are_written_whole_and_with_a_point() {
        let row =
            ViewRow { open_time: OPEN, candle: Some(candle()), filled: false, slot: Slot::Present(candle()) };
        check(&row, "116233000.0,153000000.0,0.00000007,93.9,0.00012345,true,false");
    }

    #[test]
    fn what_may_still_change_what_is_made_up_and_what_is_unknown_says_so() {
        let forming = Candle { is_final: false, ..candle() };
        let row =
            ViewRow { open_time: OPEN, candle: Some(forming), filled: false, slot: Slot::Present(forming) };
        check(&row, "116233000.0,153000000.0,0.00000007,93.9,0.00012345,false,false");
        check(&ViewRow { candle: Some(candle()), filled: true, slot: Slot::Empty, ..row }, {
            "116233000.0,153000000.0,0.00000007,93.9,0.00012345,true,true"
        });
        check(&ViewRow { candle: None, slot: Slot::Empty, ..row }, ",,,,,true,false");
        check(&ViewRow { candle: None, slot: Slot::Unknown, ..row }, ",,,,,false,false");
        let disputed = ViewRow { slot: Slot::Disputed(Some(forming)), ..row };
        check(&disputed, "116233000.0,153000000.0,0.00000007,93.9,0.00012345,false,false");
    }
}

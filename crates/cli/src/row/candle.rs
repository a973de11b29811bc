//! A candle, or the row of a slot without one, as CSV and as JSON.

use market_backbone::{Candle, PlainDecimal, Slot, ViewRow};
use serde_json::{Value, json};

/// The columns of the CSV. The first six have been stable from the start: new ones come behind them.
pub(crate) const CANDLE_CSV: &str = "timestamp,open,high,low,close,volume,final,filled";

/// Returns a row of a view as CSV: without a candle the values are empty.
pub(crate) fn view_csv(row: &ViewRow) -> String {
    let (millis, is_final, filled) = (row.open_time.as_millis(), row.is_final(), row.filled);
    let Some(Candle { open, high, low, close, volume, .. }) = row.candle else {
        return format!("{millis},,,,,,{is_final},{filled}");
    };
    let [open, high, low, close, volume] = [open, high, low, close, volume].map(PlainDecimal);
    format!("{millis},{open},{high},{low},{close},{volume},{is_final},{filled}")
}

/// Returns a row of a view as JSON: a candle's keys, whether it was filled in, and the truth about the slot.
pub(crate) fn view_json(row: &ViewRow) -> Value {
    let mut value = match &row.candle {
        Some(candle) => candle_json(candle),
        None => json!({
            "timestamp": row.open_time.as_millis(),
            "open": null,
            "high": null,
            "low": null,
            "close": null,
            "volume": null,
            "turnover": null,
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
    value
}

fn candle_json(candle: &Candle) -> Value {
    json!({
        "timestamp": candle.open_time.as_millis(),
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "turnover": candle.turnover,
        "final": candle.is_final,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone::Timestamp;

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

    #[track_caller]
    fn check(row: &ViewRow, csv: &str) {
        assert_eq!(view_csv(row), format!("1778570160000,{csv}"));
        let json = view_json(row);
        let flags = format!("{},{}", json["final"], json["filled"]);
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
    }
}

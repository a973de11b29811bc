//! One unit under one name: `timestamp` is Unix milliseconds, and what ends in `_ns` is Unix nanoseconds.

use serde_json::{Map, Value};

/// Times that an event carries in nanoseconds under a name without a unit. Scripts rely on them; they stay beside the names
/// with a unit.
const NANOSECONDS: [&str; 5] = ["time", "received", "trade_time", "from", "to"];

/// The row with each of its times under a name that tells the unit.
pub(super) fn with_units(mut row: Value) -> Value {
    if let Value::Object(fields) = &mut row {
        for name in NANOSECONDS {
            if let Some(time) = fields.get(name).cloned() {
                fields.insert(format!("{name}_ns"), time);
            }
        }
        insert_timestamp(fields);
    }
    row
}

/// Adds the time of what happened in milliseconds; a candle has that of its opening already.
fn insert_timestamp(fields: &mut Map<String, Value>) {
    if let Some(nanos) = fields.get("time").and_then(Value::as_i64) {
        fields.entry("timestamp").or_insert_with(|| nanos.div_euclid(1_000_000).into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_time_says_its_unit() {
        let trade =
            with_units(json!({"kind": "trade", "time": 1_778_570_160_123_456_789_i64, "received": 5}));
        let want = json!({
            "kind": "trade", "time": 1_778_570_160_123_456_789_i64, "received": 5,
            "timestamp": 1_778_570_160_123_i64, "time_ns": 1_778_570_160_123_456_789_i64, "received_ns": 5,
        });
        assert_eq!(trade, want);
        let candle = with_units(json!({"kind": "candle", "timestamp": 60_000, "received": 7}));
        assert_eq!((&candle["timestamp"], &candle["received_ns"]), (&json!(60_000), &json!(7)));
        let gap = with_units(json!({"kind": "gap", "from": 3, "to": null}));
        assert_eq!((&gap["from_ns"], &gap["to_ns"], gap.get("timestamp")), (&json!(3), &Value::Null, None));
    }
}

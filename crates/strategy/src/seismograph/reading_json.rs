//! A reading as JSON: one object, the same for every program that shows scores.

use serde_json::{Map, Value, json};

use super::accumulation::AccumulationScore;
use super::anti_trap::AntiTrapReport;
use super::config_hash::ProfileTag;
use super::ignition::IgnitionScore;
use super::reading::MarketReading;
use super::score_part::ScorePart;
use crate::zen::{ZenScore, ZenUnknown};

impl MarketReading {
    /// Returns the reading as one JSON object; what is unknown is `null`, with its reason beside it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "market": self.symbol.code(),
            "time": self.time.to_string(),
            "timestamp": self.time.as_millis(),
            "last_trade_timestamp": self.last_trade.map(|time| time.as_millis()),
            "price": self.price,
            "change_percent": self.change_percent,
            "volume": self.volume,
            "mean_volume": self.mean_volume,
            "last_close": self.last_close,
            "vwap": self.vwap,
            "atr": self.atr,
            "rank": self.rank,
            "can_trade": self.can_trade(),
            "lets_orders_through": self.lets_orders_through(),
            "accumulation": self.accumulation.as_deref().map(accumulation),
            "ignition": ignition(&self.ignition),
            "anti_trap": anti_trap(&self.anti_trap),
            "zen": zen(&self.zen, self.is_diverging),
        })
    }
}

fn profile(object: &mut Map<String, Value>, tag: &ProfileTag) {
    object.insert("profile".to_owned(), json!(&*tag.name));
    object.insert("config_hash".to_owned(), json!(tag.hash.to_string()));
}

fn part(part: &ScorePart) -> Value {
    json!({ "intensity": part.intensity, "measure": part.measure, "reason": part.reason.to_string() })
}

fn accumulation(score: &AccumulationScore) -> Value {
    let parts = |parts: [(&'static str, ScorePart); 4]| -> Map<String, Value> {
        parts.iter().map(|(name, one)| ((*name).to_owned(), part(one))).collect()
    };
    let mut object = Map::new();
    for (name, value) in [
        ("v1", json!(score.v1)),
        ("v2", json!(score.v2)),
        ("v3", json!(score.v3)),
        ("is_complete", json!(score.is_complete())),
        ("stage", json!(score.stage.as_str())),
        ("stage_number", json!(score.stage.number())),
        ("can_trade", json!(score.can_trade)),
        ("is_pinned", json!(score.is_pinned)),
        ("harmony", json!(score.harmony)),
        ("redundancy", json!(score.redundancy)),
        ("parts_v2", json!(parts(score.classic.named()))),
        ("parts_v3", json!(parts(score.pinpoint.named()))),
    ] {
        object.insert(name.to_owned(), value);
    }
    profile(&mut object, &score.profile);
    Value::Object(object)
}

fn ignition(score: &IgnitionScore) -> Value {
    let mut parts = Map::new();
    for (name, points, one) in score.parts.named() {
        let mut shown = part(&one);
        shown["points"] = json!(points);
        shown["score"] = json!(one.intensity.map(|intensity| points * intensity));
        parts.insert(name.to_owned(), shown);
    }
    let mut object = Map::new();
    for (name, value) in [
        ("score", json!(score.score)),
        ("is_ignited", json!(score.is_ignited)),
        ("is_complete", json!(score.is_complete())),
        ("parts", Value::Object(parts)),
    ] {
        object.insert(name.to_owned(), value);
    }
    profile(&mut object, &score.profile);
    Value::Object(object)
}

fn anti_trap(report: &AntiTrapReport) -> Value {
    let checks: Map<String, Value> = report
        .named()
        .iter()
        .map(|(name, check)| {
            let shown =
                json!({ "outcome": check.outcome.as_str(), "measure": check.measure, "bound": check.bound });
            ((*name).to_owned(), shown)
        })
        .collect();
    json!({ "outcome": report.outcome().as_str(), "reason": report.to_string(), "checks": checks })
}

fn zen(score: &ZenScore, is_diverging: bool) -> Value {
    let reason = |figure: Result<f64, ZenUnknown>| figure.err().map(|reason| reason.to_string());
    json!({
        "zen_v": score.volume.ok(),
        "zen_v_reason": reason(score.volume),
        "zen_p": score.price.ok(),
        "zen_p_reason": reason(score.price),
        "is_diverging": is_diverging,
    })
}

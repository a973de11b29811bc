//! The scores of a market as text for people.

use std::fmt::Write;

use market_backbone::PlainDecimal;
use market_backbone::strategy::seismograph::{MarketReading, ScorePart};
use market_backbone::strategy::zen::ZenUnknown;

/// The reading as a paragraph: a line for each score, and one for each part with its reason.
pub(super) fn of(reading: &MarketReading) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, reading);
    text
}

fn write(text: &mut String, reading: &MarketReading) -> std::fmt::Result {
    let price = reading.price.map_or_else(|| "no price".to_owned(), |price| PlainDecimal(price).to_string());
    write!(text, "{}  {price}", reading.symbol)?;
    if let Some(change) = reading.change_percent {
        write!(text, "  {change:+.2} %")?;
    }
    writeln!(text, "  rank {:.1}  {}", reading.rank, reading.time)?;
    match &reading.accumulation {
        None => writeln!(text, "  accumulation: no daily candles")?,
        Some(score) => {
            let [v1, v2, v3] = [score.v1, score.v2, score.v3].map(figure);
            let trade = if score.can_trade { "may be traded" } else { "not to be traded" };
            let stage = (score.stage.number(), score.stage);
            writeln!(
                text,
                "  accumulation  V1 {v1}  V2 {v2}  V3 {v3}  stage {} {}  {trade}  [{}]",
                stage.0, stage.1, score.profile
            )?;
            for (name, one) in score.pinpoint.named() {
                part(text, name, None, &one)?;
            }
        }
    }
    let ignition = &reading.ignition;
    let state = if ignition.is_ignited { "  ignited" } else { "" };
    let known = if ignition.is_complete() { "" } else { "  (of what is known)" };
    writeln!(text, "  ignition  {:.1}{state}{known}  [{}]", ignition.score, ignition.profile)?;
    for (name, points, one) in ignition.parts.named() {
        part(text, name, Some(points), &one)?;
    }
    writeln!(text, "  traps  {}  {}", reading.anti_trap.outcome(), reading.anti_trap)?;
    let zen = |figure: Result<f64, ZenUnknown>| match figure {
        Ok(figure) => format!("{figure:.2}"),
        Err(reason) => format!("unknown ({reason})"),
    };
    let diverging = if reading.is_diverging { "  diverging" } else { "" };
    write!(text, "  zen  V {}  P {}{diverging}", zen(reading.zen.volume), zen(reading.zen.price))
}

fn figure(score: Option<f64>) -> String {
    score.map_or_else(|| "unknown".to_owned(), |score| format!("{score:.1}"))
}

fn part(text: &mut String, name: &str, points: Option<f64>, part: &ScorePart) -> std::fmt::Result {
    write!(text, "    {name:<17}")?;
    match (part.intensity, points) {
        (None, _) => write!(text, " unknown")?,
        (Some(intensity), None) => write!(text, " {intensity:>7.2}")?,
        (Some(intensity), Some(points)) => write!(text, " {:>7.1} of {points:.0}", intensity * points)?,
    }
    if let Some(measure) = part.measure {
        write!(text, "  from {measure:.4}")?;
    }
    writeln!(text, "  {}", part.reason)
}

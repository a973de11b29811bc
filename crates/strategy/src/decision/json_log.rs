//! Writes a decision log as lines of JSON.

use std::io;

use market_backbone_core::{Candle, FeedEvent, Timestamp};
use serde_json::{Value, json};

use super::{Cause, DecisionEntry, DecisionKind, DecisionLog};
use crate::broker::BrokerEvent;
use crate::order::{OrderFill, OrderKind, TrailingDistance};

/// A decision log of one JSON object a line.
///
/// Times are Unix nanoseconds, in names that end in `_ns`. Amounts and prices of orders are decimals in quotes, exact to the
/// last digit; prices of the market are numbers.
#[derive(Debug)]
pub struct JsonDecisionLog<W> {
    writer: W,
    failure: Option<io::Error>,
}

impl<W: io::Write> JsonDecisionLog<W> {
    /// Returns a log that is written to `writer`, line by line: give it a buffered one.
    pub const fn new(writer: W) -> Self {
        Self { writer, failure: None }
    }

    /// Ends the log and returns the writer.
    ///
    /// # Errors
    ///
    /// The first failure of the writer. Nothing was written after it.
    pub fn finish(mut self) -> io::Result<W> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.writer.flush().map(|()| self.writer),
        }
    }
}

impl<W: io::Write> DecisionLog for JsonDecisionLog<W> {
    fn note(&mut self, entry: &DecisionEntry<'_>) {
        if self.failure.is_none()
            && let Err(failure) = writeln!(self.writer, "{}", as_json(entry))
        {
            self.failure = Some(failure);
        }
    }
}

/// One line. The members of an object are in alphabetical order, so equal entries are equal bytes.
fn as_json(entry: &DecisionEntry<'_>) -> Value {
    let mut line = match &entry.kind {
        DecisionKind::Submit { request, outcome } => {
            let mut line = json!({
                "decision": "submit",
                "symbol": request.symbol.code(),
                "side": request.side.as_str(),
                "quantity": request.quantity,
                "terms": terms(&request.kind),
                "tag": request.tag.as_deref(),
            });
            if let Some(group) = request.oca {
                line["oca"] = json!(group);
            }
            if let Some(entry) = request.after {
                line["after"] = json!(entry);
            }
            if request.reduce_only {
                line["reduce_only"] = json!(true);
            }
            match outcome {
                Ok(order) => line["order"] = json!(order),
                Err(error) => line["refused"] = json!(error.to_string()),
            }
            line
        }
        DecisionKind::Cancel { order, outcome } => {
            json!({ "decision": "cancel", "order": order, "refused": outcome.err().map(ToString::to_string) })
        }
        DecisionKind::Amend { order, terms: new, outcome } => {
            let refused = outcome.err().map(ToString::to_string);
            json!({ "decision": "amend", "order": order, "terms": terms(new), "refused": refused })
        }
        DecisionKind::Fill(fill) => fill_json(fill),
        DecisionKind::Status(news) => status_json(news),
        DecisionKind::Gap(gap) => json!({
            "decision": "gap",
            "state": gap.state.as_str(),
            "cause": gap.cause.as_str(),
            "channels": gap.channels.iter().map(|one| format!("{} {}", one.symbol, one.kind)).collect::<Vec<_>>(),
        }),
        DecisionKind::Lagged { missed } => json!({ "decision": "lagged", "missed": missed }),
    };
    line["n"] = json!(entry.sequence);
    line["time_ns"] = json!(entry.time.as_nanos());
    line["on"] = cause(&entry.cause);
    line
}

fn cause(cause: &Cause<'_>) -> Value {
    match cause {
        Cause::Event(event) => event_json(event),
        Cause::Timer(event) => json!({ "kind": "timer", "at": event_json(event) }),
        Cause::News(BrokerEvent::Fill(fill)) => json!({ "kind": "fill", "order": fill.order }),
        Cause::News(BrokerEvent::Status { order, status, .. }) => {
            json!({ "kind": "order", "order": order, "status": status })
        }
    }
}

/// The parts of an event that do not depend on when it was received.
fn event_json(event: &FeedEvent) -> Value {
    let candle_json = |kind: &str, symbol: &str, timeframe: &str, candle: &Candle| {
        json!({
            "kind": kind, "symbol": symbol, "timeframe": timeframe, "open_time_ns": nanos(candle.open_time),
            "open": candle.open, "high": candle.high, "low": candle.low, "close": candle.close,
            "volume": candle.volume,
        })
    };
    match event {
        FeedEvent::Bar { series, candle, revision, .. } => {
            let mut bar = candle_json("bar", series.symbol.code(), series.timeframe.as_str(), candle);
            if *revision > 0 {
                bar["revision"] = json!(revision);
            }
            bar
        }
        FeedEvent::Candle { series, candle, .. } => {
            candle_json("candle", series.symbol.code(), series.timeframe.as_str(), candle)
        }
        FeedEvent::Trade(trade) | FeedEvent::Snapshot(trade) => json!({
            "kind": "trade", "symbol": trade.symbol.code(), "id": trade.id.to_string(), "at_ns": nanos(trade.time),
            "price": trade.price, "size": trade.size, "side": trade.side.map(market_backbone_core::Side::as_str),
        }),
        FeedEvent::Ticker(ticker) => {
            json!({ "kind": "ticker", "symbol": ticker.symbol.code(), "at_ns": nanos(ticker.time), "price": ticker.price })
        }
        FeedEvent::Book(book) => {
            let best = |levels: &[market_backbone_core::Level]| {
                levels.first().map(|level| [level.price, level.size])
            };
            json!({
                "kind": "book", "symbol": book.symbol.code(), "at_ns": nanos(book.time),
                "bid": best(&book.bids), "ask": best(&book.asks),
            })
        }
        FeedEvent::Band(band) => {
            json!({ "kind": "band", "symbol": band.symbol.code(), "at_ns": nanos(band.time) })
        }
        FeedEvent::Gap(gap) => json!({ "kind": "gap", "state": gap.state.as_str() }),
        FeedEvent::CaughtUp(_) => json!({ "kind": "caught_up" }),
        FeedEvent::Lagged { missed } => json!({ "kind": "lagged", "missed": missed }),
        FeedEvent::Ended { .. } => json!({ "kind": "ended" }),
        _ => json!({ "kind": "other" }),
    }
}

fn fill_json(fill: &OrderFill) -> Value {
    json!({
        "decision": "fill",
        "order": fill.order,
        "symbol": fill.symbol.code(),
        "side": fill.side.as_str(),
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_in_base": fill.fee_in_base,
        "certainty": fill.certainty,
        "at_ns": nanos(fill.time),
        "tag": fill.tag.as_deref(),
    })
}

fn status_json(news: &BrokerEvent) -> Value {
    match news {
        BrokerEvent::Status { order, symbol, status, time, reason } => json!({
            "decision": "status", "order": order, "symbol": symbol.code(), "status": status, "at_ns": nanos(*time),
            "reason": reason.as_deref(),
        }),
        BrokerEvent::Fill(fill) => fill_json(fill),
    }
}

fn terms(kind: &OrderKind) -> Value {
    match kind {
        OrderKind::Market => json!("market"),
        OrderKind::Limit { price } => json!({ "limit": price }),
        OrderKind::Stop { trigger } => json!({ "stop": trigger }),
        OrderKind::StopLimit { trigger, price } => json!({ "stop": trigger, "limit": price }),
        OrderKind::Trailing { distance: TrailingDistance::Absolute(by) } => json!({ "trail_by": by }),
        OrderKind::Trailing { distance: TrailingDistance::Fraction(share) } => {
            json!({ "trail_share": share })
        }
    }
}

fn nanos(time: Timestamp) -> i64 {
    time.as_nanos()
}

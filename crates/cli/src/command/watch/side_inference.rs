//! Infers the taker side of trades where the venue does not report it; it is shown as inferred, beside the
//! venue's own data.

use std::collections::HashMap;

use market_backbone::{FeedEvent, InferredSide, SideInference, Symbol};

use crate::row;
use crate::terminal::TextStyle;

/// The inferences of one watch, separate for each market.
#[derive(Debug, Default)]
pub(in crate::command) struct SideInferences(HashMap<Symbol, SideInference>);

impl SideInferences {
    /// Records an event, and infers the taker side of a trade without one.
    pub(in crate::command) fn observe(&mut self, event: &FeedEvent) -> Option<InferredSide> {
        match event {
            FeedEvent::Trade(trade) if trade.side.is_none() => {
                self.0.entry(trade.symbol.clone()).or_default().trade(trade.price)
            }
            FeedEvent::Book(book) => {
                let (bid, ask) = (book.best_bid().unwrap_or_default(), book.best_ask().unwrap_or_default());
                self.0.entry(book.symbol.clone()).or_default().quote(bid.price, ask.price);
                None
            }
            _ => None,
        }
    }
}

/// Returns an event as one JSON object, with the inference in keys of its own.
pub(in crate::command) fn json(event: &FeedEvent, guess: Option<InferredSide>) -> String {
    let mut value = row::event_json(event);
    if let Some(InferredSide { side, rule }) = guess {
        value["inferred_side"] = side.as_str().into();
        value["inferred_by"] = rule.as_str().into();
    }
    value.to_string()
}

/// An event as a line of text on stdout.
pub(in crate::command) fn shown(event: &FeedEvent, guess: Option<InferredSide>) -> String {
    styled(event, guess, TextStyle::of_stdout())
}

/// An event as a line of text in a file.
pub(in crate::command) fn text(event: &FeedEvent, guess: Option<InferredSide>) -> String {
    styled(event, guess, TextStyle::PLAIN)
}

fn styled(event: &FeedEvent, guess: Option<InferredSide>, style: TextStyle) -> String {
    let text = row::event_text(event, style);
    match guess {
        Some(InferredSide { side, rule }) => {
            format!("{text} (probably {}, by {})", side.as_str(), rule.as_str())
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use market_backbone::{Level, MASSIVE, OrderBook, Timestamp, Trade, TradeId, UPBIT};

    fn trade(price: f64) -> FeedEvent {
        let symbol = Symbol::new(MASSIVE, "AAPL").unwrap();
        let (id, time) = (TradeId::Number(1), Timestamp::EPOCH);
        FeedEvent::Trade(Trade { symbol, id, price, size: 1.0, side: None, time, received: time })
    }

    fn book(bid: f64, ask: f64) -> FeedEvent {
        let level = |price| vec![Level { price, size: 1.0 }];
        FeedEvent::Book(Arc::new(OrderBook {
            symbol: Symbol::new(MASSIVE, "AAPL").unwrap(),
            asks: level(ask),
            bids: level(bid),
            total_ask_size: None,
            total_bid_size: None,
            time: Timestamp::EPOCH,
            received: Timestamp::EPOCH,
        }))
    }

    #[test]
    fn a_guess_is_reported_beside_what_the_venue_said_with_its_rule() {
        let mut sides = SideInferences::default();
        assert_eq!(sides.observe(&trade(10.0)), None);
        let guess = sides.observe(&trade(10.1));
        let line: serde_json::Value = serde_json::from_str(&json(&trade(10.1), guess)).unwrap();
        assert!(line["side"].is_null());
        assert_eq!((&line["inferred_side"], &line["inferred_by"]), (&"buy".into(), &"tick".into()));
        assert_eq!(sides.observe(&book(10.1, 10.3)), None);
        let guess = sides.observe(&trade(10.12));
        assert!(text(&trade(10.12), guess).ends_with("(probably sell, by quote)"));
    }

    #[test]
    fn who_says_so_himself_is_not_guessed_about() {
        let symbol = Symbol::new(UPBIT, "KRW-BTC").unwrap();
        let FeedEvent::Trade(trade) = trade(1.0) else { unreachable!() };
        let said = Trade { symbol, side: Some(market_backbone::Side::Sell), ..trade };
        let mut sides = SideInferences::default();
        assert_eq!(sides.observe(&FeedEvent::Trade(said.clone())), None);
        assert_eq!(sides.observe(&FeedEvent::Trade(Trade { price: 2.0, ..said })), None);
    }
}

//! Events as text for people.

use market_backbone::{Candle, FeedEvent, Gap, GapState, OrderBook, Series, Side, Ticker, Timestamp, Trade};

use crate::terminal::{TextStyle, Tint};

/// An event on one line, with the time of day at which it happened.
pub(crate) fn event_text(event: &FeedEvent, style: TextStyle) -> String {
    let moment = match event {
        FeedEvent::Trade(trade) | FeedEvent::Snapshot(trade) => Some(trade.time),
        FeedEvent::Ticker(ticker) => Some(ticker.time),
        FeedEvent::Book(book) => Some(book.time),
        FeedEvent::Band(band) => Some(band.time),
        FeedEvent::Candle { received, .. } | FeedEvent::Bar { received, .. } => Some(*received),
        FeedEvent::Gap(gap) => Some(gap.from),
        _ => None,
    };
    let body = event_body(event, style);
    match moment {
        Some(moment) => format!("{} {body}", style.paint(Tint::Faint, &clock(moment))),
        None => body,
    }
}

/// An event on one line, without a time in front.
pub(crate) fn event_body(event: &FeedEvent, style: TextStyle) -> String {
    match event {
        FeedEvent::Trade(trade) => trade_text(trade, style),
        FeedEvent::Snapshot(trade) => {
            format!("{} (the last one before, of {})", trade_text(trade, style), trade.time)
        }
        FeedEvent::Ticker(ticker) => ticker_text(ticker, style),
        FeedEvent::Book(book) => book_text(book, style),
        FeedEvent::Band(band) => {
            let [low, high] = [band.low, band.high].map(|price| number(price, style));
            format!("{:<12} band   {low} to {high}", band.symbol)
        }
        FeedEvent::Candle { series, candle, .. } => candle_text("candle", series, candle, style),
        FeedEvent::Bar { series, candle, revision, is_quiet, .. } => {
            let revised = if *revision > 0 { format!(" (revision {revision})") } else { String::new() };
            let quiet = if *is_quiet { " (nothing was traded)" } else { "" };
            format!("{}{revised}{quiet}", candle_text("bar", series, candle, style))
        }
        FeedEvent::Ended { reason } => style.paint(Tint::Warning, &format!("ended: {reason}")),
        FeedEvent::Gap(gap) => gap_text(gap, style),
        FeedEvent::CaughtUp(_) => "caught up; live from here on".to_owned(),
        FeedEvent::Lagged { missed } => {
            style.paint(Tint::Warning, &format!("too slow: {missed} events were dropped"))
        }
        other => format!("{other:?}"),
    }
}

/// A trade, with the venue's id: two trades of a burst may agree in all else.
fn trade_text(trade: &Trade, style: TextStyle) -> String {
    let Trade { symbol, price, size, id, .. } = trade;
    let side = style.side(trade.side);
    let id = style.paint(Tint::Faint, &format!("#{id}"));
    format!("{symbol:<12} trade  {side} {:>16} x {size}  {id}", number(*price, style))
}

fn ticker_text(ticker: &Ticker, style: TextStyle) -> String {
    let rate = ticker.change_rate();
    let change = style.paint(tint_of_change(rate), &format!("{:+.2} %", rate * 100.0));
    format!("{:<12} ticker      {:>16} {change}", ticker.symbol, number(ticker.price, style))
}

fn book_text(book: &OrderBook, style: TextStyle) -> String {
    let (bid, ask) = (book.best_bid().unwrap_or_default(), book.best_ask().unwrap_or_default());
    let bid = style.paint(Tint::Up, &format!("{} x {}", number(bid.price, style), bid.size));
    let ask = style.paint(Tint::Down, &format!("{} x {}", number(ask.price, style), ask.size));
    format!("{:<12} book   {bid} | {ask}", book.symbol)
}

/// A candle as it stands, with the time at which it opened.
pub(crate) fn candle_text(what: &str, series: &Series, candle: &Candle, style: TextStyle) -> String {
    let Candle { open, high, low, close, volume, .. } = candle;
    let [open, high, low, close] = [open, high, low, close].map(|price| number(*price, style));
    format!(
        "{:<12} {what:<6} {} {} open {open} high {high} low {low} close {close} volume {volume}",
        series.symbol,
        series.timeframe,
        clock(candle.open_time),
    )
}

fn gap_text(gap: &Gap, style: TextStyle) -> String {
    let to = gap.to.map_or_else(|| "now".to_owned(), |to| to.to_string());
    let loss = gap.loss.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let text = format!("gap {} ({}), {} to {to}{loss}", gap.state.as_str(), gap.cause.as_str(), gap.from);
    let tint = if gap.state == GapState::Healed { Tint::Up } else { Tint::Warning };
    style.paint(tint, &text)
}

impl TextStyle {
    /// The taker's side, four characters wide.
    fn side(self, side: Option<Side>) -> String {
        let (word, tint) = match side {
            Some(Side::Buy) => ("buy ", Tint::Up),
            Some(Side::Sell) => ("sell", Tint::Down),
            None => return "    ".to_owned(),
        };
        self.paint(tint, word)
    }
}

/// Green for what rose, red for what fell.
pub(crate) fn tint_of_change(rate: f64) -> Tint {
    if rate < 0.0 { Tint::Down } else { Tint::Up }
}

/// A price as text.
pub(crate) fn number(figure: f64, style: TextStyle) -> String {
    style.number(&figure.to_string())
}

/// The time of day, to the millisecond, UTC.
pub(crate) fn clock(moment: Timestamp) -> String {
    let millis = moment.as_millis().rem_euclid(86_400_000);
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", millis / 1_000 % 60, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use market_backbone::{Symbol, TradeId, UPBIT};

    use super::*;

    #[test]
    fn the_time_of_day_wraps_at_midnight() {
        assert_eq!(clock(Timestamp::from_millis(86_400_000 + 3_723_004)), "01:02:03.004");
    }

    #[test]
    fn trades_that_agree_in_all_else_are_told_apart_by_their_ids() {
        let trade = |id| Trade {
            symbol: Symbol::new(UPBIT, "KRW-XRP").unwrap(),
            id: TradeId::Number(id),
            price: 1_693.0,
            size: 12.5,
            side: Some(Side::Sell),
            time: Timestamp::from_secs(1),
            received: Timestamp::from_secs(1),
        };
        let text = |id| event_text(&FeedEvent::Trade(trade(id)), TextStyle::PLAIN);
        assert_eq!(text(1), "00:00:01.000 KRW-XRP      trade  sell             1693 x 12.5  #1");
        assert_ne!(text(1), text(2));
        let shown = event_text(&FeedEvent::Trade(trade(1)), TextStyle { colours: true, separators: true });
        assert!(shown.contains("\u{1b}[31msell") && shown.contains("1,693"), "{shown:?}");
    }
}

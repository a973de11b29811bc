//! Trades as traders count them: from the fill that opens a position to the fill that closes it.

use market_backbone_core::{Side, Timestamp};

use crate::decimals::nearest;
use crate::order::{FillCertainty, OrderFill};

/// What is left of a position counts as nothing below this share of it: fees in the base currency and lots leave dust.
const DUST: f64 = 1e-6;

/// A position from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTrip {
    /// The market, as an index into the report's list of markets.
    pub market: u32,
    /// `true` for a position that was bought first, `false` for one that was sold short.
    pub is_long: bool,
    /// The least certain of its fills.
    pub certainty: FillCertainty,
    /// The time of the first fill.
    pub entered: Timestamp,
    /// The time of the last fill.
    pub left: Timestamp,
    /// The amount that was entered, in the base currency.
    pub quantity: f64,
    /// The average price of entry, in the quote currency.
    pub entry_price: f64,
    /// The average price of exit, in the quote currency.
    pub exit_price: f64,
    /// The fees of all its fills, in the quote currency.
    pub fees: f64,
    /// The profit after fees, in the quote currency.
    pub profit: f64,
}

impl RoundTrip {
    /// Returns the profit as a share of what was entered.
    #[must_use]
    pub fn profit_share(&self) -> f64 {
        self.profit / (self.quantity * self.entry_price)
    }
}

/// The position of one market that has not ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TradeBook {
    held: f64,
    open: Option<OpenTrip>,
}

#[derive(Clone, Copy, Debug)]
struct OpenTrip {
    is_long: bool,
    certainty: FillCertainty,
    entered: Timestamp,
    quantity_in: f64,
    value_in: f64,
    quantity_out: f64,
    value_out: f64,
    fees: f64,
}

/// What counts of a fill, as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FillFigures {
    /// Above zero for what was bought.
    pub(crate) signed: f64,
    pub(crate) price: f64,
    /// The fee in the quote currency, whatever it was taken in.
    pub(crate) fee: f64,
}

impl FillFigures {
    pub(crate) fn of(fill: &OrderFill) -> Self {
        let (price, quantity) = (nearest(fill.price), nearest(fill.quantity));
        let signed = if fill.side == Side::Buy { quantity } else { -quantity };
        let fee = nearest(fill.fee);
        Self { signed, price, fee: if fill.fee_in_base { fee * price } else { fee } }
    }
}

impl TradeBook {
    /// Whether a position is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes a fill in, and returns the trade that ends with it. A fill that turns a position round ends one trade and
    /// begins another.
    pub(crate) fn take(&mut self, fill: &OrderFill, figures: FillFigures, market: u32) -> Option<RoundTrip> {
        let FillFigures { signed, price, fee } = figures;
        let before = self.held;
        let opposes = before != 0.0 && (before > 0.0) != (signed > 0.0);
        if !opposes {
            self.held = before + signed;
            self.enter(fill, signed.abs(), price, fee);
            return None;
        }
        let closing = signed.abs().min(before.abs());
        let share = closing / signed.abs();
        let beyond = signed.abs() - closing;
        self.held = before + signed;
        let trip = self.open.as_mut()?;
        trip.certainty = trip.certainty.max(fill.certainty);
        trip.quantity_out += closing;
        trip.value_out += closing * price;
        trip.fees += fee * share;
        let rest = trip.quantity_in - trip.quantity_out;
        if rest > DUST * trip.quantity_in {
            return None;
        }
        let ended = self.open.take().map(|trip| trip.end(fill.time, market));
        if beyond > DUST * closing {
            self.held = if signed > 0.0 { beyond } else { -beyond };
            self.enter(fill, beyond, price, fee * (1.0 - share));
        } else {
            self.held = 0.0;
        }
        ended
    }

    fn enter(&mut self, fill: &OrderFill, quantity: f64, price: f64, fee: f64) {
        let trip = self.open.get_or_insert(OpenTrip {
            is_long: fill.side == Side::Buy,
            certainty: fill.certainty,
            entered: fill.time,
            quantity_in: 0.0,
            value_in: 0.0,
            quantity_out: 0.0,
            value_out: 0.0,
            fees: 0.0,
        });
        trip.certainty = trip.certainty.max(fill.certainty);
        trip.quantity_in += quantity;
        trip.value_in += quantity * price;
        trip.fees += fee;
    }
}

impl OpenTrip {
    fn end(self, left: Timestamp, market: u32) -> RoundTrip {
        let entry_price = self.value_in / self.quantity_in;
        let exit_price = self.value_out / self.quantity_out;
        let moved = self.value_out - entry_price * self.quantity_out;
        let gross = if self.is_long { moved } else { -moved };
        RoundTrip {
            market,
            is_long: self.is_long,
            certainty: self.certainty,
            entered: self.entered,
            left,
            quantity: self.quantity_in,
            entry_price,
            exit_price,
            fees: self.fees,
            profit: gross - self.fees,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderId;
    use market_backbone_core::{Symbol, VenueId};
    use rust_decimal::Decimal;

    fn fill(side: Side, quantity: i64, price: i64, fee: i64) -> OrderFill {
        OrderFill {
            order: OrderId(1),
            symbol: Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(),
            side,
            time: Timestamp::from_secs(price),
            price: Decimal::from(price),
            quantity: Decimal::from(quantity),
            fee: Decimal::from(fee),
            fee_in_base: false,
            certainty: FillCertainty::Proven,
            tag: None,
        }
    }

    fn take(book: &mut TradeBook, fill: &OrderFill) -> Option<RoundTrip> {
        book.take(fill, FillFigures::of(fill), 0)
    }

    #[test]
    fn a_position_in_parts_is_one_trade() {
        let mut book = TradeBook::default();
        assert_eq!(take(&mut book, &fill(Side::Buy, 1, 100, 1)), None);
        assert_eq!(take(&mut book, &fill(Side::Buy, 1, 120, 1)), None);
        assert_eq!(take(&mut book, &fill(Side::Sell, 1, 130, 1)), None);
        let trip = take(&mut book, &fill(Side::Sell, 1, 140, 1)).unwrap();
        assert_eq!((trip.entry_price, trip.exit_price, trip.quantity), (110.0, 135.0, 2.0));
        assert_eq!((trip.profit, trip.fees, book.is_open()), (46.0, 4.0, false));
    }

    #[test]
    fn a_fill_that_turns_a_position_round_ends_one_trade_and_begins_another() {
        let mut book = TradeBook::default();
        take(&mut book, &fill(Side::Buy, 1, 100, 0));
        let long = take(&mut book, &fill(Side::Sell, 3, 110, 3)).unwrap();
        assert_eq!((long.profit, long.fees, book.is_open()), (9.0, 1.0, true));
        let short = take(&mut book, &fill(Side::Buy, 2, 105, 0)).unwrap();
        assert_eq!((short.is_long, short.profit, short.quantity), (false, 8.0, 2.0));
    }
}

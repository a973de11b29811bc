//! The state that a paper broker keeps of one market.

use market_backbone_core::{Symbol, Timeframe, Timestamp};
use rust_decimal::Decimal;

use super::account::Holding;
use super::config::FillSource;
use super::depth::TakenLevels;
use super::working_order::WorkingOrder;
use crate::decimals::decimal;
use crate::order::{OrderId, Position};

/// One market: its orders, what is held of it, and what has arrived of it.
#[derive(Debug)]
pub(crate) struct PaperMarket {
    pub(crate) symbol: Symbol,
    /// The orders that have not ended, oldest first.
    pub(crate) orders: Vec<WorkingOrder>,
    pub(crate) holding: Holding,
    /// The holding as strategies see it, kept because its average takes a division.
    pub(crate) position: Position,
    /// The latest price; not a number before the first.
    pub(crate) mark: f64,
    /// The shortest bars that have arrived. Longer ones would show the same trades again.
    pub(crate) timeframe: Option<Timeframe>,
    /// The open time of the newest bar that was worked through.
    pub(crate) newest_bar: Timestamp,
    pub(crate) saw_trades: bool,
    pub(crate) saw_books: bool,
    pub(crate) taken: TakenLevels,
}

impl PaperMarket {
    pub(crate) fn new(symbol: Symbol) -> Self {
        Self {
            symbol,
            orders: Vec::new(),
            holding: Holding::default(),
            position: Position::default(),
            mark: f64::NAN,
            timeframe: None,
            newest_bar: Timestamp::MIN,
            saw_trades: false,
            saw_books: false,
            taken: TakenLevels::default(),
        }
    }

    /// Returns whether bars fill the orders of this market.
    pub(crate) const fn fills_from_bars(&self, source: FillSource) -> bool {
        match source {
            FillSource::Finest => !self.saw_trades && !self.saw_books,
            FillSource::Bars => true,
            FillSource::Trades | FillSource::Books => false,
        }
    }

    /// Returns whether these are the bars that fill orders: the shortest ones. Remembers them.
    pub(crate) fn takes_bars_of(&mut self, timeframe: Timeframe) -> bool {
        match self.timeframe {
            Some(known) if known == timeframe => true,
            Some(known) if known < timeframe => false,
            Some(_) | None => {
                self.timeframe = Some(timeframe);
                true
            }
        }
    }

    pub(crate) fn order_mut(&mut self, order: OrderId) -> Option<&mut WorkingOrder> {
        // Orders are sorted by their numbers, because each new one has the highest.
        let at = self.orders.binary_search_by_key(&order, |open| open.id).ok()?;
        self.orders.get_mut(at)
    }

    /// Marks the open orders: what would have become of them in a lost span nobody knows.
    pub(crate) fn doubt(&mut self) {
        for order in &mut self.orders {
            order.is_doubtful = true;
        }
    }

    /// Returns the value of what is held at the latest price.
    pub(crate) fn value(&self) -> Decimal {
        self.holding.quantity * decimal(self.mark).unwrap_or(self.position.entry_price)
    }
}

//! The limits on the number of followed channels.

use std::time::Duration;

use market_backbone_core::StreamKind;

/// The limits on the number of followed channels. If more are wanted, the most urgent are followed. Default:
/// no limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SubscriptionLimits {
    pub(crate) total: usize,
    pub(crate) trade: usize,
    pub(crate) ticker: usize,
    pub(crate) book: usize,
    pub(crate) band: usize,
    pub(crate) candle: usize,
    pub(crate) hysteresis: f64,
    pub(crate) min_stay: Duration,
}

market_backbone_core::setters!(SubscriptionLimits {
    /// The largest number of channels of all kinds together.
    #[getter(get_total)]
    total: usize,
    /// The largest number of trade channels.
    #[getter(get_trade)]
    trade: usize,
    /// The largest number of ticker channels.
    #[getter(get_ticker)]
    ticker: usize,
    /// The largest number of order book channels.
    #[getter(get_book)]
    book: usize,
    /// The largest number of price band channels.
    #[getter(get_band)]
    band: usize,
    /// The largest number of candle channels of each timeframe.
    #[getter(get_candle)]
    candle: usize,
    /// The share of its score by which a waiting channel must beat a followed one to replace it. Default:
    /// 0.1.
    #[getter(get_hysteresis)]
    hysteresis: f64,
    /// The time for which a new channel cannot be replaced by others of the same interest. Default: 10 s.
    #[getter(get_min_stay)]
    min_stay: Duration,
});

impl SubscriptionLimits {
    /// Returns how many channels of `kind` may be followed.
    #[must_use]
    pub const fn limit_for(&self, kind: StreamKind) -> usize {
        match kind {
            StreamKind::Trade => self.trade,
            StreamKind::Ticker => self.ticker,
            StreamKind::Book => self.book,
            StreamKind::Band => self.band,
            StreamKind::Candle(_) | StreamKind::Bar(_) => self.candle,
            _ => self.total,
        }
    }
}

impl Default for SubscriptionLimits {
    fn default() -> Self {
        Self {
            total: usize::MAX,
            trade: usize::MAX,
            ticker: usize::MAX,
            book: usize::MAX,
            band: usize::MAX,
            candle: usize::MAX,
            hysteresis: 0.1,
            min_stay: Duration::from_secs(10),
        }
    }
}

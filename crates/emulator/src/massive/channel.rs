//! The channels of a stock, and their names in subscriptions.

/// The channel at the beginning of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StockChannel {
    /// The channel of second bars, `A`.
    Second,
    /// The channel of minute bars, `AM`.
    Minute,
    /// The channel of trades, `T`.
    Trade,
    /// The channel of quotes, `Q`.
    Quote,
    /// The channel of price bands, `LULD`.
    Band,
}

impl StockChannel {
    pub(crate) const ALL: [Self; 5] = [Self::Second, Self::Minute, Self::Trade, Self::Quote, Self::Band];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "A" => Self::Second,
            "AM" => Self::Minute,
            "T" => Self::Trade,
            "Q" => Self::Quote,
            "LULD" => Self::Band,
            _ => return None,
        })
    }
}

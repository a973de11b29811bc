//! The routes of the Massive emulator.

use crate::massive::plan::Entitlement;

/// A route; tickers and times as they stand in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MassiveRoute {
    Range {
        ticker: String,
        multiplier: String,
        timespan: String,
        from: String,
        to: String,
    },
    Grouped {
        date: String,
    },
    Previous {
        ticker: String,
    },
    OpenClose {
        ticker: String,
        date: String,
    },
    Trades {
        ticker: String,
    },
    Quotes {
        ticker: String,
    },
    LastTrade {
        ticker: String,
    },
    LastQuote {
        ticker: String,
    },
    Snapshots,
    Snapshot {
        ticker: String,
    },
    Movers {
        gainers: bool,
    },
    Tickers,
    TickerDetails {
        ticker: String,
    },
    StatusNow,
    StatusUpcoming,
    Splits,
    Dividends,
    Exchanges,
    Conditions,
    /// The socket, and whether it is the one with a delay of 15 minutes.
    Socket {
        delayed: bool,
    },
}

/// Returns whether a path is for this venue: no path of the others begins like one of these.
pub(crate) fn is_ours(path: &str) -> bool {
    ["/v2", "/v3", "/stocks", "/delayed", "/v1/open-close", "/v1/marketstatus"]
        .iter()
        .any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

impl MassiveRoute {
    pub(crate) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        let own = |text: &str| text.to_owned();
        Some(match parts.as_slice() {
            ["v2", "aggs", "ticker", ticker, "range", multiplier, timespan, from, to] => Self::Range {
                ticker: own(ticker),
                multiplier: own(multiplier),
                timespan: own(timespan),
                from: own(from),
                to: own(to),
            },
            ["v2", "aggs", "grouped", "locale", "us", "market", "stocks", date] => {
                Self::Grouped { date: own(date) }
            }
            ["v2", "aggs", "ticker", ticker, "prev"] => Self::Previous { ticker: own(ticker) },
            ["v1", "open-close", ticker, date] => Self::OpenClose { ticker: own(ticker), date: own(date) },
            ["v3", "trades", ticker] => Self::Trades { ticker: own(ticker) },
            ["v3", "quotes", ticker] => Self::Quotes { ticker: own(ticker) },
            ["v2", "last", "trade", ticker] => Self::LastTrade { ticker: own(ticker) },
            ["v2", "last", "nbbo", ticker] => Self::LastQuote { ticker: own(ticker) },
            ["v2", "snapshot", "locale", "us", "markets", "stocks", rest @ ..] => match rest {
                ["tickers"] => Self::Snapshots,
                ["tickers", ticker] => Self::Snapshot { ticker: own(ticker) },
                ["gainers"] => Self::Movers { gainers: true },
                ["losers"] => Self::Movers { gainers: false },
                _ => return None,
            },
            ["v3", "reference", "tickers"] => Self::Tickers,
            ["v3", "reference", "tickers", ticker] => Self::TickerDetails { ticker: own(ticker) },
            ["v1", "marketstatus", "now"] => Self::StatusNow,
            ["v1", "marketstatus", "upcoming"] => Self::StatusUpcoming,
            ["stocks", "v1", "splits"] | ["v3", "reference", "splits"] => Self::Splits,
            ["stocks", "v1", "dividends"] | ["v3", "reference", "dividends"] => Self::Dividends,
            ["v3", "reference", "exchanges"] => Self::Exchanges,
            ["v3", "reference", "conditions"] => Self::Conditions,
            ["stocks"] => Self::Socket { delayed: false },
            ["delayed", "stocks"] => Self::Socket { delayed: true },
            _ => return None,
        })
    }

    /// Returns its name in the report.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Range { .. } => "aggs/range",
            Self::Grouped { .. } => "aggs/grouped",
            Self::Previous { .. } => "aggs/prev",
            Self::OpenClose { .. } => "open-close",
            Self::Trades { .. } => "trades",
            Self::Quotes { .. } => "quotes",
            Self::LastTrade { .. } => "last/trade",
            Self::LastQuote { .. } => "last/nbbo",
            Self::Snapshots => "snapshot/all",
            Self::Snapshot { .. } => "snapshot/one",
            Self::Movers { gainers: true } => "snapshot/gainers",
            Self::Movers { gainers: false } => "snapshot/losers",
            Self::Tickers => "reference/tickers",
            Self::TickerDetails { .. } => "reference/ticker",
            Self::StatusNow => "marketstatus/now",
            Self::StatusUpcoming => "marketstatus/upcoming",
            Self::Splits => "splits",
            Self::Dividends => "dividends",
            Self::Exchanges => "reference/exchanges",
            Self::Conditions => "reference/conditions",
            Self::Socket { .. } => "websocket",
        }
    }

    /// Returns the permission that a plan needs for it.
    pub(crate) const fn entitlement(&self) -> Entitlement {
        match self {
            Self::Trades { .. } | Self::LastTrade { .. } => Entitlement::Trades,
            Self::Quotes { .. } | Self::LastQuote { .. } => Entitlement::Quotes,
            Self::Snapshots | Self::Snapshot { .. } | Self::Movers { .. } => Entitlement::Snapshots,
            _ => Entitlement::Bars,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        assert_eq!(
            MassiveRoute::of("/v2/aggs/ticker/BRK.A/prev"),
            Some(MassiveRoute::Previous { ticker: "BRK.A".to_owned() })
        );
        assert_eq!(MassiveRoute::of("/stocks"), Some(MassiveRoute::Socket { delayed: false }));
        assert_eq!(MassiveRoute::of("/v2/ticks/stocks/trades/AAPL/2020-01-01"), None);
        for (path, want) in [
            ("/v2/anything", true),
            ("/stocks/v1/splits", true),
            ("/v1/open-close/AAPL/2026-08-06", true),
            ("/v1/candles/days", false),
            ("/v1/market/all", false),
            ("/v1/open-closed", false),
            ("/websocket/v1", false),
        ] {
            assert_eq!(is_ours(path), want, "{path}");
        }
    }
}

//! The routes of the Upbit emulator, and the limits they count against.

use axum::extract::Query;
use http::Uri;

use super::api_error::UpbitApiError;
use crate::faults::{ColumnNames, PageKind, TimestampEncoding};
use crate::limiter::EmulatorLimit;
use crate::tape::CandleInterval;

/// The units of minute candles.
const MINUTE_UNITS: [i64; 8] = [1, 3, 5, 10, 15, 30, 60, 240];

/// The limit of requests that carry an `Origin`, on any route.
pub(crate) const ORIGIN: EmulatorLimit =
    EmulatorLimit { group: "origin", requests: 1, window_us: 10_000_000 };

/// A route of the REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpbitRoute {
    Listing,
    Candles(CandleInterval),
    /// A unit of minutes without candles.
    BadMinutes(UpbitApiError),
    Trades,
    Ticker,
    TickerAll,
    Orderbook,
    Instruments,
    Socket,
}

impl UpbitRoute {
    /// Returns the route of a path, with or without the prefix `/v1`.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if matches!(path.trim_end_matches('/'), "/websocket/v1") {
            return Some(Self::Socket);
        }
        let path = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        Some(match path.strip_prefix('/')? {
            "market/all" => Self::Listing,
            "candles/seconds" => Self::Candles(CandleInterval::Second),
            "candles/days" => Self::Candles(CandleInterval::Day),
            "candles/weeks" => Self::Candles(CandleInterval::Week),
            "candles/months" => Self::Candles(CandleInterval::Month),
            "candles/years" => Self::Candles(CandleInterval::Year),
            "trades/ticks" => Self::Trades,
            "ticker" => Self::Ticker,
            "ticker/all" => Self::TickerAll,
            "orderbook" => Self::Orderbook,
            "orderbook/instruments" => Self::Instruments,
            other => match other.strip_prefix("candles/minutes/")?.parse::<i64>() {
                Ok(unit) if MINUTE_UNITS.contains(&unit) => Self::Candles(CandleInterval::Minutes(unit)),
                Ok(_) => Self::BadMinutes(UpbitApiError::BadUnit),
                Err(_) => Self::BadMinutes(UpbitApiError::TypeMismatch),
            },
        })
    }

    /// Returns its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Listing => "market/all",
            Self::Candles(CandleInterval::Second) => "candles/seconds",
            Self::Candles(CandleInterval::Minutes(_)) | Self::BadMinutes(_) => "candles/minutes",
            Self::Candles(CandleInterval::Day) => "candles/days",
            Self::Candles(CandleInterval::Week) => "candles/weeks",
            Self::Candles(CandleInterval::Month) => "candles/months",
            Self::Candles(CandleInterval::Year) => "candles/years",
            Self::Trades => "trades/ticks",
            Self::Ticker => "ticker",
            Self::TickerAll => "ticker/all",
            Self::Orderbook => "orderbook",
            Self::Instruments => "orderbook/instruments",
            Self::Socket => "websocket",
        }
    }

    /// Returns the kind of page that answers it, where its rows can have faults.
    pub(crate) const fn page(self) -> Option<PageKind> {
        match self {
            Self::Listing => Some(PageKind::Markets),
            Self::Candles(_) => Some(PageKind::Candles),
            Self::Trades => Some(PageKind::Trades),
            Self::Ticker | Self::TickerAll => Some(PageKind::Tickers),
            Self::BadMinutes(_) | Self::Orderbook | Self::Instruments | Self::Socket => None,
        }
    }

    /// Returns the names of the columns that can be corrupted.
    pub(crate) fn columns(self) -> ColumnNames {
        let market = Some("market");
        let summary = ColumnNames {
            market,
            open: Some("opening_price"),
            high: Some("high_price"),
            low: Some("low_price"),
            close: Some("trade_price"),
            ..ColumnNames::default()
        };
        match self {
            Self::Candles(_) => ColumnNames {
                time: Some(("candle_date_time_utc", TimestampEncoding::Stamp)),
                volume: Some("candle_acc_trade_volume"),
                ..summary
            },
            Self::Trades => ColumnNames {
                market,
                time: Some(("timestamp", TimestampEncoding::Ms)),
                id: Some("sequential_id"),
                close: Some("trade_price"),
                volume: Some("trade_volume"),
                ..ColumnNames::default()
            },
            Self::Ticker | Self::TickerAll => {
                // No other price is needed: a ticker is requested for its last price.
                ColumnNames {
                    time: Some(("trade_timestamp", TimestampEncoding::Ms)),
                    open: None,
                    low: None,
                    ..summary
                }
            }
            Self::Listing | Self::BadMinutes(_) | Self::Orderbook | Self::Instruments | Self::Socket => {
                ColumnNames { market, ..ColumnNames::default() }
            }
        }
    }

    /// Returns the limit it counts against, with the group's name on the wire.
    pub(crate) const fn limit(self) -> EmulatorLimit {
        let (group, requests) = match self {
            Self::Listing => ("market", 10),
            Self::Candles(_) | Self::BadMinutes(_) => ("candles", 10),
            Self::Trades => ("crix-trades", 10),
            Self::Ticker | Self::TickerAll => ("ticker", 10),
            Self::Orderbook | Self::Instruments => ("orderbook", 10),
            Self::Socket => ("websocket", 5),
        };
        EmulatorLimit { group, requests, window_us: 1_000_000 }
    }
}

/// Returns the constant that the deprecated `min` of `remaining-req` shows.
pub(crate) fn minute_constant(limit: EmulatorLimit) -> u32 {
    match limit.group {
        "origin" => 6,
        "websocket" => 300,
        _ => 600,
    }
}

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct UpbitQueryParams(Vec<(String, String)>);

impl UpbitQueryParams {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default())
    }

    /// Returns the value under any of its spellings (snake case and camel case both work); empty counts as
    /// absent.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&str> {
        let named = self.0.iter().find(|(name, _)| names.contains(&name.as_str()));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, UpbitApiError> {
        self.get(&[name]).ok_or(UpbitApiError::MissingParameter)
    }

    /// Returns a count, silently clamped as the venue does.
    pub(crate) fn count(&self, default: usize, most: usize) -> Result<usize, UpbitApiError> {
        let Some(text) = self.get(&["count"]) else { return Ok(default) };
        let count: i64 = text.parse().map_err(|_| UpbitApiError::TypeMismatch)?;
        match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(count.min(most)),
            _ => Err(UpbitApiError::InvalidValue),
        }
    }

    pub(crate) fn flag(&self, names: &[&str]) -> Result<bool, UpbitApiError> {
        match self.get(names) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(UpbitApiError::TypeMismatch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_with_and_without_the_version() {
        for (path, want) in [
            ("/v1/candles/minutes/240", Some(UpbitRoute::Candles(CandleInterval::Minutes(240)))),
            ("/candles/minutes/240", Some(UpbitRoute::Candles(CandleInterval::Minutes(240)))),
            ("/v1/candles/minutes/120", Some(UpbitRoute::BadMinutes(UpbitApiError::BadUnit))),
            ("/v1/candles/minutes/x", Some(UpbitRoute::BadMinutes(UpbitApiError::TypeMismatch))),
            ("/v1/orderbook/instruments", Some(UpbitRoute::Instruments)),
            ("/websocket/v1", Some(UpbitRoute::Socket)),
            ("/v1/candles/minutes", None),
            ("/v1", None),
            ("/v1market/all", None),
            ("/v2/market/all", None),
            ("/", None),
        ] {
            assert_eq!(UpbitRoute::of(path), want, "{path}");
        }
    }
}

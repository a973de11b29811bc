//! The requests of a client on a socket, and the errors for bad ones.

use serde_json::Value;

use crate::json::{self, JsonObject, quoted};
use crate::number::{NumberStyle, WireNumber, parse_e8};
use crate::tape::CandleInterval;
use crate::upbit::EmulatedRegion;
use crate::upbit::order_book;
use crate::world::EmulatorWorld;

/// The format of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameFormat {
    /// True for short keys.
    pub(crate) short: bool,
    /// True for each frame in an array of one.
    pub(crate) list: bool,
}

/// The kind of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionKind {
    Ticker,
    Trade,
    Orderbook,
    Candle(CandleInterval),
}

/// One type object of a request: one kind for some codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketSubscription {
    pub(crate) kind: SubscriptionKind,
    /// The type as requested: `candle.1m`.
    pub(crate) type_name: String,
    /// The codes that exist, with the number of levels of their book.
    pub(crate) codes: Vec<(String, usize)>,
    /// The grouping of books, in units of 1e-8.
    pub(crate) level: i64,
    pub(crate) snapshot: bool,
    pub(crate) realtime: bool,
}

/// A valid request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SocketRequest {
    /// A keep-alive (`PING`).
    Status,
    Subscribe {
        subscriptions: Vec<SocketSubscription>,
        format: FrameFormat,
    },
    List {
        ticket: String,
        format: Option<FrameFormat>,
    },
}

/// The reason why a socket is closed on its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SocketError {
    NoTicket,
    NoType,
    NoCodes,
    UnknownType(String),
    WrongFormat,
    TooManyRequests,
}

impl SocketError {
    /// Returns the error frame, in the language of the region.
    pub(crate) fn frame(&self, region: EmulatedRegion) -> String {
        let (name, korean, english) = match self {
            Self::NoTicket => (
                "NO_TICKET",
                "티켓이 존재하지 않거나, 유효하지 않습니다.".to_owned(),
                "Ticket field must be contained.".to_owned(),
            ),
            Self::NoType => {
                ("NO_TYPE", "타입이 존재하지 않습니다.".to_owned(), "type field not exists.".to_owned())
            }
            Self::NoCodes => {
                ("NO_CODES", "코드가 존재하지 않습니다.".to_owned(), "codes field not exists.".to_owned())
            }
            Self::UnknownType(name) => (
                "INVALID_PARAM",
                format!("{name} 은 지원하지 않는 타입입니다."),
                format!("type {name} is not supported."),
            ),
            Self::WrongFormat => (
                "WRONG_FORMAT",
                "Format 이 맞지 않습니다.".to_owned(),
                "Requested using wrong format.".to_owned(),
            ),
            Self::TooManyRequests => (
                "TOO_MANY_REQUEST",
                "요청 수 제한을 초과했습니다.".to_owned(),
                "Too Many Requests".to_owned(),
            ),
        };
        let message = if region.is_korea() { korean } else { english };
        JsonObject::new()
            .raw("error", &JsonObject::new().text("name", name).text("message", &message).end())
            .end()
    }
}

/// Parses a message; unknown and lower-case codes are silently left out.
pub(crate) fn parse(world: &EmulatorWorld, text: &str) -> Result<SocketRequest, SocketError> {
    if text.trim() == "PING" {
        return Ok(SocketRequest::Status);
    }
    let Ok(Value::Array(items)) = serde_json::from_str(text) else { return Err(SocketError::WrongFormat) };
    let ticket = items.iter().find_map(|item| item.get("ticket")?.as_str()).ok_or(SocketError::NoTicket)?;
    let format = match items.iter().find_map(|item| item.get("format")) {
        Some(format) => Some(parse_format(format)?),
        None => None,
    };
    if items.iter().any(|item| item.get("method").and_then(Value::as_str) == Some("LIST_SUBSCRIPTIONS")) {
        return Ok(SocketRequest::List { ticket: ticket.to_owned(), format });
    }
    let is_type = |item: &&Value| item.get("ticket").is_none() && item.get("format").is_none();
    let subscriptions: Vec<SocketSubscription> =
        items.iter().filter(is_type).map(|item| subscription(world, item)).collect::<Result<_, _>>()?;
    if subscriptions.is_empty() {
        return Err(SocketError::NoType);
    }
    Ok(SocketRequest::Subscribe { subscriptions, format: format.unwrap_or_default() })
}

fn parse_format(format: &Value) -> Result<FrameFormat, SocketError> {
    match format.as_str() {
        Some("DEFAULT") => Ok(FrameFormat { short: false, list: false }),
        Some("SIMPLE") => Ok(FrameFormat { short: true, list: false }),
        Some("JSON_LIST") => Ok(FrameFormat { short: false, list: true }),
        Some("SIMPLE_LIST") => Ok(FrameFormat { short: true, list: true }),
        _ => Err(SocketError::WrongFormat),
    }
}

fn subscription(world: &EmulatorWorld, item: &Value) -> Result<SocketSubscription, SocketError> {
    let type_name = item.get("type").and_then(Value::as_str).ok_or(SocketError::NoType)?;
    let kind = kind(type_name).ok_or_else(|| SocketError::UnknownType(type_name.to_owned()))?;
    if item.get("level").is_some() && !world.scenario.region.is_korea() {
        return Err(SocketError::WrongFormat);
    }
    let codes = item.get("codes").and_then(Value::as_array).filter(|codes| !codes.is_empty());
    let codes = codes.ok_or(SocketError::NoCodes)?.iter().filter_map(Value::as_str).filter_map(|code| {
        let (code, units) = match (kind, code.split_once('.')) {
            (SubscriptionKind::Orderbook, Some((code, units))) => (code, depth(units)),
            _ => (code, order_book::DEPTH),
        };
        world.markets.get(code).map(|market| (market.code.clone(), units))
    });
    let flag = |names: [&str; 2]| names.iter().any(|name| item.get(name) == Some(&Value::Bool(true)));
    let (only_snapshot, only_realtime) =
        (flag(["is_only_snapshot", "isOnlySnapshot"]), flag(["is_only_realtime", "isOnlyRealtime"]));
    let level =
        item.get("level").map(|level| level.as_str().map_or_else(|| level.to_string(), str::to_owned));
    Ok(SocketSubscription {
        kind,
        type_name: type_name.to_owned(),
        codes: codes.collect(),
        // A level that is no number is supported by no market.
        level: level.map_or(0, |text| parse_e8(&text).unwrap_or(-1)),
        snapshot: !only_realtime || only_snapshot,
        realtime: !only_snapshot,
    })
}

fn kind(type_name: &str) -> Option<SubscriptionKind> {
    Some(match type_name {
        "ticker" => SubscriptionKind::Ticker,
        "trade" => SubscriptionKind::Trade,
        "orderbook" => SubscriptionKind::Orderbook,
        _ => SubscriptionKind::Candle(match type_name.strip_prefix("candle.")? {
            "1s" => CandleInterval::Second,
            "1m" => CandleInterval::Minutes(1),
            "3m" => CandleInterval::Minutes(3),
            "5m" => CandleInterval::Minutes(5),
            "10m" => CandleInterval::Minutes(10),
            "15m" => CandleInterval::Minutes(15),
            "30m" => CandleInterval::Minutes(30),
            "60m" => CandleInterval::Minutes(60),
            "240m" => CandleInterval::Minutes(240),
            _ => return None,
        }),
    })
}

/// Returns the levels of a book by the suffix of its code; an unsupported one gives all.
fn depth(suffix: &str) -> usize {
    match suffix {
        "1" => 1,
        "5" => 5,
        "15" => 15,
        _ => order_book::DEPTH,
    }
}

/// Returns the answer to `LIST_SUBSCRIPTIONS`.
pub(crate) fn list(
    region: EmulatedRegion,
    ticket: &str,
    subscriptions: &[SocketSubscription],
    format: FrameFormat,
) -> String {
    let rows = subscriptions.iter().map(|subscription| {
        let codes = subscription.codes.iter().map(|(code, _)| quoted(code));
        let row = JsonObject::with_keys(format.short)
            .text(("type", "ty"), &subscription.type_name)
            .raw(("codes", "cds"), &json::array(codes));
        match subscription.kind {
            SubscriptionKind::Orderbook if region.is_korea() => row
                .number(("level", "lv"), WireNumber::e8(subscription.level.into()), NumberStyle::Plain)
                .end(),
            SubscriptionKind::Orderbook
            | SubscriptionKind::Ticker
            | SubscriptionKind::Trade
            | SubscriptionKind::Candle(_) => row.end(),
        }
    });
    let list = JsonObject::with_keys(format.short)
        .text(("method", "mthd"), "LIST_SUBSCRIPTIONS")
        .raw(("result", "rslt"), &json::array(rows))
        .text(("ticket", "tckt"), ticket)
        .end();
    format.wrap(list)
}

impl FrameFormat {
    /// Wraps a frame in an array of one, in the list formats.
    pub(crate) fn wrap(self, frame: String) -> String {
        if self.list { format!("[{frame}]") } else { frame }
    }
}

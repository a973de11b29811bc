//! Applies page faults: old pages, empty ones, and those with a bad row.

use super::api_error::MassiveApiError;
use super::request_context::RestRequestContext;
use super::route::MassiveRoute;
use crate::faults::{
    ColumnNames, CorruptionContext, PageFaultPlan, PageKind, TimestampEncoding, elements, set, value,
};
use crate::json::{self, JsonObject};
use crate::world::EmulatorWorld;

impl MassiveRoute {
    /// Returns the kind of page that answers it, where its rows can have faults.
    pub(crate) const fn page(&self) -> Option<PageKind> {
        match self {
            Self::Range { .. } | Self::Grouped { .. } => Some(PageKind::Candles),
            Self::Trades { .. } => Some(PageKind::Trades),
            Self::Snapshots | Self::Movers { .. } => Some(PageKind::Tickers),
            Self::Tickers => Some(PageKind::Markets),
            _ => None,
        }
    }

    /// Returns the key of its rows.
    const fn rows_key(&self) -> &'static str {
        match self {
            Self::Snapshots | Self::Movers { .. } => "tickers",
            _ => "results",
        }
    }

    fn columns(&self) -> ColumnNames {
        let bar = ColumnNames {
            time: Some(("t", TimestampEncoding::Ms)),
            open: Some("o"),
            high: Some("h"),
            low: Some("l"),
            close: Some("c"),
            volume: Some("v"),
            ..ColumnNames::default()
        };
        match self {
            Self::Range { .. } => bar,
            Self::Grouped { .. } => ColumnNames { market: Some("T"), ..bar },
            Self::Trades { .. } => ColumnNames {
                time: Some(("sip_timestamp", TimestampEncoding::Ns)),
                close: Some("price"),
                volume: Some("size"),
                ..ColumnNames::default()
            },
            // The last trade, whose names come after those of the day.
            Self::Snapshots | Self::Movers { .. } => ColumnNames {
                market: Some("ticker"),
                time: Some(("t", TimestampEncoding::Ms)),
                close: Some("p"),
                volume: Some("s"),
                ..ColumnNames::default()
            },
            _ => ColumnNames { market: Some("ticker"), ..ColumnNames::default() },
        }
    }
}

/// Applies the plan to the page, and records the faults that occurred.
pub(crate) fn apply(
    world: &EmulatorWorld,
    route: &MassiveRoute,
    mut asked: RestRequestContext,
    plan: &PageFaultPlan,
    honest: String,
) -> Result<String, MassiveApiError> {
    let (exchange, key) = (world.exchange(), route.rows_key());
    let (mut played, mut body) = (Vec::new(), honest);
    let has_rows = value(&body, key).is_some_and(|rows| rows != "[]");
    if plan.is_delayed() {
        asked.visible_ms -= plan.lag_ms();
        asked.late_rows = plan.late_rows;
        let seen = super::build_body(exchange, route, &asked)?;
        if seen != body {
            played = plan.delay_names();
            body = seen;
        }
    }
    if plan.empty && has_rows {
        played.push("empty_page");
        body = empty_page(&body, key, plan.number);
    } else if let Some(array) = value(&body, key) {
        let mut rows = elements(array);
        let asked_for = asked.path.as_str();
        let mut foreign = exchange.universe.iter().rev().map(|(_, stock)| stock.ticker.as_str());
        let around = CorruptionContext {
            columns: route.columns(),
            other_market: foreign.find(|ticker| !asked_for.contains(ticker)).unwrap_or("ZZZZZ"),
            most: match route {
                MassiveRoute::Trades { .. } => asked.parameters.limit(1_000, 50_000)?,
                _ => usize::MAX,
            },
            now_ms: asked.now_ms,
        };
        played.extend(plan.corrupt_rows(&mut rows, &around));
        body = with_row_count(set(&body, key, &json::array(&rows)).unwrap_or(body), rows.len());
    }
    world.traffic_log.record_faulted_request(&played);
    Ok(body)
}

/// Returns the body with a corrected number of rows, where it has one.
fn with_row_count(body: String, rows: usize) -> String {
    ["resultsCount", "count"]
        .into_iter()
        .fold(body, |body, key| set(&body, key, &rows.to_string()).unwrap_or(body))
}

/// Returns an empty page, in one of the forms seen from the venue.
fn empty_page(body: &str, key: &str, number: u64) -> String {
    if key != "results" {
        return with_row_count(set(body, key, "[]").unwrap_or_default(), 0);
    }
    let mut empty = JsonObject::new();
    if let Some(adjusted) = value(body, "adjusted") {
        if let Some(ticker) = value(body, "ticker") {
            empty = empty.raw("ticker", ticker);
        }
        empty = empty.int("queryCount", 0).int("resultsCount", 0).raw("adjusted", adjusted);
    }
    let way = number % 4;
    empty = match way {
        1 => empty.raw("results", "null"),
        3 => empty.raw("results", "[]"),
        _ => empty,
    };
    let status = if way == 2 { r#""DELAYED""# } else { value(body, "status").unwrap_or(r#""OK""#) };
    empty.raw("status", status).raw("request_id", value(body, "request_id").unwrap_or("null")).end()
}

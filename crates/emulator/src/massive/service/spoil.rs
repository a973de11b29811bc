//! Pages that are not what the venue has: old ones, empty ones, and those with something wrong in a row.

use super::asked::Asked;
use super::refusal::Refusal;
use super::route::Route;
use crate::faults::{Around, Columns, Page, PagePlan, Time, elements, set, value};
use crate::json::{self, Object};
use crate::world::World;

impl Route {
    /// What kind of page answers it, where pages can have something wrong with their rows.
    pub(crate) const fn page(&self) -> Option<Page> {
        match self {
            Self::Range { .. } | Self::Grouped { .. } => Some(Page::Candles),
            Self::Trades { .. } => Some(Page::Trades),
            Self::Snapshots | Self::Movers { .. } => Some(Page::Tickers),
            Self::Tickers => Some(Page::Markets),
            _ => None,
        }
    }

    /// The key of its rows.
    const fn rows_key(&self) -> &'static str {
        match self {
            Self::Snapshots | Self::Movers { .. } => "tickers",
            _ => "results",
        }
    }

    fn columns(&self) -> Columns {
        let bar = Columns {
            time: Some(("t", Time::Ms)),
            open: Some("o"),
            high: Some("h"),
            low: Some("l"),
            close: Some("c"),
            volume: Some("v"),
            ..Columns::default()
        };
        match self {
            Self::Range { .. } => bar,
            Self::Grouped { .. } => Columns { market: Some("T"), ..bar },
            Self::Trades { .. } => Columns {
                time: Some(("sip_timestamp", Time::Ns)),
                close: Some("price"),
                volume: Some("size"),
                ..Columns::default()
            },
            // The last trade, whose names come after those of the day.
            Self::Snapshots | Self::Movers { .. } => Columns {
                market: Some("ticker"),
                time: Some(("t", Time::Ms)),
                close: Some("p"),
                volume: Some("s"),
                ..Columns::default()
            },
            _ => Columns { market: Some("ticker"), ..Columns::default() },
        }
    }
}

/// The page as its plan spoils it, noted where it is not what the venue has.
pub(crate) fn play(
    world: &World,
    route: &Route,
    mut asked: Asked,
    plan: &PagePlan,
    honest: String,
) -> Result<String, Refusal> {
    let (exchange, key) = (world.exchange(), route.rows_key());
    let (mut played, mut body) = (Vec::new(), honest);
    let has_rows = value(&body, key).is_some_and(|rows| rows != "[]");
    if plan.delays() {
        asked.visible_ms -= plan.behind_ms();
        asked.late_rows = plan.late_rows;
        let seen = super::make(exchange, route, &asked)?;
        if seen != body {
            played = plan.delay_names();
            body = seen;
        }
    }
    if plan.empty && has_rows {
        played.push("empty_page");
        body = emptied(&body, key, plan.number);
    } else if let Some(array) = value(&body, key) {
        let mut rows = elements(array);
        let asked_for = asked.path.as_str();
        let mut foreign = exchange.universe.iter().rev().map(|(_, stock)| stock.ticker.as_str());
        let around = Around {
            columns: route.columns(),
            foreign: foreign.find(|ticker| !asked_for.contains(ticker)).unwrap_or("ZZZZZ"),
            most: match route {
                Route::Trades { .. } => asked.parameters.limit(1_000, 50_000)?,
                _ => usize::MAX,
            },
            now_ms: asked.now_ms,
        };
        played.extend(plan.spoil(&mut rows, &around));
        body = counted(set(&body, key, &json::array(&rows)).unwrap_or(body), rows.len());
    }
    world.witness.spoiled(&played);
    Ok(body)
}

/// The body with the number of its rows set right, where it tells that.
fn counted(body: String, rows: usize) -> String {
    ["resultsCount", "count"]
        .into_iter()
        .fold(body, |body, key| set(&body, key, &rows.to_string()).unwrap_or(body))
}

/// Nothing where there is something, in one of the ways in which the venue was seen to say so.
fn emptied(body: &str, key: &str, number: u64) -> String {
    if key != "results" {
        return counted(set(body, key, "[]").unwrap_or_default(), 0);
    }
    let mut empty = Object::new();
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

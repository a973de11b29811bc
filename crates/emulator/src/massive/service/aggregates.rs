//! Bars of any multiplier and timespan, in pages that are counted in base bars.

use super::aggregate_window::{AggregateTimespan, AggregateWindow, BaseUnit};
use super::api_error::MassiveApiError;
use super::query;
use super::request_context::RestRequestContext;
use crate::json::{self, JsonObject};
use crate::massive::exchange::StockExchange;
use crate::massive::exchange::adjusted_bar::AdjustedBar;
use crate::massive::exchange::unadjusted_bar::UnadjustedBar;
use crate::massive::new_york::{day_of, midnight};
use crate::massive::plan::EmulatedPlan;
use crate::massive::trading_minute::TradingMinute;
use crate::massive::wire_format;

/// The default number of base bars of a page.
const DEFAULT_LIMIT: usize = 5_000;
/// The largest limit; larger ones are silently cut to this.
const MAX_LIMIT: usize = 50_000;

/// The parameters of a search for bars.
struct AggregateSearch<'a> {
    exchange: &'a StockExchange,
    index: u32,
    window: AggregateWindow,
    /// The day in whose shares bars are given; `None` for unadjusted bars.
    shares_of: Option<i64>,
    descends: bool,
    /// The first ms, and the first ms after the last.
    start_ms: i64,
    end_ms: i64,
    visible_ms: i64,
}

/// A page of bars in the requested order.
#[derive(Debug, Default, PartialEq, Eq)]
struct AggregatePage {
    bars: Vec<AdjustedBar>,
    base_count: usize,
    /// The time where the next page begins (ascending) or ends (descending).
    next_ms: Option<i64>,
}

/// Answers `GET /v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}`.
pub(crate) fn range(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
    (multiplier, timespan): (&str, &str),
    (from, to): (&str, &str),
) -> Result<String, MassiveApiError> {
    let multiplier = multiplier.parse().ok().filter(|n| (1..=100_000).contains(n));
    let multiplier = multiplier
        .ok_or_else(|| MassiveApiError::BadParameter("multiplier must be a positive integer".into()))?;
    let timespan = AggregateTimespan::parse(timespan)
        .ok_or_else(|| MassiveApiError::BadParameter(format!("timespan: {timespan:?} is none")))?;
    let (from_ms, _) = query::span_ms(from).ok_or(MassiveApiError::BadTime("from"))?;
    let (_, to_ms) = query::span_ms(to).ok_or(MassiveApiError::BadTime("to"))?;
    if to_ms < from_ms {
        return Err(MassiveApiError::Backwards);
    }
    let limit = asked.parameters.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let descends = asked.parameters.descends("sort", false)?;
    let adjusted = asked.parameters.flag("adjusted", true);
    let window = AggregateWindow { multiplier, timespan };
    let from_ms = within_plan(asked, from_ms, to_ms)?;
    let page = exchange.universe.find(ticker).map_or_else(AggregatePage::default, |index| {
        let end_ms = window.around(to_ms).1.min(served_until(asked, window));
        let start_ms = window.around(from_ms).0;
        let visible_ms = asked.visible_ms;
        let shares_of = adjusted.then(|| day_of(asked.now_ms));
        AggregateSearch { exchange, index, window, shares_of, descends, start_ms, end_ms, visible_ms }
            .page(limit)
    });
    let next_url = page.next_ms.map(|next_ms| {
        let mut cursor = vec![("limit", limit.to_string())];
        cursor.push(("sort", if descends { "desc" } else { "asc" }.to_owned()));
        if !adjusted {
            cursor.push(("adjusted", "false".to_owned()));
        }
        // The state of paging is in the path: the segment at which the page ended is rewritten.
        let kept = asked.path.rsplitn(3, '/').nth(2).unwrap_or_default();
        let (from, to) = if descends {
            (from.to_owned(), next_ms.to_string())
        } else {
            (next_ms.to_string(), to.to_owned())
        };
        format!("{}{kept}/{from}/{to}?cursor={}", asked.origin, query::encode(&cursor))
    });
    Ok(body(exchange, asked, ticker, adjusted, &page, next_url.as_deref()))
}

/// Returns the time from which bars are not served.
fn served_until(asked: &RestRequestContext, window: AggregateWindow) -> i64 {
    if asked.late_rows == 0 {
        return i64::MAX;
    }
    (0..asked.late_rows).fold(window.around(asked.visible_ms).0, |start, _| window.around(start - 1).0)
}

/// Returns the start that the plan allows.
fn within_plan(asked: &RestRequestContext, from_ms: i64, to_ms: i64) -> Result<i64, MassiveApiError> {
    if asked.plan == EmulatedPlan::Basic && from_ms > asked.visible_ms {
        return Err(MassiveApiError::NotInTimeframe);
    }
    let Some(reach_ms) = asked.plan.reach_ms() else { return Ok(from_ms) };
    let first_ms = asked.now_ms - reach_ms;
    match asked.plan {
        _ if from_ms >= first_ms => Ok(from_ms),
        // As seen live: the free plan is silently clipped, the paid ones refuse.
        EmulatedPlan::Basic if to_ms >= first_ms => Ok(first_ms),
        EmulatedPlan::Basic | EmulatedPlan::Starter | EmulatedPlan::Developer | EmulatedPlan::Advanced => {
            Err(MassiveApiError::NotInTimeframe)
        }
    }
}

fn body(
    exchange: &StockExchange,
    asked: &RestRequestContext,
    ticker: &str,
    adjusted: bool,
    page: &AggregatePage,
    next_url: Option<&str>,
) -> String {
    let rows = page
        .bars
        .iter()
        .map(|bar| wire_format::bar(&exchange.scenario, JsonObject::new(), bar, bar.start_ms).end());
    let count = page.bars.len() as i64;
    let mut body = JsonObject::new()
        .text("ticker", ticker)
        .int("queryCount", page.base_count as i64)
        .int("resultsCount", count)
        .raw("adjusted", if adjusted { "true" } else { "false" });
    if count > 0 {
        body = body.raw("results", &json::array(rows));
    }
    body = body.text("status", asked.status()).text("request_id", &asked.request_id);
    if count > 0 {
        body = body.int("count", count);
    }
    match next_url {
        Some(url) => body.text("next_url", url).end(),
        None => body.end(),
    }
}

impl AggregateSearch<'_> {
    fn page(&self, limit: usize) -> AggregatePage {
        let mut bases = self.bases(limit.saturating_add(1));
        let mut next_ms = None;
        if bases.len() > limit {
            let (cut_ms, cut_end_ms) = self.window.around(bases[limit].start_ms);
            let is_whole = |bar: &AdjustedBar| bar.start_ms < cut_ms || cut_end_ms <= bar.start_ms;
            if bases.iter().any(is_whole) {
                // The window that the limit cuts is left to the next page.
                bases.retain(is_whole);
                next_ms = Some(if self.descends { cut_end_ms - 1 } else { cut_ms });
            } else {
                // A window longer than the limit: too many bars are better than an endless loop.
                bases = Self {
                    start_ms: cut_ms.max(self.start_ms),
                    end_ms: cut_end_ms.min(self.end_ms),
                    ..*self
                }
                .bases(usize::MAX);
                next_ms = Some(if self.descends { cut_ms - 1 } else { cut_end_ms });
            }
        }
        let base_count = bases.len();
        if self.descends {
            bases.reverse();
        }
        let mut bars = self.join_bases(&bases);
        if self.descends {
            bars.reverse();
            // As the venue's cursors of the other direction: right beside the last bar shown.
            next_ms = next_ms.map(|next| bars.last().map_or(next, |bar| bar.start_ms - 1));
        }
        AggregatePage { bars, base_count, next_ms }
    }

    /// Returns up to `most` base bars, in the requested order.
    fn bases(&self, most: usize) -> Vec<AdjustedBar> {
        let mut bases = Vec::new();
        let first = day_of(self.start_ms).max(self.exchange.first_day);
        let last = day_of(self.end_ms - 1).min(day_of(self.visible_ms));
        for nth in 0..=last - first {
            let day = if self.descends { last - nth } else { first + nth };
            let mut of_day = self.day(day);
            of_day.retain(|bar| self.start_ms <= bar.start_ms && bar.start_ms < self.end_ms);
            if self.descends {
                of_day.reverse();
            }
            bases.extend(of_day);
            if bases.len() >= most {
                bases.truncate(most);
                break;
            }
        }
        bases
    }

    fn day(&self, day: i64) -> Vec<AdjustedBar> {
        let (exchange, visible_ms) = (self.exchange, self.visible_ms);
        let stock = exchange.universe.get(self.index);
        let ratio = self.shares_of.map_or((1, 1), |then| stock.splits.between(day, then));
        let bars: Vec<UnadjustedBar> = match self.window.timespan.base() {
            BaseUnit::Day => exchange.day_bar(self.index, day, visible_ms).into_iter().collect(),
            BaseUnit::Minute => {
                let cells = exchange.minutes(self.index, day, visible_ms);
                cells.into_iter().map(|cell| cell.bar).filter(UnadjustedBar::is_priced).collect()
            }
            BaseUnit::Second if !exchange.schedule(day).is_open() => Vec::new(),
            BaseUnit::Second => {
                let from = self.start_ms.max(midnight(day));
                TradingMinute::all(day, exchange.schedule(day))
                    .filter(|at| from < (at.minute + 1) * 60_000 && at.minute * 60_000 < self.end_ms)
                    .flat_map(|at| exchange.seconds(stock, at, visible_ms))
                    .collect()
            }
        };
        bars.iter().map(|bar| AdjustedBar::of(bar, ratio)).collect()
    }

    /// Joins base bars, oldest first, into those of the window.
    fn join_bases(&self, bases: &[AdjustedBar]) -> Vec<AdjustedBar> {
        let mut rolled: Vec<AdjustedBar> = Vec::new();
        let mut end_ms = i64::MIN;
        for base in bases {
            if base.start_ms >= end_ms {
                let (start_ms, next_ms) = self.window.around(base.start_ms);
                end_ms = next_ms;
                rolled.push(AdjustedBar::empty(start_ms));
            }
            if let Some(bar) = rolled.last_mut() {
                bar.append(base);
            }
        }
        rolled
    }
}

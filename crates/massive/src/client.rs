//! Requests that only Massive offers. They go through the router like all others: rate limited, retried, with
//! the key.
//!
//! Paged answers are followed to the last page. A day always means the day in New York.

mod answers;
mod replies;

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{
    CallSource, Day, HttpCall, OwnedReply, Priority, SourceError, Split, Symbol, TimeRange, Timestamp,
    VenueId,
};

pub use self::answers::{
    AggregateBar, AggregateSpec, DayBar, Dividend, Glossary, GlossaryTerm, Holiday, HolidayKind, Listing,
    MarketStatus, MoverDirection, OpenClose, Quote, Snapshot, Timespan, TradeRecord, apply_holidays,
};
use crate::capabilities::LISTING_PAGE;
use crate::rest::{codes, get, listing_query, range_path, snapshots_path, ticker};

/// The most trades of one page, and the most bars counted for one.
const MAX_ROWS: u32 = 50_000;

/// A client for what only Massive offers; cheap to clone.
#[derive(Clone)]
pub struct MassiveClient {
    calls: Arc<dyn CallSource>,
    priority: Priority,
}

impl fmt::Debug for MassiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MassiveClient").field("priority", &self.priority).finish_non_exhaustive()
    }
}

impl MassiveClient {
    /// Creates a client that sends its requests through `calls`.
    #[must_use]
    pub fn new(calls: Arc<dyn CallSource>) -> Self {
        Self { calls, priority: Priority::default() }
    }

    /// Returns the same client with another priority.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Fetches bars of any length in a range, oldest first. There are more lengths than timeframes, and prices
    /// are adjusted for splits on request.
    ///
    /// # Errors
    ///
    /// [`BadRequest`](market_backbone_core::SourceErrorKind::BadRequest) for a multiplier of 0, and whatever the venue
    /// answers, here as below.
    pub async fn aggregates(
        &self,
        symbol: &Symbol,
        bars: AggregateSpec,
        range: TimeRange,
    ) -> Result<Vec<AggregateBar>, SourceError> {
        let length = (bars.multiplier, bars.timespan.as_str());
        let path = range_path(symbol, length, (range.from(), range.to()))?;
        let limit = ("limit", MAX_ROWS.to_string());
        let query = vec![adjusted_parameter(bars.adjusted), ("sort", "asc".to_owned()), limit];
        self.call(get(path, query)).await.and_then(|pages| self.at_source(replies::bars(&pages)))
    }

    /// Fetches the bars of all shares of a day in one answer; empty if nobody traded on it.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn grouped_daily(&self, day: Day, is_adjusted: bool) -> Result<Vec<DayBar>, SourceError> {
        let path = format!("/v2/aggs/grouped/locale/us/market/stocks/{day}");
        let query = vec![adjusted_parameter(is_adjusted), ("include_otc", "false".to_owned())];
        self.call(get(path, query))
            .await
            .and_then(|pages| self.at_source(replies::day_bars(self.source(), &pages)))
    }

    /// Fetches the bar of the last session that is over, or `None` for a share without one.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn previous_close(&self, symbol: &Symbol) -> Result<Option<DayBar>, SourceError> {
        let path = format!("/v2/aggs/ticker/{}/prev", ticker(symbol)?);
        let pages = self.call(get(path, vec![adjusted_parameter(false)])).await?;
        Ok(self.at_source(replies::day_bars(self.source(), &pages))?.pop())
    }

    /// Fetches the official figures of a day, and the prices before and after its session; `None` if it had
    /// none.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn open_close(&self, symbol: &Symbol, day: Day) -> Result<Option<OpenClose>, SourceError> {
        let path = format!("/v1/open-close/{}/{day}", ticker(symbol)?);
        let pages = self.call(get(path, vec![adjusted_parameter(false)])).await?;
        pages
            .first()
            .filter(|reply| reply.status == 200)
            .map(|reply| self.at_source(replies::open_close(self.source(), &reply.body)))
            .transpose()
    }

    /// Fetches all trades of a range, oldest first, with every field of the tape.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn trades(&self, symbol: &Symbol, range: TimeRange) -> Result<Vec<TradeRecord>, SourceError> {
        let path = format!("/v3/trades/{}", ticker(symbol)?);
        self.call(get(path, time_range_query(range)))
            .await
            .and_then(|pages| self.at_source(replies::trades(&pages, symbol)))
    }

    /// Fetches all quotes of a range, oldest first.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn quotes(&self, symbol: &Symbol, range: TimeRange) -> Result<Vec<Quote>, SourceError> {
        let path = format!("/v3/quotes/{}", ticker(symbol)?);
        self.call(get(path, time_range_query(range)))
            .await
            .and_then(|pages| self.at_source(replies::quotes(&pages, symbol)))
    }

    /// Fetches the latest trade.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn last_trade(&self, symbol: &Symbol) -> Result<TradeRecord, SourceError> {
        let path = format!("/v2/last/trade/{}", ticker(symbol)?);
        let pages = self.call(get(path, Vec::new())).await?;
        self.at_source(replies::last_trade(first_body(&pages)?, symbol))
    }

    /// Fetches the snapshot of one share.
    ///
    /// # Errors
    ///
    /// [`UnknownMarket`](market_backbone_core::SourceErrorKind::UnknownMarket) if it does not exist, and whatever the
    /// venue answers.
    pub async fn snapshot(&self, symbol: &Symbol) -> Result<Snapshot, SourceError> {
        let pages = self.call(get(snapshots_path(Some(symbol))?, Vec::new())).await?;
        self.at_source(replies::snapshot(self.source(), first_body(&pages)?))
    }

    /// Fetches the snapshots of some shares, or of all if none is named. Those that do not exist are left out.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn snapshots(&self, symbols: &[Symbol]) -> Result<Vec<Snapshot>, SourceError> {
        let named = if symbols.is_empty() { Vec::new() } else { vec![("tickers", codes(symbols)?)] };
        self.call(get(snapshots_path(None)?, named))
            .await
            .and_then(|pages| self.at_source(replies::snapshots(self.source(), &pages)))
    }

    /// Fetches the twenty shares that have gained or lost most today.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn movers(&self, direction: MoverDirection) -> Result<Vec<Snapshot>, SourceError> {
        let path = format!("/v2/snapshot/locale/us/markets/stocks/{}", direction.as_str());
        self.call(get(path, Vec::new()))
            .await
            .and_then(|pages| self.at_source(replies::snapshots(self.source(), &pages)))
    }

    /// Fetches all listings, sorted by ticker.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn listings(&self) -> Result<Vec<Listing>, SourceError> {
        let call = get("/v3/reference/tickers".to_owned(), listing_query());
        self.call(call).await.and_then(|pages| self.at_source(replies::listings(self.source(), &pages)))
    }

    /// Fetches the listing of a ticker, now or on a day in the past: tickers are reused.
    ///
    /// # Errors
    ///
    /// [`UnknownMarket`](market_backbone_core::SourceErrorKind::UnknownMarket) if nothing is, and whatever the venue
    /// answers.
    pub async fn listing(&self, symbol: &Symbol, day: Option<Day>) -> Result<Listing, SourceError> {
        let path = format!("/v3/reference/tickers/{}", ticker(symbol)?);
        let query = day.map(|day| ("date", day.to_string())).into_iter().collect();
        self.at_source(replies::listing(self.source(), first_body(&self.call(get(path, query)).await?)?))
    }

    /// Fetches the meanings of the numbers and codes of one list.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn glossary(&self, glossary: Glossary) -> Result<Vec<GlossaryTerm>, SourceError> {
        let query = vec![("asset_class", "stocks".to_owned()), ("limit", LISTING_PAGE.to_string())];
        self.call(get(glossary.path().to_owned(), query))
            .await
            .and_then(|pages| self.at_source(replies::glossary(&pages)))
    }

    /// Fetches whether the exchanges are open now.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn market_status(&self) -> Result<MarketStatus, SourceError> {
        let pages = self.call(get("/v1/marketstatus/now".to_owned(), Vec::new())).await?;
        self.at_source(replies::market_status(first_body(&pages)?))
    }

    /// Fetches the upcoming holidays and half days of each exchange; for a calendar see [`apply_holidays`].
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn holidays(&self) -> Result<Vec<Holiday>, SourceError> {
        let pages = self.call(get("/v1/marketstatus/upcoming".to_owned(), Vec::new())).await?;
        self.at_source(replies::holidays(first_body(&pages)?))
    }

    /// Fetches the splits of a share, or of all, from `since` on, oldest first, announced ones included; for a
    /// [`SplitHistory`](market_backbone_core::SplitHistory). A ratio that the venue does not name is NaN.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn splits(
        &self,
        symbol: Option<&Symbol>,
        since: Option<Day>,
    ) -> Result<Vec<Split>, SourceError> {
        let mut query = corporate_action_query(symbol, "execution_date.asc")?;
        query.extend(since.map(|day| ("execution_date.gte", day.to_string())));
        self.call(get("/stocks/v1/splits".to_owned(), query))
            .await
            .and_then(|pages| self.at_source(replies::splits(self.source(), &pages)))
    }

    /// Fetches the dividends of a share, or of all, with an ex-dividend day from `since` on, oldest first.
    ///
    /// # Errors
    ///
    /// Whatever the venue answers.
    pub async fn dividends(
        &self,
        symbol: Option<&Symbol>,
        since: Option<Day>,
    ) -> Result<Vec<Dividend>, SourceError> {
        let mut query = corporate_action_query(symbol, "ex_dividend_date.asc")?;
        query.extend(since.map(|day| ("ex_dividend_date.gte", day.to_string())));
        self.call(get("/stocks/v1/dividends".to_owned(), query))
            .await
            .and_then(|pages| self.at_source(replies::dividends(self.source(), &pages)))
    }

    fn source(&self) -> VenueId {
        self.calls.venue()
    }

    /// Adds the source to an error about an unreadable answer.
    fn at_source<T>(&self, outcome: Result<T, SourceError>) -> Result<T, SourceError> {
        outcome.map_err(|error| error.at_venue(self.source()))
    }

    async fn call(&self, call: HttpCall) -> Result<Vec<OwnedReply>, SourceError> {
        self.calls.call(call, self.priority).await
    }
}

/// Returns the query for what happened within a range, oldest first.
fn time_range_query(range: TimeRange) -> Vec<(&'static str, String)> {
    let moment = |moment: Timestamp| moment.as_nanos().max(0).to_string();
    vec![
        ("timestamp.gte", moment(range.from())),
        ("timestamp.lt", moment(range.to())),
        ("order", "asc".to_owned()),
        ("sort", "timestamp".to_owned()),
        ("limit", MAX_ROWS.to_string()),
    ]
}

/// Returns the query for the corporate actions of one share, or of all.
fn corporate_action_query(
    symbol: Option<&Symbol>,
    sort: &str,
) -> Result<Vec<(&'static str, String)>, SourceError> {
    let mut query = vec![("sort", sort.to_owned()), ("limit", LISTING_PAGE.to_string())];
    if let Some(symbol) = symbol {
        query.push(("ticker", ticker(symbol)?.to_owned()));
    }
    Ok(query)
}

fn adjusted_parameter(is_adjusted: bool) -> (&'static str, String) {
    ("adjusted", is_adjusted.to_string())
}

fn first_body(pages: &[OwnedReply]) -> Result<&[u8], SourceError> {
    pages.first().map(|reply| reply.body.as_slice()).ok_or_else(|| crate::error::malformed(b""))
}

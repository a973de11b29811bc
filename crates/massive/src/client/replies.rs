//! Reads the answers. A row that cannot be read fails the whole answer, because no caller could ask for it
//! again.

use market_backbone_core::{
    Calendar, OrderBook, OwnedReply, SourceError, Split, Symbol, Timestamp, Trade, VenueId,
};
use market_backbone_venue_kit::{amount, element, parse_body, read_every};
use serde_json::value::RawValue;

use super::answers::{
    AggregateBar, DayBar, Dividend, GlossaryTerm, Holiday, HolidayKind, Listing, MarketStatus, OpenClose,
    Snapshot, TradeRecord,
};
use crate::decode::books::level;
use crate::decode::{object, rows};
use crate::error::malformed;
use crate::naming::{TradeIdParts, VENUE};
use crate::rest::day_of;
use crate::wire::{
    AggregateRow, DividendRow, GlossaryRow, HolidayRow, LastQuoteRow, LastTradeRow, ListingRow,
    MarketStatusRow, OpenCloseRow, QuoteRow, SingleResult, SnapshotRow, SplitRow, TradeRow,
};

/// Returns the rows of all pages, each read by `read`.
fn read_all<T>(pages: &[OwnedReply], read: impl Fn(&RawValue) -> Option<T>) -> Result<Vec<T>, SourceError> {
    let mut items = Vec::new();
    for page in pages {
        items.extend(read_every(VENUE, &rows(&page.body)?.results.unwrap_or_default(), &read)?);
    }
    Ok(items)
}

/// Returns the single object of an answer.
fn read_one<T>(body: &[u8], read: impl Fn(&RawValue) -> Option<T>) -> Result<T, SourceError> {
    let SingleResult { results } = object(body)?;
    read(results).ok_or_else(|| malformed(body))
}

pub(super) fn bars(pages: &[OwnedReply]) -> Result<Vec<AggregateBar>, SourceError> {
    read_all(pages, |raw| Some(bar(&element(raw)?)))
}

fn bar(row: &AggregateRow<'_>) -> AggregateBar {
    AggregateBar {
        open_time: Timestamp::from_millis(row.t),
        open: row.o,
        high: row.h,
        low: row.l,
        close: row.c,
        volume: row.v,
        vwap: row.vw,
        trades: row.n.filter(|trades| *trades >= 0.0).map(|trades| trades as u64),
        otc: row.otc,
    }
}

pub(super) fn day_bars(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<DayBar>, SourceError> {
    read_all(pages, |raw| {
        let row: AggregateRow<'_> = element(raw)?;
        let stamped = Timestamp::from_millis(row.t);
        let day = day_of(stamped);
        let bar = AggregateBar { open_time: Calendar::midnight(day), ..bar(&row) };
        Some(DayBar {
            symbol: Symbol::new(source, row.ticker.as_deref()?).ok()?,
            day,
            bar,
            venue_time: stamped,
        })
    })
}

pub(super) fn open_close(source: VenueId, body: &[u8]) -> Result<OpenClose, SourceError> {
    let row: OpenCloseRow<'_> = object(body)?;
    let named = Symbol::new(source, &row.symbol).ok().zip(row.from.parse().ok());
    let (symbol, day) = named.ok_or_else(|| malformed(body))?;
    let OpenCloseRow { open, high, low, close, volume, after_hours, pre_market, otc, .. } = row;
    Ok(OpenClose { symbol, day, open, high, low, close, volume, after_hours, pre_market, otc })
}

pub(super) fn trades(pages: &[OwnedReply], symbol: &Symbol) -> Result<Vec<TradeRecord>, SourceError> {
    let mut records = Vec::new();
    for page in pages {
        let page = std::slice::from_ref(page);
        let received = page[0].received;
        records.extend(read_all(page, |raw| trade_record(&element(raw)?, symbol, received))?);
    }
    Ok(records)
}

fn trade_record(row: &TradeRow<'_>, symbol: &Symbol, received: Timestamp) -> Option<TradeRecord> {
    Some(TradeRecord {
        trade: crate::decode::trades::trade(row, symbol, received)?,
        participant_time: row.participant_timestamp.map(Timestamp::from_nanos),
        sequence: row.sequence_number,
        exchange: row.exchange,
        facility: row.trf_id,
        tape: row.tape,
        conditions: row.conditions.clone().unwrap_or_default(),
        correction: row.correction,
    })
}

pub(super) fn last_trade(body: &[u8], symbol: &Symbol) -> Result<TradeRecord, SourceError> {
    read_one(body, |raw| Some(last_trade_record(&element(raw)?, symbol)))
}

fn last_trade_record(row: &LastTradeRow<'_>, symbol: &Symbol) -> TradeRecord {
    let time = Timestamp::from_nanos(row.t);
    let name = TradeIdParts {
        millis: time.as_millis(),
        sequence: row.q,
        exchange: row.x,
        facility: row.r.unwrap_or(0),
        id: &row.i,
    };
    TradeRecord {
        trade: Trade {
            symbol: symbol.clone(),
            id: name.to_id(),
            price: row.p,
            size: amount(row.ds.as_deref(), row.s),
            side: None,
            time,
            received: Timestamp::EPOCH,
        },
        participant_time: row.y.map(Timestamp::from_nanos),
        sequence: row.q,
        exchange: row.x,
        facility: row.r,
        tape: row.z,
        conditions: row.c.clone().unwrap_or_default(),
        correction: row.e,
    }
}

pub(super) fn snapshot(source: VenueId, body: &[u8]) -> Result<Snapshot, SourceError> {
    read_one(body, |raw| snapshot_from_row(source, &element(raw)?))
}

pub(super) fn snapshots(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Snapshot>, SourceError> {
    read_all(pages, |raw| snapshot_from_row(source, &element(raw)?))
}

fn snapshot_from_row(source: VenueId, row: &SnapshotRow<'_>) -> Option<Snapshot> {
    let symbol = Symbol::new(source, &row.ticker).ok()?;
    // Zeros mean that nothing was traded.
    let traded = |row: &Option<AggregateRow<'_>>| row.as_ref().filter(|row| row.c > 0.0).map(bar);
    Some(Snapshot {
        change: row.change,
        change_percent: row.change_percent,
        updated: Timestamp::from_nanos(row.updated),
        day: traded(&row.day),
        previous_day: traded(&row.previous_day),
        minute: traded(&row.min),
        last_trade: row.last_trade.as_ref().map(|trade| last_trade_record(trade, &symbol)),
        last_quote: row.last_quote.as_ref().map(|quote| quote_from_row(quote, &symbol)),
        symbol,
    })
}

fn quote_from_row(row: &LastQuoteRow<'_>, symbol: &Symbol) -> OrderBook {
    let time = Timestamp::from_nanos(row.t);
    OrderBook {
        symbol: symbol.clone(),
        asks: level(row.ask, row.ask_size).into_iter().collect(),
        bids: level(row.p, row.s).into_iter().collect(),
        total_ask_size: None,
        total_bid_size: None,
        time,
        received: Timestamp::EPOCH,
    }
}

pub(super) fn listings(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Listing>, SourceError> {
    read_all(pages, |raw| listing_from_row(source, element(raw)?))
}

pub(super) fn listing(source: VenueId, body: &[u8]) -> Result<Listing, SourceError> {
    read_one(body, |raw| listing_from_row(source, element(raw)?))
}

fn listing_from_row(source: VenueId, row: ListingRow<'_>) -> Option<Listing> {
    Some(Listing {
        symbol: Symbol::new(source, &row.ticker).ok()?,
        name: row.name.unwrap_or_else(|| row.ticker.into_owned()),
        exchange: row.primary_exchange,
        kind: row.r#type,
        currency: row.currency_name,
        cik: row.cik,
        figi: row.composite_figi,
        active: row.active.unwrap_or(true),
    })
}

pub(super) fn market_status(body: &[u8]) -> Result<MarketStatus, SourceError> {
    let row: MarketStatusRow<'_> = object(body)?;
    let server_time = row.server_time.parse().map_err(|error| malformed(body).with_source(error))?;
    Ok(MarketStatus {
        market: row.market.into_owned(),
        early_hours: row.early_hours,
        after_hours: row.after_hours,
        server_time,
    })
}

pub(super) fn holidays(body: &[u8]) -> Result<Vec<Holiday>, SourceError> {
    let rows: Vec<HolidayRow<'_>> = parse_body(VENUE, body)?;
    rows.into_iter().map(|row| holiday(row).ok_or_else(|| malformed(body))).collect()
}

fn holiday(row: HolidayRow<'_>) -> Option<Holiday> {
    let kind = match &*row.status {
        "closed" => HolidayKind::Closed,
        "early-close" => HolidayKind::ClosesEarly(row.close?.parse().ok()?),
        _ => return None,
    };
    Some(Holiday {
        day: row.date.parse().ok()?,
        exchange: row.exchange.into_owned(),
        name: row.name.into_owned(),
        kind,
    })
}

pub(super) fn splits(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Split>, SourceError> {
    read_all(pages, |raw| {
        let row: SplitRow<'_> = element(raw)?;
        let effective = Calendar::midnight(row.execution_date.parse().ok()?);
        let shares = |shares: Option<f64>| shares.unwrap_or(f64::NAN);
        let (from, to) = (shares(row.split_from), shares(row.split_to));
        Some(Split { symbol: Symbol::new(source, &row.ticker).ok()?, effective, from, to })
    })
}

pub(super) fn dividends(source: VenueId, pages: &[OwnedReply]) -> Result<Vec<Dividend>, SourceError> {
    read_all(pages, |raw| {
        let row: DividendRow<'_> = element(raw)?;
        let pay_day = row.pay_date.map(|day| day.parse().ok()).unwrap_or_default();
        Some(Dividend {
            symbol: Symbol::new(source, &row.ticker).ok()?,
            ex_day: row.ex_dividend_date.parse().ok()?,
            pay_day,
            amount: row.cash_amount,
            currency: row.currency,
        })
    })
}

pub(super) fn quotes(pages: &[OwnedReply], symbol: &Symbol) -> Result<Vec<OrderBook>, SourceError> {
    read_all(pages, |raw| {
        let row: QuoteRow = element(raw)?;
        Some(OrderBook {
            symbol: symbol.clone(),
            asks: level(row.ask_price, row.ask_size).into_iter().collect(),
            bids: level(row.bid_price, row.bid_size).into_iter().collect(),
            total_ask_size: None,
            total_bid_size: None,
            time: Timestamp::from_nanos(row.sip_timestamp),
            received: Timestamp::EPOCH,
        })
    })
}

pub(super) fn glossary(pages: &[OwnedReply]) -> Result<Vec<GlossaryTerm>, SourceError> {
    read_all(pages, |raw| {
        let row: GlossaryRow<'_> = element(raw)?;
        let code = row.code.map(|code| code.into_owned()).or_else(|| row.id.map(|id| id.to_string()))?;
        Some(GlossaryTerm { code, name: row.name })
    })
}

//! The format of Massive's messages: one struct for each thing, by page and by socket.
//!
//! Fields nobody reads are not listed, unknown ones are ignored, and fields that the venue leaves out when they
//! are zero or empty are optional. Amounts are read as `f64` whatever they look like: whole, fractional or
//! `5.617399e+07`. Times of pages are nanoseconds and fit no float. Texts are borrowed as `Cow`, because a text
//! with an escape in it cannot be borrowed.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields around most answers.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Envelope<'a> {
    /// The status: `OK`, `DELAYED`, or the kind of error.
    #[serde(borrow, default)]
    pub(crate) status: Option<Cow<'a, str>>,
    /// The error message of a bad request.
    #[serde(borrow, default)]
    pub(crate) error: Option<Cow<'a, str>>,
    /// The error message if the key is not entitled to the request, or nothing exists at the address.
    #[serde(borrow, default)]
    pub(crate) message: Option<Cow<'a, str>>,
    /// The address of the rest of the answer.
    #[serde(borrow, default)]
    pub(crate) next_url: Option<Cow<'a, str>>,
}

/// An answer whose rows are read one by one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ResultList<'a> {
    #[serde(borrow, default, alias = "tickers")]
    pub(crate) results: Option<Vec<&'a RawValue>>,
    /// The number of bars that were counted for it.
    #[serde(default, rename = "queryCount")]
    pub(crate) query_count: Option<u64>,
    #[serde(borrow, default)]
    pub(crate) next_url: Option<Cow<'a, str>>,
}

/// An answer about one thing.
#[derive(Debug, Deserialize)]
pub(crate) struct SingleResult<'a> {
    #[serde(borrow, alias = "ticker")]
    pub(crate) results: &'a RawValue,
}

/// A bar of any length, from a page.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct AggregateRow<'a> {
    /// The ticker, only where the rows have different ones.
    #[serde(borrow, default, rename = "T")]
    pub(crate) ticker: Option<Cow<'a, str>>,
    /// The open time in ms; 16:00 in New York for a day that is sent after its end.
    #[serde(default)]
    pub(crate) t: i64,
    pub(crate) o: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    pub(crate) c: f64,
    pub(crate) v: f64,
    #[serde(default)]
    pub(crate) vw: Option<f64>,
    #[serde(default)]
    pub(crate) n: Option<f64>,
    #[serde(default)]
    pub(crate) otc: bool,
}

/// A trade from a page.
#[derive(Debug, Deserialize)]
pub(crate) struct TradeRow<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    pub(crate) price: f64,
    #[serde(default)]
    pub(crate) size: Option<f64>,
    #[serde(borrow, default)]
    pub(crate) decimal_size: Option<Cow<'a, str>>,
    pub(crate) sip_timestamp: i64,
    #[serde(default)]
    pub(crate) participant_timestamp: Option<i64>,
    #[serde(default)]
    pub(crate) sequence_number: i64,
    #[serde(default)]
    pub(crate) exchange: i64,
    #[serde(default)]
    pub(crate) trf_id: Option<i64>,
    #[serde(default)]
    pub(crate) tape: Option<i64>,
    #[serde(default)]
    pub(crate) conditions: Option<Vec<i64>>,
    #[serde(default)]
    pub(crate) correction: Option<i64>,
}

/// The latest trade, alone or in a snapshot: the field names of the socket with the precision of a page.
#[derive(Debug, Deserialize)]
pub(crate) struct LastTradeRow<'a> {
    #[serde(borrow, default)]
    pub(crate) i: Cow<'a, str>,
    pub(crate) p: f64,
    #[serde(default)]
    pub(crate) s: Option<f64>,
    #[serde(borrow, default)]
    pub(crate) ds: Option<Cow<'a, str>>,
    pub(crate) t: i64,
    #[serde(default)]
    pub(crate) y: Option<i64>,
    #[serde(default)]
    pub(crate) q: i64,
    #[serde(default)]
    pub(crate) x: i64,
    #[serde(default)]
    pub(crate) r: Option<i64>,
    #[serde(default)]
    pub(crate) z: Option<i64>,
    #[serde(default)]
    pub(crate) c: Option<Vec<i64>>,
    #[serde(default)]
    pub(crate) e: Option<i64>,
}

/// The best bid (small letters) and ask (capitals); 0 or nothing where there is none.
#[derive(Debug, Deserialize)]
pub(crate) struct LastQuoteRow<'a> {
    #[serde(borrow, default, rename = "T")]
    pub(crate) ticker: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) p: f64,
    #[serde(default)]
    pub(crate) s: f64,
    #[serde(default, rename = "P")]
    pub(crate) ask: f64,
    #[serde(default, rename = "S")]
    pub(crate) ask_size: f64,
    pub(crate) t: i64,
}

/// A snapshot of a market. What a plan does not include is left out, or null.
#[derive(Debug, Deserialize)]
pub(crate) struct SnapshotRow<'a> {
    #[serde(borrow)]
    pub(crate) ticker: Cow<'a, str>,
    #[serde(default, rename = "todaysChange")]
    pub(crate) change: Option<f64>,
    #[serde(default, rename = "todaysChangePerc")]
    pub(crate) change_percent: Option<f64>,
    #[serde(default)]
    pub(crate) updated: i64,
    #[serde(borrow, default)]
    pub(crate) day: Option<AggregateRow<'a>>,
    #[serde(borrow, default, rename = "prevDay")]
    pub(crate) previous_day: Option<AggregateRow<'a>>,
    #[serde(borrow, default)]
    pub(crate) min: Option<AggregateRow<'a>>,
    #[serde(borrow, default, rename = "lastTrade")]
    pub(crate) last_trade: Option<LastTradeRow<'a>>,
    #[serde(borrow, default, rename = "lastQuote")]
    pub(crate) last_quote: Option<LastQuoteRow<'a>>,
}

/// A listed security.
#[derive(Debug, Deserialize)]
pub(crate) struct ListingRow<'a> {
    #[serde(borrow)]
    pub(crate) ticker: Cow<'a, str>,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) primary_exchange: Option<String>,
    #[serde(default)]
    pub(crate) r#type: Option<String>,
    #[serde(default)]
    pub(crate) active: Option<bool>,
    #[serde(default)]
    pub(crate) currency_name: Option<String>,
    #[serde(default)]
    pub(crate) cik: Option<String>,
    #[serde(default)]
    pub(crate) composite_figi: Option<String>,
}

/// A day's own figures, flat and without a list.
#[derive(Debug, Deserialize)]
pub(crate) struct OpenCloseRow<'a> {
    #[serde(borrow)]
    pub(crate) from: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) symbol: Cow<'a, str>,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
    #[serde(default, rename = "afterHours")]
    pub(crate) after_hours: Option<f64>,
    #[serde(default, rename = "preMarket")]
    pub(crate) pre_market: Option<f64>,
    #[serde(default)]
    pub(crate) otc: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MarketStatusRow<'a> {
    #[serde(borrow)]
    pub(crate) market: Cow<'a, str>,
    #[serde(default, rename = "earlyHours")]
    pub(crate) early_hours: bool,
    #[serde(default, rename = "afterHours")]
    pub(crate) after_hours: bool,
    #[serde(borrow, rename = "serverTime")]
    pub(crate) server_time: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct HolidayRow<'a> {
    #[serde(borrow)]
    pub(crate) date: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) exchange: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) close: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SplitRow<'a> {
    #[serde(borrow)]
    pub(crate) ticker: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) execution_date: Cow<'a, str>,
    /// `None` where the venue names none: only the day of such a split is known.
    #[serde(default)]
    pub(crate) split_from: Option<f64>,
    #[serde(default)]
    pub(crate) split_to: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DividendRow<'a> {
    #[serde(borrow)]
    pub(crate) ticker: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) ex_dividend_date: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) pay_date: Option<Cow<'a, str>>,
    pub(crate) cash_amount: f64,
    #[serde(default)]
    pub(crate) currency: Option<String>,
}

/// The best bid and ask from a page.
#[derive(Debug, Deserialize)]
pub(crate) struct QuoteRow {
    #[serde(default)]
    pub(crate) bid_price: f64,
    #[serde(default)]
    pub(crate) bid_size: f64,
    #[serde(default)]
    pub(crate) ask_price: f64,
    #[serde(default)]
    pub(crate) ask_size: f64,
    pub(crate) sip_timestamp: i64,
}

/// The meaning of a number or a code.
#[derive(Debug, Deserialize)]
pub(crate) struct GlossaryRow<'a> {
    #[serde(default)]
    pub(crate) id: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) code: Option<Cow<'a, str>>,
    #[serde(alias = "description")]
    pub(crate) name: String,
}

/// `T`: a trade from the socket.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct TradeEvent<'a> {
    #[serde(borrow)]
    pub(crate) sym: Cow<'a, str>,
    #[serde(default)]
    pub(crate) x: i64,
    #[serde(borrow)]
    pub(crate) i: Cow<'a, str>,
    pub(crate) p: f64,
    #[serde(default)]
    pub(crate) s: Option<f64>,
    #[serde(borrow, default)]
    pub(crate) ds: Option<Cow<'a, str>>,
    pub(crate) t: i64,
    #[serde(default)]
    pub(crate) q: i64,
    #[serde(default)]
    pub(crate) trfi: Option<i64>,
}

/// `A` and `AM`: a bar from the socket.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct AggregateEvent<'a> {
    #[serde(borrow)]
    pub(crate) sym: Cow<'a, str>,
    pub(crate) v: f64,
    /// The volume as text, to the last fraction of a share.
    #[serde(borrow, default)]
    pub(crate) dv: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) vw: Option<f64>,
    pub(crate) o: f64,
    pub(crate) c: f64,
    pub(crate) h: f64,
    pub(crate) l: f64,
    /// The open time in ms; its name was `t` once.
    #[serde(alias = "t")]
    pub(crate) s: i64,
}

/// `Q`: the best bid and ask.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct QuoteEvent<'a> {
    #[serde(borrow)]
    pub(crate) sym: Cow<'a, str>,
    #[serde(default)]
    pub(crate) bp: f64,
    #[serde(default)]
    pub(crate) bs: f64,
    #[serde(default)]
    pub(crate) ap: f64,
    #[serde(default, rename = "as")]
    pub(crate) ask_size: f64,
    pub(crate) t: i64,
}

/// `LULD`: the price band of a share. The only event that names the share `T`.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct BandEvent<'a> {
    #[serde(borrow, rename = "T")]
    pub(crate) sym: Cow<'a, str>,
    pub(crate) h: f64,
    pub(crate) l: f64,
    #[serde(default)]
    pub(crate) i: Vec<u32>,
    /// The time in nanoseconds; the documentation says milliseconds, and its example has microseconds.
    pub(crate) t: i64,
}

/// `status`: a message about the socket itself.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct StatusEvent<'a> {
    #[serde(borrow)]
    pub(crate) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) message: Cow<'a, str>,
}

/// The fields that every event has.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageHeader<'a> {
    #[serde(borrow)]
    pub(crate) ev: Cow<'a, str>,
}

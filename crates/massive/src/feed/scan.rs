//! A fast reader of events, several times as fast as serde, that gives up on anything unusual.
//!
//! Massive writes compact objects of plain texts and numbers, the kind of event first. Anything else (blanks,
//! escapes, nested values, a missing field) makes this reader give up, and serde reads the event or reports
//! what is wrong with it. So this decides how fast an event is read, not whether. It checks fields that nobody
//! reads less closely.

use std::borrow::Cow;

use market_backbone_core::Timeframe;

use super::tokens::object;
use crate::wire::{AggregateEvent, QuoteEvent, TradeEvent};

/// The value of an integer that is missing; no time equals it.
const ABSENT: i64 = i64::MIN;

/// The kinds of event that arrive thousands of times a second.
pub(super) enum ScannedEvent<'a> {
    Trade(TradeEvent<'a>),
    Bar(Timeframe, AggregateEvent<'a>),
    Quote(QuoteEvent<'a>),
}

/// Reads the event at the beginning of `text`, and returns it with the text after it.
pub(super) fn event(text: &str) -> Option<(ScannedEvent<'_>, &str)> {
    let name = text.strip_prefix("{\"ev\":\"")?;
    match name.split_at_checked(name.find('"')?)?.0 {
        "T" => TradeEvent::scan(text).map(|(row, rest)| (ScannedEvent::Trade(row), rest)),
        "A" => AggregateEvent::scan(text).map(|(row, rest)| (ScannedEvent::Bar(Timeframe::S1, row), rest)),
        "AM" => AggregateEvent::scan(text).map(|(row, rest)| (ScannedEvent::Bar(Timeframe::M1, row), rest)),
        "Q" => QuoteEvent::scan(text).map(|(row, rest)| (ScannedEvent::Quote(row), rest)),
        _ => None,
    }
}

impl<'a> TradeEvent<'a> {
    fn scan(text: &'a str) -> Option<(Self, &'a str)> {
        let (mut sym, mut i) = ("", None);
        let (mut x, mut t, mut q, mut trfi) = (0, ABSENT, 0, None);
        let (mut p, mut s, mut ds) = (f64::NAN, None, None);
        let rest = object(text, |key, value| {
            match key {
                "sym" => sym = value.text()?,
                "x" => x = value.integer()?,
                "i" => i = Some(value.text()?),
                "p" => p = value.number()?,
                "s" => s = Some(value.number()?),
                "ds" => ds = Some(Cow::Borrowed(value.text()?)),
                "t" => t = value.integer()?,
                "q" => q = value.integer()?,
                "trfi" => trfi = Some(value.integer()?),
                _ => {}
            }
            Some(())
        })?;
        let whole = !sym.is_empty() && t != ABSENT && !p.is_nan();
        let row = Self { sym: Cow::Borrowed(sym), x, i: Cow::Borrowed(i?), p, s, ds, t, q, trfi };
        whole.then_some((row, rest))
    }
}

impl<'a> AggregateEvent<'a> {
    fn scan(text: &'a str) -> Option<(Self, &'a str)> {
        let mut row = Self {
            sym: Cow::Borrowed(""),
            v: f64::NAN,
            dv: None,
            vw: None,
            o: f64::NAN,
            c: f64::NAN,
            h: f64::NAN,
            l: f64::NAN,
            s: ABSENT,
        };
        let rest = object(text, |key, value| {
            match key {
                "sym" => row.sym = Cow::Borrowed(value.text()?),
                "v" => row.v = value.number()?,
                "dv" => row.dv = Some(Cow::Borrowed(value.text()?)),
                "vw" => row.vw = Some(value.number()?),
                "o" => row.o = value.number()?,
                "c" => row.c = value.number()?,
                "h" => row.h = value.number()?,
                "l" => row.l = value.number()?,
                "s" | "t" => row.s = value.integer()?,
                _ => {}
            }
            Some(())
        })?;
        let figures = [row.v, row.o, row.c, row.h, row.l];
        let whole = !row.sym.is_empty() && row.s != ABSENT && !figures.into_iter().any(f64::is_nan);
        whole.then_some((row, rest))
    }
}

impl<'a> QuoteEvent<'a> {
    fn scan(text: &'a str) -> Option<(Self, &'a str)> {
        let (mut sym, mut t) = ("", ABSENT);
        let (mut bp, mut bs, mut ap, mut ask_size) = (0.0, 0.0, 0.0, 0.0);
        let rest = object(text, |key, value| {
            match key {
                "sym" => sym = value.text()?,
                "bp" => bp = value.number()?,
                "bs" => bs = value.number()?,
                "ap" => ap = value.number()?,
                "as" => ask_size = value.number()?,
                "t" => t = value.integer()?,
                _ => {}
            }
            Some(())
        })?;
        let whole = !sym.is_empty() && t != ABSENT;
        whole.then_some((Self { sym: Cow::Borrowed(sym), bp, bs, ap, ask_size, t }, rest))
    }
}

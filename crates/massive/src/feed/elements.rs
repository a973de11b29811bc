//! Parts of frames that are read apart: times of an unknown unit, names of channels, single elements.

use market_backbone_core::{Channel, FrameError, Symbol, SymbolTable, Timestamp, VenueId};
use market_backbone_venue_kit::unreadable_frame;
use serde_json::value::RawValue;

use crate::naming::channel_kind;

/// Reads a time whose unit is not certain; its size tells the unit for times of this century.
pub(super) fn timestamp_of_any_unit(time: i64) -> Timestamp {
    /// A number that is the year 5138 in milliseconds, and 1973 in microseconds.
    const MICROS: i64 = 100_000_000_000_000;
    match time {
        ..MICROS => Timestamp::from_millis(time),
        MICROS..100_000_000_000_000_000 => Timestamp::from_nanos(time * 1_000),
        _ => Timestamp::from_nanos(time),
    }
}

/// Returns the channel called `name`: `T.BRK.B` is the channel of trades of `BRK.B`.
pub(super) fn channel(source: VenueId, name: &str, symbols: &SymbolTable) -> Option<Channel> {
    let (kind, code) = name.split_once('.')?;
    let symbol = match code {
        "*" => Symbol::any(source),
        code => symbols.resolve(code).or_else(|| Symbol::new(source, code).ok())?,
    };
    Some(Channel { symbol, kind: channel_kind(kind)? })
}

/// Returns the first value of `text`, whatever it is, and the text after it.
pub(super) fn element(text: &str) -> Result<(&RawValue, &str), FrameError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(raw)) => Ok((raw, text.get(values.byte_offset()..).unwrap_or_default())),
        Some(Err(error)) => Err(unreadable_frame(&error, text)),
        None => Err(FrameError("the frame ends in the middle".to_owned())),
    }
}

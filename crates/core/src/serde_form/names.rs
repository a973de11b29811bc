//! Times, and the names of venues, markets, timeframes and kinds.

use serde::{Deserialize, Serialize};

use super::{spelt_as, spelt_as_text};
use crate::{
    Channel, Day, Series, Side, StreamKind, Symbol, SymbolError, TimeError, TimeRange, Timeframe, Timestamp,
    TradeId, VenueId,
};

spelt_as_text!(VenueId, "the name of a source, such as `upbit`");
spelt_as_text!(Timeframe, "a timeframe, such as `1m`");
spelt_as_text!(StreamKind, "a kind of live data, such as `trade`");
spelt_as_text!(Day, "a day, such as `2026-08-03`");

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.as_nanos())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self::from_nanos)
    }
}

#[derive(Serialize, Deserialize)]
struct RangeForm {
    from: Timestamp,
    to: Timestamp,
}

impl From<&TimeRange> for RangeForm {
    fn from(range: &TimeRange) -> Self {
        Self { from: range.from(), to: range.to() }
    }
}

impl TryFrom<RangeForm> for TimeRange {
    type Error = TimeError;

    fn try_from(form: RangeForm) -> Result<Self, TimeError> {
        Self::new(form.from, form.to)
    }
}

spelt_as!(TimeRange, RangeForm);

#[derive(Serialize, Deserialize)]
struct SymbolForm {
    venue: VenueId,
    symbol: String,
}

impl From<&Symbol> for SymbolForm {
    fn from(symbol: &Symbol) -> Self {
        Self { venue: symbol.venue(), symbol: symbol.code().to_owned() }
    }
}

impl TryFrom<SymbolForm> for Symbol {
    type Error = SymbolError;

    fn try_from(form: SymbolForm) -> Result<Self, SymbolError> {
        Self::new(form.venue, &form.symbol)
    }
}

spelt_as!(Symbol, SymbolForm);

#[derive(Serialize, Deserialize)]
struct SeriesForm {
    venue: VenueId,
    symbol: String,
    timeframe: Timeframe,
}

impl From<&Series> for SeriesForm {
    fn from(series: &Series) -> Self {
        let SymbolForm { venue, symbol } = (&series.symbol).into();
        Self { venue, symbol, timeframe: series.timeframe }
    }
}

impl TryFrom<SeriesForm> for Series {
    type Error = SymbolError;

    fn try_from(form: SeriesForm) -> Result<Self, SymbolError> {
        Ok(Self::new(Symbol::new(form.venue, &form.symbol)?, form.timeframe))
    }
}

spelt_as!(Series, SeriesForm);

#[derive(Serialize, Deserialize)]
struct ChannelForm {
    venue: VenueId,
    symbol: String,
    kind: StreamKind,
}

impl From<&Channel> for ChannelForm {
    fn from(channel: &Channel) -> Self {
        let SymbolForm { venue, symbol } = (&channel.symbol).into();
        Self { venue, symbol, kind: channel.kind }
    }
}

impl TryFrom<ChannelForm> for Channel {
    type Error = SymbolError;

    fn try_from(form: ChannelForm) -> Result<Self, SymbolError> {
        Ok(Self { symbol: Symbol::new(form.venue, &form.symbol)?, kind: form.kind })
    }
}

spelt_as!(Channel, ChannelForm);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideForm {
    Buy,
    Sell,
}

impl From<&Side> for SideForm {
    fn from(side: &Side) -> Self {
        match side {
            Side::Buy => Self::Buy,
            Side::Sell => Self::Sell,
        }
    }
}

impl From<SideForm> for Side {
    fn from(form: SideForm) -> Self {
        match form {
            SideForm::Buy => Self::Buy,
            SideForm::Sell => Self::Sell,
        }
    }
}

spelt_as!(Side, SideForm);

impl Serialize for TradeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is a number as this crate writes one is a number again; every other text is a text.
impl<'de> Deserialize<'de> for TradeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            _ => Self::Text(text.into()),
        })
    }
}

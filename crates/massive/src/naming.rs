//! The names that Massive gives to itself, its markets, timeframes and trades.

use market_backbone_core::{StreamKind, Timeframe, TradeId, VenueId};

/// How messages call it.
pub(crate) const VENUE: &str = "massive";
/// Massive (Polygon, until 2025): the house itself, and the family of all who speak its protocol.
pub const MASSIVE: VenueId = VenueId::new("massive");
/// The venue's own hosts, under both of its names, and those with the same data delayed by fifteen minutes. Its
/// other sockets (`business`, `nasdaqfeed` and the like) carry other tapes.
pub static MASSIVE_HOSTS: [(&str, VenueId); 6] = [
    ("api.massive.com", MASSIVE),
    ("api.polygon.io", MASSIVE),
    ("socket.massive.com", MASSIVE),
    ("socket.polygon.io", MASSIVE),
    ("delayed.massive.com", MASSIVE),
    ("delayed.polygon.io", MASSIVE),
];
/// The address of Massive's REST API.
pub const REST_URL: &str = "https://api.massive.com";
/// The address of the socket for stocks.
pub const WS_URL: &str = "wss://socket.massive.com/stocks";
/// The address of the same socket with a delay of fifteen minutes, for plans without real-time data.
pub const DELAYED_WS_URL: &str = "wss://delayed.massive.com/stocks";

/// The multiplier and the timespan of a timeframe; `None` where it is not known how Massive cuts such bars.
pub(crate) const fn timespan(timeframe: Timeframe) -> Option<(u32, &'static str)> {
    Some(match timeframe {
        Timeframe::S1 => (1, "second"),
        Timeframe::M1 => (1, "minute"),
        Timeframe::M3 => (3, "minute"),
        Timeframe::M5 => (5, "minute"),
        Timeframe::M10 => (10, "minute"),
        Timeframe::M15 => (15, "minute"),
        Timeframe::M30 => (30, "minute"),
        Timeframe::H1 => (1, "hour"),
        Timeframe::H4 => (4, "hour"),
        Timeframe::D1 => (1, "day"),
        Timeframe::W1 => (1, "week"),
        Timeframe::Month => (1, "month"),
        Timeframe::Year => (1, "year"),
        _ => return None,
    })
}

/// Returns the most counted bars of which a candle is made: minutes below a day, days from there on.
pub(crate) const fn base_bars(timeframe: Timeframe) -> u32 {
    const DAY: i64 = 86_400;
    match timeframe.fixed_secs() {
        // A candle of a second is one bar as well.
        Some(..60) => 1,
        Some(secs @ 60..DAY) => (secs / 60) as u32,
        Some(secs) => (secs / DAY) as u32,
        None if matches!(timeframe, Timeframe::Month) => 31,
        None => 366,
    }
}

/// Returns the socket's name for a kind of data.
pub(crate) const fn channel_name(kind: StreamKind) -> Option<&'static str> {
    match kind {
        StreamKind::Trade => Some("T"),
        StreamKind::Book => Some("Q"),
        StreamKind::Band => Some("LULD"),
        StreamKind::Candle(Timeframe::S1) => Some("A"),
        StreamKind::Candle(Timeframe::M1) => Some("AM"),
        _ => None,
    }
}

/// Returns the kind of data that the socket calls `name`.
pub(crate) fn channel_kind(name: &str) -> Option<StreamKind> {
    Some(match name {
        "T" => StreamKind::Trade,
        "Q" => StreamKind::Book,
        "LULD" => StreamKind::Band,
        "A" => StreamKind::Candle(Timeframe::S1),
        "AM" => StreamKind::Candle(Timeframe::M1),
        _ => return None,
    })
}

/// Returns the ticker that a person calls `name`. Letters that are all small are taken for capitals, because
/// few people type capitals. Mixed case is kept: `BACpB` is one share, `BACPB` another.
pub(crate) fn normalize_code(name: &str) -> String {
    // Massive separates classes of shares by a dot, others by a slash.
    let name = name.trim().replace('/', ".");
    if name.contains(|c: char| c.is_ascii_uppercase()) { name } else { name.to_ascii_uppercase() }
}

/// Returns whether `code` can stand in a path: anything else would ask for another route.
pub(crate) fn is_ticker(code: &str) -> bool {
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    code.chars().all(sound) && code.chars().any(|c| c.is_ascii_alphanumeric())
}

/// The fields that together identify a trade. No part of them is unique, and the last four are not in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TradeIdParts<'a> {
    /// The time at which the tape received it, in ms. The socket sends no more digits.
    pub(crate) millis: i64,
    pub(crate) sequence: i64,
    pub(crate) exchange: i64,
    pub(crate) facility: i64,
    pub(crate) id: &'a str,
}

/// The digits of a time in milliseconds, until the year 2286.
const TIME_DIGITS: usize = 13;
const SEQUENCE_DIGITS: usize = 12;

/// More than the longest name that was seen; a longer one is written on the heap.
const ID_BUFFER: usize = 96;

impl TradeIdParts<'_> {
    /// A text that sorts by time and then by sequence number, and is the same whether the trade came by socket or by
    /// page. Nothing is allocated for it while the tape's own name is a number.
    pub(crate) fn to_id(self) -> TradeId {
        let mut buffer = IdBuffer { bytes: [0; ID_BUFFER], len: 0 };
        if self.write(&mut buffer).is_some()
            && let Ok(text) = std::str::from_utf8(&buffer.bytes[..buffer.len])
        {
            return TradeId::Text(text.into());
        }
        let Self { millis, sequence, exchange, facility, id } = self;
        let (time, number) = (padded(millis, TIME_DIGITS), padded(sequence, SEQUENCE_DIGITS));
        TradeId::Text(format!("{time}:{number}:{exchange}:{facility}:{id}").into())
    }

    /// Writes the text, or returns `None` where it is too long or one of its numbers is negative.
    fn write(self, out: &mut IdBuffer) -> Option<()> {
        out.number(self.millis, TIME_DIGITS)?;
        out.push(b":")?;
        out.number(self.sequence, SEQUENCE_DIGITS)?;
        out.push(b":")?;
        out.number(self.exchange, 1)?;
        out.push(b":")?;
        out.number(self.facility, 1)?;
        out.push(b":")?;
        out.push(self.id.as_bytes())
    }
}

/// A text that is being written; this is on the way of every trade, and several times faster than `write!`.
struct IdBuffer {
    bytes: [u8; ID_BUFFER],
    len: usize,
}

impl IdBuffer {
    fn push(&mut self, text: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.len..self.len + text.len())?.copy_from_slice(text);
        self.len += text.len();
        Some(())
    }

    /// Writes a number with leading zeros.
    fn number(&mut self, number: i64, least: usize) -> Option<()> {
        let mut rest = u64::try_from(number).ok()?;
        let digits = least.max(rest.checked_ilog10().map_or(1, |log| log as usize + 1));
        let place = self.bytes.get_mut(self.len..self.len + digits)?;
        let mut pairs = place.rchunks_exact_mut(2);
        for pair in &mut pairs {
            let two = u8::try_from(rest % 100).unwrap_or(0);
            (pair[0], pair[1]) = (b'0' + two / 10, b'0' + two % 10);
            rest /= 100;
        }
        if let [first] = pairs.into_remainder() {
            *first = b'0' + u8::try_from(rest).unwrap_or(0);
        }
        self.len += digits;
        Some(())
    }
}

/// Spells a number with leading zeros. No clock and no counter is negative: sorted before all others, it does no harm.
fn padded(number: i64, digits: usize) -> String {
    if number < 0 { number.to_string() } else { format!("{number:0digits$}") }
}

/// Returns the millisecond of the trade with this `id`.
pub(crate) fn millis_of(id: &TradeId) -> Option<i64> {
    let TradeId::Text(text) = id else { return None };
    text.with_str(|text| {
        let digits = text.split(':').next().unwrap_or_default();
        (digits.len() == TIME_DIGITS).then(|| digits.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_reads_back() {
        let kinds = [StreamKind::Trade, StreamKind::Ticker, StreamKind::Book, StreamKind::Band];
        for kind in kinds.into_iter().chain(Timeframe::ALL.map(StreamKind::Candle)) {
            if let Some(name) = channel_name(kind) {
                assert_eq!(channel_kind(name), Some(kind));
            }
        }
        assert_eq!(channel_name(StreamKind::Candle(Timeframe::M5)), None);
        assert_eq!(channel_kind("ZZ"), None);
    }

    #[test]
    fn small_letters_are_meant_to_be_large_and_mixed_ones_are_what_they_are() {
        for (name, code) in [
            ("aapl", "AAPL"),
            (" Aapl", "Aapl"),
            ("BACpB", "BACpB"),
            ("brk.b", "BRK.B"),
            ("BRK/B", "BRK.B"),
            ("*", "*"),
        ] {
            assert_eq!(normalize_code(name), code);
        }
    }

    #[test]
    fn a_ticker_cannot_lead_elsewhere() {
        for code in ["AAPL", "BRK.A", "KIMpL", "BAC-PK"] {
            assert!(is_ticker(code), "{code}");
        }
        for code in ["..", ".", "*", "A%2FB", "A#B", "A;B", ""] {
            assert!(!is_ticker(code), "{code}");
        }
    }

    #[test]
    fn trades_are_named_in_the_order_of_the_tape() {
        let name = TradeIdParts {
            millis: 1_536_036_818_784,
            sequence: 3_681_328,
            exchange: 4,
            facility: 0,
            id: "12345",
        };
        let id = name.to_id();
        assert_eq!(id.to_string(), "1536036818784:000003681328:4:0:12345");
        assert_eq!(millis_of(&id), Some(name.millis));
        assert!(id < TradeIdParts { sequence: 10_000_000, ..name }.to_id());
        assert!(id < TradeIdParts { millis: name.millis + 1, sequence: 1, ..name }.to_id());
        assert_ne!(id, TradeIdParts { facility: 202, ..name }.to_id());
        let long = "9".repeat(ID_BUFFER);
        let spelt = format!("1536036818784:000003681328:4:0:{long}");
        assert_eq!(TradeIdParts { id: &long, ..name }.to_id().to_string(), spelt);
        let odd = TradeIdParts { millis: -5, sequence: 7, exchange: 1234, facility: i64::MAX, id: "a" };
        assert_eq!(odd.to_id().to_string(), format!("-5:000000000007:1234:{}:a", i64::MAX));
        let odd = TradeIdParts {
            millis: i64::MAX,
            sequence: 1_234_567_890_123,
            exchange: 10,
            facility: 0,
            id: "0",
        };
        assert_eq!(odd.to_id().to_string(), format!("{}:1234567890123:10:0:0", i64::MAX));
        for foreign in [TradeId::Number(17), TradeId::Text("17".into()), TradeId::Text("".into())] {
            assert_eq!(millis_of(&foreign), None);
        }
    }
}

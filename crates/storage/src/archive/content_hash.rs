//! A hash of the rows and the coverage of a series: the same on every machine, and computable without this
//! program.

use std::fmt;
use std::str::FromStr;

use market_backbone_core::{Candle, Coverage, Grid, Series, TimeRange};
use ring::digest::{Context, SHA256};

use super::coverage_record::{disputed_slots, known_slots};

const SERIES: &str = "market-backbone series 1\n";
const ARCHIVE: &str = "market-backbone archive 1\n";

/// A SHA-256 of rows and coverage. Displays as 64 hex digits.
///
/// Two machines that fetched at different times, in different pages, but hold and know the same, have the
/// same hash.
///
/// The hash of a series is taken over the following, where every number has eight bytes in little-endian
/// order, and every time is an `i64` of nanoseconds since the epoch:
///
/// 1. the lines `market-backbone series 1`, venue, market and timeframe, each with a line feed at its end;
/// 2. each row, oldest first: open time, then open, high, low, close, volume and turnover as `f64`; after all
///    of them, how many there are (`u64`);
/// 3. each known range, oldest first: from, to (exclusive); after all of them, how many there are. They are
///    rounded up to the next open time of a slot, since only that tells which slots are known, and merged where
///    they touch; the manifest of an archive lists them so. One without a beginning has the lowest `i64` there;
/// 4. each disputed range, and how many there are, in the same way.
///
/// The hash of several series is taken over the line `market-backbone archive 1` and the 32 bytes of each, in
/// their order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Returns the hash of a series with `candles` (oldest first) and `coverage`.
    #[must_use]
    pub fn of(series: &Series, candles: &[Candle], coverage: &Coverage, grid: Grid) -> Self {
        let mut hasher = SeriesHasher::new(series);
        hasher.add(candles);
        hasher.finish(coverage, grid)
    }

    /// Returns the hash of several series, in the given order.
    #[must_use]
    pub fn of_all(series: impl IntoIterator<Item = Self>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(ARCHIVE.as_bytes());
        for hash in series {
            context.update(&hash.0);
        }
        Self::finished(context)
    }

    fn finished(context: Context) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref()); // SHA-256 has 32 bytes
        Self(bytes)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// The error for a text that is no content hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentHashError;

impl fmt::Display for ContentHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content hash has 64 hex digits")
    }
}

impl std::error::Error for ContentHashError {}

impl FromStr for ContentHash {
    type Err = ContentHashError;

    fn from_str(text: &str) -> Result<Self, ContentHashError> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ContentHashError);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ContentHashError)?;
        }
        Ok(Self(bytes))
    }
}

/// A hasher that takes the rows of a series one batch after the other.
pub(super) struct SeriesHasher {
    context: Context,
    series: Series,
    rows: u64,
}

impl SeriesHasher {
    pub(super) fn new(series: &Series) -> Self {
        let mut context = Context::new(&SHA256);
        let Series { symbol, timeframe } = series;
        let name = format!("{SERIES}{}\n{}\n{timeframe}\n", symbol.venue(), symbol.code());
        context.update(name.as_bytes());
        Self { context, series: series.clone(), rows: 0 }
    }

    /// Adds rows, oldest first.
    pub(super) fn add(&mut self, candles: &[Candle]) {
        for candle in candles {
            let Candle { open_time, open, high, low, close, volume, turnover, .. } = *candle;
            self.number(open_time.as_nanos().to_le_bytes());
            for figure in [open, high, low, close, volume, turnover] {
                self.number(figure.to_le_bytes());
            }
        }
        self.rows += candles.len() as u64;
    }

    /// Returns the number of rows added.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn finish(mut self, coverage: &Coverage, grid: Grid) -> ContentHash {
        self.number(self.rows.to_le_bytes());
        let timeframe = self.series.timeframe;
        self.stretches(&known_slots(coverage, timeframe, grid));
        self.stretches(&disputed_slots(coverage, timeframe, grid));
        ContentHash::finished(self.context)
    }

    fn stretches(&mut self, stretches: &[TimeRange]) {
        for stretch in stretches {
            self.number(stretch.from().as_nanos().to_le_bytes());
            self.number(stretch.to().as_nanos().to_le_bytes());
        }
        self.number((stretches.len() as u64).to_le_bytes());
    }

    fn number(&mut self, bytes: [u8; 8]) {
        self.context.update(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Origin, Provenance, Span, Symbol, Timeframe, Timestamp, VenueId};

    fn series() -> Series {
        Series::new(Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap(), Timeframe::M1)
    }

    fn candle(minute: i64) -> Candle {
        Candle {
            open_time: Timestamp::from_secs(minute * 60),
            open: 2.0,
            high: 3.0,
            low: 1.0,
            close: 2.5,
            volume: 0.1,
            turnover: 0.25,
            is_final: true,
        }
    }

    fn span(from: i64, to: i64, asked: i64) -> Span {
        let range = TimeRange::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap();
        let observed_at = Timestamp::from_secs(asked);
        Span { range, provenance: Provenance { origin: Origin::Rest, observed_at } }
    }

    fn hash(candles: &[Candle], spans: &[Span]) -> ContentHash {
        ContentHash::of(&series(), candles, &spans.iter().copied().collect(), Grid::Utc)
    }

    #[test]
    fn the_bytes_are_as_documented() {
        // Computed with Python's hashlib and struct, from the documentation alone.
        let said = hash(&[candle(1), candle(2)], &[span(60, 240, 7)]);
        assert_eq!(said.to_string(), "f3c219b6c43f5b66e044c7ce96f63cb674586cee56fe2b53e2ce7ead13c49a10");
        let all = ContentHash::of_all([said, hash(&[], &[])]);
        assert_eq!(all.to_string(), "a9808b6ecc41095e13553df2f4f13fbf67c0980ca5aa9c841adac509734f26f7");
    }

    #[test]
    fn who_proved_it_and_in_which_pieces_makes_no_difference() {
        let rows = [candle(1), candle(2)];
        let whole = hash(&rows, &[span(60, 240, 7)]);
        assert_eq!(whole, hash(&rows, &[span(60, 120, 8), span(120, 240, 9)]));
        assert_eq!(whole, hash(&rows, &[span(1, 239, 7)]), "the same slots open in both");
    }

    #[test]
    fn what_is_held_and_what_is_known_make_all_the_difference() {
        let rows = [candle(1), candle(2)];
        let whole = hash(&rows, &[span(60, 240, 7)]);
        assert_ne!(whole, hash(&rows[..1], &[span(60, 240, 7)]));
        assert_ne!(whole, hash(&rows, &[span(60, 180, 7)]), "a slot known to be empty, or not");
        let low = 1.0_f64.next_down();
        assert_ne!(whole, hash(&[candle(1), Candle { low, ..candle(2) }], &[span(60, 240, 7)]));
    }

    #[test]
    fn a_hash_reads_back() {
        let said = hash(&[], &[]);
        assert_eq!(said.to_string().parse(), Ok(said));
        for text in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(text.parse::<ContentHash>(), Err(ContentHashError));
        }
    }
}

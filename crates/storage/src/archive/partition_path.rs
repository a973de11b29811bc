//! The paths of rows in an archive: folders named as Hive partitions, so that readers of the whole archive
//! get the source, the symbol and the timeframe as columns.

use market_backbone_core::{Series, Timeframe};

use super::row_file::ArchiveFormat;

/// The folder of rows in an archive. Nothing else lies in it: polars opens a folder only if all its files
/// have the same extension.
pub(super) const ROWS_DIR: &str = "data";

/// Returns the path of a series relative to the archive's folder, like
/// `data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv`.
///
/// Two series never share a path, not even on a disk that does not distinguish `a` from `A`: lower-case
/// letters in a symbol, and upper-case ones in a timeframe, are written as `%` and two hex digits, which
/// readers of such folders decode.
pub(super) fn of(series: &Series, format: ArchiveFormat) -> String {
    let source = escaped(series.symbol.venue().as_str(), |byte| !byte.is_ascii_uppercase());
    let symbol = escaped(series.symbol.code(), |byte| !byte.is_ascii_lowercase());
    let timeframe = escaped(series.timeframe.as_str(), |byte| !byte.is_ascii_uppercase());
    let ending = format.as_str();
    format!("{ROWS_DIR}/source={source}/symbol={symbol}/timeframe={timeframe}/candles.{ending}")
}

/// Returns the file name, without extension, for a file of one series: `KRW-BTC_1m`, and `KRW-BTC_1mo` for
/// the month.
#[must_use]
pub fn file_stem(series: &Series) -> String {
    let timeframe = match series.timeframe {
        Timeframe::Month => "1mo",
        other => other.as_str(),
    };
    format!("{}_{timeframe}", escaped(series.symbol.code(), |byte| byte.is_ascii_uppercase()))
}

/// Escapes all but digits, `-`, `.`, and those letters and signs that are `plain`.
fn escaped(text: &str, plain: impl Fn(u8) -> bool) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        let is_safe = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'~');
        match byte {
            b'0'..=b'9' | b'-' | b'.' => name.push(char::from(byte)),
            _ if is_safe && plain(byte) => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, VenueId};

    fn series(source: &str, code: &str, timeframe: Timeframe) -> Series {
        Series::new(Symbol::new(source.parse::<VenueId>().unwrap(), code).unwrap(), timeframe)
    }

    #[test]
    fn folders_are_named_after_their_series_as_hive_does() {
        let place = |source, code, timeframe| of(&series(source, code, timeframe), ArchiveFormat::Csv);
        let minutes = "data/source=upbit/symbol=KRW-BTC/timeframe=1m/candles.csv";
        assert_eq!(place("upbit", "KRW-BTC", Timeframe::M1), minutes);
        let months = "data/source=upbit-sg/symbol=SGD-BTC/timeframe=1%4D/candles.csv";
        assert_eq!(place("upbit-sg", "SGD-BTC", Timeframe::Month), months);
        let odd = "data/source=massive@127.0.0.1%3A9001/symbol=B%72%6B.%62_%2A/timeframe=1d/candles.csv";
        assert_eq!(place("massive@127.0.0.1:9001", "Brk.b_*", Timeframe::D1), odd);
    }

    #[test]
    fn a_file_that_stands_alone_has_a_name_for_every_disk() {
        assert_eq!(file_stem(&series("upbit", "KRW-BTC", Timeframe::M1)), "KRW-BTC_1m");
        assert_eq!(file_stem(&series("upbit", "KRW-BTC", Timeframe::Month)), "KRW-BTC_1mo");
        assert_eq!(file_stem(&series("massive", "Brk.b_*", Timeframe::D1)), "B%72%6B.%62%5F%2A_1d");
    }
}

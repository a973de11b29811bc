//! The name of a series' table: the only text that enters SQL unbound, so it is built and checked only here.

use std::fmt;

use market_backbone_core::{Series, Symbol, Timeframe, VenueId};

/// A table's name: `candles_KRW_BTC_1m`.
///
/// Two series of a venue never share one, although SQLite does not distinguish `a` from `A`: `-` is written
/// `_`; a character that is neither an upper-case letter nor a digit is written `$` and its two hex digits;
/// the month, which differs from the minute only by case, is written `1mo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableName(
    // Invariant: only A-Z, a-z, 0-9, `_` and `$`, so that it can stand between double quotes.
    String,
);

impl TableName {
    pub(super) fn of(series: &Series) -> Self {
        let mut name = String::from("candles_");
        for byte in series.symbol.code().bytes() {
            match byte {
                b'A'..=b'Z' | b'0'..=b'9' => name.push(char::from(byte)),
                b'-' => name.push('_'),
                other => name.push_str(&format!("${other:02X}")),
            }
        }
        name.push('_');
        name.push_str(match series.timeframe {
            Timeframe::Month => "1mo",
            other => other.as_str(),
        });
        Self(name)
    }

    /// Returns the series whose table has this name; `None` if there is none.
    pub(super) fn series(venue: VenueId, name: &str) -> Option<Series> {
        let (code, timeframe) = name.strip_prefix("candles_")?.rsplit_once('_')?;
        let timeframe = match timeframe {
            "1mo" => Timeframe::Month,
            other => other.parse().ok()?,
        };
        let series = Series::new(Symbol::new(venue, &decode_symbol_code(code)?).ok()?, timeframe);
        (Self::of(&series).0 == name).then_some(series)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Decodes a market's code from its spelling in a name.
fn decode_symbol_code(written: &str) -> Option<String> {
    let mut code = String::with_capacity(written.len());
    let mut rest = written.chars();
    while let Some(letter) = rest.next() {
        code.push(match letter {
            '_' => '-',
            '$' => {
                let digits = [rest.next()?, rest.next()?].map(|digit| digit.to_digit(16));
                char::from_u32(digits[0]? * 16 + digits[1]?)?
            }
            other => other,
        });
    }
    Some(code)
}

/// Displays the name between double quotes, as SQL needs it.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{Symbol, VenueId};
    use proptest::prelude::*;

    fn name(code: &str, timeframe: Timeframe) -> String {
        let symbol = Symbol::new(VenueId::new("upbit"), code).unwrap();
        TableName::of(&Series::new(symbol, timeframe)).0
    }

    #[test]
    fn ordinary_markets_have_readable_tables() {
        assert_eq!(name("KRW-BTC", Timeframe::M1), "candles_KRW_BTC_1m");
        assert_eq!(name("KRW-BTC", Timeframe::Month), "candles_KRW_BTC_1mo");
        assert_eq!(name("BRK.B", Timeframe::D1), "candles_BRK$2EB_1d");
    }

    #[test]
    fn other_names_are_no_series() {
        for name in
            ["candles", "candles_1m", "candles_KRW_BTC_1M", "candles_KRW-BTC_1m", "candles_$2_1m", "x"]
        {
            assert_eq!(TableName::series(VenueId::new("upbit"), name), None, "{name}");
        }
    }

    fn code() -> impl Strategy<Value = String> {
        // Few letters, so that near misses are frequent, and every kind of character that has its own rule.
        let letter = prop::sample::select(vec!['A', 'a', 'B', '2', 'E', '-', '_', '.', '$', '\'', ';']);
        prop::collection::vec(letter, 1..6).prop_map(|letters| letters.into_iter().collect())
    }

    fn frame() -> impl Strategy<Value = Timeframe> {
        prop::sample::select(Timeframe::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn no_two_series_share_a_table(a in code(), b in code(), x in frame(), y in frame()) {
            let (first, second) = (name(&a, x), name(&b, y));
            prop_assert_eq!((&a, x) == (&b, y), first.eq_ignore_ascii_case(&second), "{} {}", first, second);
        }

        #[test]
        fn a_series_is_read_back_from_its_name(code in code(), x in frame()) {
            let venue = VenueId::new("upbit");
            let series = Series::new(Symbol::new(venue, &code).unwrap(), x);
            prop_assert_eq!(TableName::series(venue, &name(&code, x)), Some(series));
        }

        #[test]
        fn a_name_can_stand_in_sql(code in r"[!#-%'-+.0->@-\[\]-~-]{1,40}", x in frame()) {

            let safe = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
            prop_assert!(name(&code, x).chars().all(safe));
        }
    }
}

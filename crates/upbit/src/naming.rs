//! The names that Upbit gives to itself, its markets and its timeframes.

use market_backbone_core::{Timeframe, Timestamp, VenueId};

/// The id of Upbit: the Korean exchange, and the family of all sources that speak its protocol.
pub const UPBIT: VenueId = VenueId::new("upbit");
/// How messages call it.
pub(crate) const VENUE: &str = "upbit";
/// The address where Upbit Korea answers requests; paths begin with `/v1/`.
pub const REST_URL: &str = "https://api.upbit.com";
/// The address of Upbit Korea's public socket.
pub const WS_URL: &str = "wss://api.upbit.com/websocket/v1";

/// Returns the quote and the base of `KRW-BTC`. The quote comes first here; other venues write it last.
pub(crate) fn quote_and_base(code: &str) -> Option<(&str, &str)> {
    code.split_once('-').filter(|(quote, base)| !quote.is_empty() && !base.is_empty())
}

/// The currencies that are never the base of a market: no coin has such a code.
const FIAT: [&str; 4] = ["KRW", "SGD", "IDR", "THB"];

/// Returns the code of the market that a person writes as `krw-btc`, `BTC/KRW` or `btckrw`. Where no rule makes
/// the code certain, only the case and the dash are changed.
pub(crate) fn normalize_code(name: &str) -> String {
    let name = name.trim();
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_')) {
        return name.to_owned();
    }
    let name = name.to_ascii_uppercase();
    let is_money = |part: &str| FIAT.contains(&part);
    let is_quote = |part: &str| is_money(part) || part == "USDT" || part == "BTC";
    if let Some((base, quote)) = name.split_once('/') {
        // In this spelling the quote comes last everywhere.
        return if is_quote(quote) && !is_money(base) { code_of(quote, base) } else { code_of(base, quote) };
    }
    if let Some((first, last)) = name.split_once(['-', '_']) {
        return if is_money(last) && !is_money(first) { code_of(last, first) } else { code_of(first, last) };
    }
    let quotes = FIAT.iter().chain(&["USDT"]);
    let bare = |base: &str| base.len() > 1 && !is_money(base);
    let found = quotes.clone().find_map(|quote| {
        let base = name.strip_suffix(quote).or_else(|| name.strip_prefix(quote))?;
        bare(base).then(|| code_of(quote, base))
    });
    found.unwrap_or(name)
}

fn code_of(quote: &str, base: &str) -> String {
    format!("{quote}-{base}")
}

/// The path of a timeframe's pages; `None` where Upbit has none.
pub(crate) const fn candle_path(timeframe: Timeframe) -> Option<&'static str> {
    Some(match timeframe {
        Timeframe::S1 => "/v1/candles/seconds",
        Timeframe::M1 => "/v1/candles/minutes/1",
        Timeframe::M3 => "/v1/candles/minutes/3",
        Timeframe::M5 => "/v1/candles/minutes/5",
        Timeframe::M10 => "/v1/candles/minutes/10",
        Timeframe::M15 => "/v1/candles/minutes/15",
        Timeframe::M30 => "/v1/candles/minutes/30",
        Timeframe::H1 => "/v1/candles/minutes/60",
        Timeframe::H4 => "/v1/candles/minutes/240",
        Timeframe::D1 => "/v1/candles/days",
        Timeframe::W1 => "/v1/candles/weeks",
        Timeframe::Month => "/v1/candles/months",
        Timeframe::Year => "/v1/candles/years",
        _ => return None,
    })
}

/// Returns the `unit` in the rows of a page of minute candles.
pub(crate) const fn minutes(timeframe: Timeframe) -> Option<u32> {
    Some(match timeframe {
        Timeframe::M1 => 1,
        Timeframe::M3 => 3,
        Timeframe::M5 => 5,
        Timeframe::M10 => 10,
        Timeframe::M15 => 15,
        Timeframe::M30 => 30,
        Timeframe::H1 => 60,
        Timeframe::H4 => 240,
        _ => return None,
    })
}

/// Returns the socket's name for forming candles. There is none for a day and longer.
pub(crate) const fn candle_stream(timeframe: Timeframe) -> Option<&'static str> {
    Some(match timeframe {
        Timeframe::S1 => "candle.1s",
        Timeframe::M1 => "candle.1m",
        Timeframe::M3 => "candle.3m",
        Timeframe::M5 => "candle.5m",
        Timeframe::M10 => "candle.10m",
        Timeframe::M15 => "candle.15m",
        Timeframe::M30 => "candle.30m",
        Timeframe::H1 => "candle.60m",
        Timeframe::H4 => "candle.240m",
        _ => return None,
    })
}

/// Returns the timeframe of a candle stream, named without its `candle.`.
pub(crate) fn stream_timeframe(unit: &str) -> Option<Timeframe> {
    Some(match unit {
        "1s" => Timeframe::S1,
        "1m" => Timeframe::M1,
        "3m" => Timeframe::M3,
        "5m" => Timeframe::M5,
        "10m" => Timeframe::M10,
        "15m" => Timeframe::M15,
        "30m" => Timeframe::M30,
        "60m" => Timeframe::H1,
        "240m" => Timeframe::H4,
        _ => return None,
    })
}

/// Ids count the trades of a millisecond in their last four digits; what is before them is the millisecond.
const IDS_PER_MILLISECOND: i64 = 10_000;

/// The id that sorts before those of all trades from `moment` on, and after those of all others.
pub(crate) fn first_id_of(moment: Timestamp) -> i64 {
    moment.as_millis().saturating_mul(IDS_PER_MILLISECOND)
}

/// The millisecond in which the trade called `id` happened.
pub(crate) fn time_of_id(id: i64) -> Timestamp {
    Timestamp::from_millis(id.div_euclid(IDS_PER_MILLISECOND))
}

/// Reads `2026-08-03T10:40:00`, which means UTC without saying so.
pub(crate) fn parse_utc(text: &str) -> Option<Timestamp> {
    if text.len() != 19 {
        return None;
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    let moment = jiff::tz::Offset::UTC.to_timestamp(civil).ok()?;
    Some(Timestamp::from_secs(moment.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_reads_back_and_days_have_none() {
        for timeframe in Timeframe::ALL {
            let name = candle_stream(timeframe);
            assert_eq!(
                name.and_then(|name| stream_timeframe(name.strip_prefix("candle.")?)),
                name.map(|_| timeframe)
            );
        }
        assert_eq!(candle_stream(Timeframe::D1), None);
        assert_eq!(stream_timeframe("60m"), Some(Timeframe::H1));
        assert_eq!(stream_timeframe("1h"), None);
    }

    #[test]
    fn a_market_is_known_by_what_people_call_it() {
        for (code, names) in [
            (
                "KRW-BTC",
                &["KRW-BTC", "krw-btc", "BTC/KRW", "krw/btc", "btckrw", "KRWBTC", "btc-krw", " krw_btc "][..],
            ),
            ("BTC-ETH", &["btc-eth", "ETH/BTC", "BTC/ETH"]),
            ("USDT-BTC", &["usdt-btc", "BTC/USDT", "BTCUSDT", "usdtbtc"]),
            ("KRW-USDT", &["usdt/krw", "KRWUSDT", "USDT-KRW"]),
            ("SGD-BTC", &["btc/sgd", "btcsgd"]),
            ("KRW-1INCH", &["1inch/krw"]),
        ] {
            for name in names {
                assert_eq!(normalize_code(name), code, "{name}");
            }
        }
    }

    #[test]
    fn what_could_be_several_markets_is_left_as_it_is() {
        for name in ["BTC", "ETHBTC", "BIDR", "USDT", "KRW", "NOPE", "*", "BTC-USDT", "KRW-NOPE", ""] {
            assert_eq!(normalize_code(name), name);
        }
        assert_eq!(normalize_code("foo/bar"), "FOO-BAR");
        for name in ["KRW BTC", "krw-btc,krw-eth", "비트코인"] {
            assert_eq!(normalize_code(name), name, "no market, and no slip of the hand either");
        }
    }

    #[test]
    fn the_quote_comes_first() {
        assert_eq!(quote_and_base("KRW-BTC"), Some(("KRW", "BTC")));
        assert_eq!(quote_and_base("KRWBTC"), None);
        assert_eq!(quote_and_base("KRW-"), None);
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(parse_utc("2026-08-03T10:40:00"), "2026-08-03T10:40:00Z".parse().ok());
        for text in ["", "2026-08-03", "2026-08-03T25:40:00", "2026-08-03T10:40:00Z", "비트코인비트코"]
        {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }
}

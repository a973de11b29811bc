//! One list, and the formats in which such lists are exchanged.

use std::fmt;

use serde_json::{Map, Value};

/// The kind of a list, which says how its key is formed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UniverseKind {
    /// A list of stocks: `name:key`.
    StockUniverse,
    /// A list of stocks and funds: `name:key`.
    StockEtfCombo,
    /// The holdings of a fund: `etf_key`.
    Etf,
    /// A theme: `theme_name`.
    Themes,
    /// A user's own list, with its key as it is.
    Custom,
}

impl UniverseKind {
    /// Returns the kind's name in tables of such lists.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::StockUniverse => "stock_universe",
            Self::StockEtfCombo => "stock_etf_combo",
            Self::Etf => "etf",
            Self::Themes => "themes",
            Self::Custom => "custom",
        }
    }

    pub(super) fn from_name(word: &str) -> Self {
        match word {
            "stock_universe" => Self::StockUniverse,
            "stock_etf_combo" => Self::StockEtfCombo,
            "etf" | "etf_universe" => Self::Etf,
            "theme" | "themes" => Self::Themes,
            _ => Self::Custom,
        }
    }
}

impl fmt::Display for UniverseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A named list of markets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniverseEntry {
    /// The kind of the list.
    pub kind: UniverseKind,
    /// The key by which it is looked up.
    pub lookup: String,
    /// The markets' codes, without duplicates, in their order.
    pub members: Vec<String>,
}

impl UniverseEntry {
    /// Creates a user's own list, looked up by `key`.
    #[must_use]
    pub fn custom(key: impl Into<String>, members: impl IntoIterator<Item = String>) -> Self {
        Self { kind: UniverseKind::Custom, lookup: key.into(), members: each_once(members) }
    }
}

/// The error for an input that is no list of markets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseUniverseError(String);

/// Parses lists from a text:
///
/// - JSON of lists by name: `{"majors": ["KRW-BTC", …], "memes": […]}`;
/// - JSON of one list: `["AAPL", …]`, `{"symbols": ["AAPL", …]}` or `{"stocks": [{"ticker": "AAPL"}, …]}`;
/// - JSON of many with a kind: `[{"type": "stock_universe", "name": …, "key": …, "value": one of the above}, …]`, which
///   bring their own keys;
/// - JSON of one market a line, as `markets --format json` prints them;
/// - anything else: codes separated by commas or line breaks, `#` for a remark.
///
/// # Errors
///
/// [`ParseUniverseError`] if it holds no market, or one list and no `key` was given for it.
pub fn read_universes(text: &str, key: Option<&str>) -> Result<Vec<UniverseEntry>, ParseUniverseError> {
    let entries = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) if items.first().is_some_and(|item| item.get("value").is_some()) => {
            items.iter().map(row).collect::<Result<Vec<_>, _>>()?
        }
        Ok(Value::Object(fields)) if list_in(&fields).is_none() && has_lists(&fields) => {
            by_name(&fields, key)
        }
        Ok(value) => vec![one(key, members(&value))?],
        Err(error) if text.trim_start().starts_with(['[', '{']) => match markets_by_line(text) {
            Some(markets) => vec![one(key, markets)?],
            None => {
                return Err(ParseUniverseError(format!("this begins like JSON, but is invalid: {error}")));
            }
        },
        Err(_) => vec![one(key, plain(text))?],
    };
    match entries.iter().find(|entry| entry.members.is_empty()) {
        Some(empty) => Err(no_market(&empty.lookup)),
        None => Ok(entries),
    }
}

fn no_market(list: &str) -> ParseUniverseError {
    ParseUniverseError(format!(
        "no market in {}; give {{\"NAME\": [\"KRW-BTC\", …]}}, a list of codes, {{\"symbols\": […]}} or \
         {{\"stocks\": [{{\"ticker\": …}}]}}",
        if list.is_empty() { "it" } else { list }
    ))
}

/// Says whether a name stands before a list.
fn has_lists(fields: &Map<String, Value>) -> bool {
    fields.values().any(|value| !members(value).is_empty())
}

/// The lists by their names; a given key renames the only one.
fn by_name(fields: &Map<String, Value>, key: Option<&str>) -> Vec<UniverseEntry> {
    let lists = fields.iter().map(|(name, value)| (name, members(value)));
    let lists: Vec<_> = lists.filter(|(_, members)| !members.is_empty()).collect();
    let key = key.filter(|_| lists.len() == 1);
    lists.into_iter().map(|(name, members)| UniverseEntry::custom(key.unwrap_or(name), members)).collect()
}

/// The markets of a text that is a JSON object on each line; `None` if it is not.
fn markets_by_line(text: &str) -> Option<Vec<String>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| code(&serde_json::from_str(line).ok()?)).collect()
}

fn one(key: Option<&str>, members: Vec<String>) -> Result<UniverseEntry, ParseUniverseError> {
    if members.is_empty() {
        return Err(no_market(key.unwrap_or_default()));
    }
    let key = key.ok_or_else(|| ParseUniverseError("a list without a name; say --key NAME".to_owned()))?;
    Ok(UniverseEntry::custom(key, members))
}

fn row(item: &Value) -> Result<UniverseEntry, ParseUniverseError> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, name, key) = (UniverseKind::from_name(text("type")), text("name"), text("key"));
    let lookup = match kind {
        UniverseKind::StockUniverse | UniverseKind::StockEtfCombo => format!("{name}:{key}"),
        UniverseKind::Etf => format!("etf_{key}"),
        UniverseKind::Themes => format!("theme_{name}"),
        UniverseKind::Custom => key.to_owned(),
    };
    if key.is_empty() && kind != UniverseKind::Themes {
        return Err(ParseUniverseError(format!("an entry of type {kind} has no key")));
    }
    let members = each_once(members(item.get("value").unwrap_or(&Value::Null)));
    Ok(UniverseEntry { kind, lookup, members })
}

/// Returns the markets in a value of any of the known formats.
pub(super) fn members(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(code).collect(),
        Value::Object(fields) => list_in(fields).map(members).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn list_in(fields: &Map<String, Value>) -> Option<&Value> {
    ["symbols", "stocks", "tickers", "etfs"].iter().find_map(|name| fields.get(*name))
}

fn code(item: &Value) -> Option<String> {
    let code = match item {
        Value::String(code) => code.as_str(),
        Value::Object(fields) => {
            ["ticker", "symbol", "market"].iter().find_map(|name| fields.get(*name)?.as_str())?
        }
        _ => return None,
    };
    let code = code.trim();
    (!code.is_empty()).then(|| code.to_owned())
}

fn plain(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .flat_map(|line| line.split([',', ' ', '\t', ';']))
        .map(str::trim)
        .filter(|c| !c.is_empty())
        .map(str::to_owned)
        .collect()
}

fn each_once(members: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for member in members {
        if !kept.contains(&member) {
            kept.push(member);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, members: &[&str]) {
        let entries = read_universes(text, Some("mine")).unwrap();
        assert_eq!(
            (entries[0].lookup.as_str(), entries[0].members.as_slice()),
            ("mine", &members.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>()[..])
        );
    }

    #[test]
    fn all_shapes_of_a_list_are_read() {
        reads(r#"["AAPL", "BRK.B", "AAPL"]"#, &["AAPL", "BRK.B"]);
        reads(r#"{"symbols": ["AAPL"], "count": 1}"#, &["AAPL"]);
        reads(
            r#"{"stocks": [{"ticker": "AAPL", "name": "Apple"}, {"ticker": "KIMpL"}]}"#,
            &["AAPL", "KIMpL"],
        );
        reads("# the big ones\nAAPL, MSFT\nNVDA\n", &["AAPL", "MSFT", "NVDA"]);
    }

    #[test]
    fn lists_by_name_and_markets_by_line_are_read() {
        let read = |text: &str, key| -> Vec<_> {
            let entries = read_universes(text, key).unwrap();
            entries.into_iter().map(|entry| (entry.lookup, entry.members.join(" "))).collect()
        };
        let pair = |key: &str, members: &str| (key.to_owned(), members.to_owned());
        assert_eq!(read(r#"{"majors": ["KRW-BTC"]}"#, None), [pair("majors", "KRW-BTC")]);
        assert_eq!(read(r#"{"majors": ["KRW-BTC"]}"#, Some("mine")), [pair("mine", "KRW-BTC")]);
        let two =
            r#"{"memes": ["KRW-DOGE"], "tech": {"stocks": [{"ticker": "B"}]}, "updated": "2026-11-28"}"#;
        assert_eq!(read(two, None), [pair("memes", "KRW-DOGE"), pair("tech", "B")]);
        let lines = "{\"symbol\": \"KRW-BTC\"}\n{\"symbol\": \"KRW-ETH\"}\n";
        assert_eq!(read(lines, Some("all")), [pair("all", "KRW-BTC KRW-ETH")]);
    }

    #[test]
    fn a_table_of_lists_brings_its_own_keys() {
        let text = r#"[
            {"type": "stock_etf_combo", "name": "stock_etf_test", "key": "combo_test", "value": ["A"], "environment": "TEST"},
            {"type": "etf_universe", "name": "Tech", "key": "XLK", "value": {"stocks": [{"ticker": "B"}]}},
            {"type": "themes", "name": "ai", "key": "", "value": {"symbols": ["C"]}}
        ]"#;
        let keys: Vec<_> =
            read_universes(text, None).unwrap().into_iter().map(|entry| entry.lookup).collect();
        assert_eq!(keys, ["stock_etf_test:combo_test", "etf_XLK", "theme_ai"]);
    }

    #[test]
    fn what_holds_no_market_is_refused() {
        for (text, key, said) in [
            ("[]", Some("mine"), "no market in mine"),
            ("{\"count\": 3}", Some("mine"), "no market in mine"),
            ("{\"majors\": 5}", None, "no market in it"),
            ("[\"AAPL\"", Some("mine"), "begins like JSON"),
            ("AAPL", None, "--key"),
        ] {
            let error = read_universes(text, key).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

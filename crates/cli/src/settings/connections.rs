//! The connections over which data come, for a venue that lets an account have several: `[VENUE.connections]` in the
//! settings file, or the variables
//! `USE_MULTI_CONNECTION`, `WEBSOCKET_CONNECTIONS_MAX` and `WEBSOCKET_CONNECTION_n_…`, which take precedence.
//!
//! If none of them is set, there is one connection for all markets.

use std::collections::BTreeSet;

use market_backbone::PinnedMarkets;
use serde::Deserialize;

/// The largest number of a connection in the environment.
const MAX_NUMBERED: u32 = 64;

/// The part of the settings file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConnectionsTable {
    multi: Option<bool>,
    /// The number of connections the account may have.
    max: Option<u32>,
    pinned: Vec<PinnedEntry>,
}

/// An entry of `[[VENUE.connections.pinned]]`, or the variables of one number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PinnedEntry {
    enabled: Option<bool>,
    name: Option<String>,
    universe: Option<String>,
    symbols: Vec<String>,
}

/// The configured connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConnectionPlan {
    /// The number of connections the account may have.
    pub(super) max: u32,
    /// The named connections, without duplicates and not more than `max`.
    pub(super) pinned: Vec<(String, PinnedMarkets)>,
}

/// Returns the connections of the environment and the file; `None` for a single connection. The error is
/// meant for the user.
pub(super) fn connections(
    table: &ConnectionsTable,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Option<ConnectionPlan>, String> {
    let env = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let flag = |name: &str| env(name).map(|value| parse_bool(name, &value)).transpose();
    let numbered = from_environment(&env, &flag)?;
    let entries = if numbered.is_empty() { from_file(table) } else { numbered };
    let entries: Vec<_> = entries.into_iter().filter(|(_, entry)| entry.enabled.unwrap_or(true)).collect();
    let multi = flag("USE_MULTI_CONNECTION")?.or(table.multi).unwrap_or(!table.pinned.is_empty());
    if !multi {
        return Ok(None);
    }
    let max = match env("WEBSOCKET_CONNECTIONS_MAX") {
        Some(text) => {
            Some(text.parse().map_err(|_| format!("WEBSOCKET_CONNECTIONS_MAX: `{text}` is no number"))?)
        }
        None => table.max,
    };
    let max: u32 = max.unwrap_or(1);
    if entries.is_empty() {
        return Err("several connections are requested, but none is configured".to_owned());
    }
    let pinned: Vec<_> = entries.into_iter().map(pinned).collect::<Result<_, _>>()?;
    if pinned.len() > max as usize {
        let names: Vec<_> = pinned.iter().map(|(name, _)| name.as_str()).collect();
        return Err(format!(
            "{} connections are enabled ({}), but the account may have {max}; with more, the venue would evict \
             one after the other. If the account may have more, set WEBSOCKET_CONNECTIONS_MAX or `connections.max` in the \
             venue's part of the settings file",
            pinned.len(),
            names.join(", ")
        ));
    }
    let mut names = BTreeSet::new();
    if let Some((name, _)) = pinned.iter().find(|(name, _)| !names.insert(name)) {
        return Err(format!("two connections are called `{name}`"));
    }
    Ok(Some(ConnectionPlan { max, pinned }))
}

/// Returns the entries of the environment, each with its name in an error.
fn from_environment(
    env: &impl Fn(&str) -> Option<String>,
    flag: &impl Fn(&str) -> Result<Option<bool>, String>,
) -> Result<Vec<(String, PinnedEntry)>, String> {
    let mut entries = Vec::new();
    for n in 1..=MAX_NUMBERED {
        let named = |what: &str| format!("WEBSOCKET_CONNECTION_{n}_{what}");
        let symbols = env(&named("SYMBOLS")).unwrap_or_default();
        let symbols = symbols.split(',').map(str::trim).filter(|code| !code.is_empty()).map(str::to_owned);
        let entry = PinnedEntry {
            enabled: flag(&named("ENABLED"))?,
            name: env(&named("NAME")).or_else(|| Some(format!("connection_{n}"))),
            universe: env(&named("UNIVERSE_KEY")),
            symbols: symbols.collect(),
        };
        if entry.enabled.is_some() || entry.universe.is_some() || !entry.symbols.is_empty() {
            entries.push((format!("WEBSOCKET_CONNECTION_{n}"), entry));
        }
    }
    Ok(entries)
}

fn from_file(table: &ConnectionsTable) -> Vec<(String, PinnedEntry)> {
    let called = |at: usize| format!("number {} of connections.pinned", at + 1);
    table.pinned.iter().enumerate().map(|(at, entry)| (called(at), entry.clone())).collect()
}

/// Converts an entry. A universe takes precedence over single markets; a connection with neither would carry
/// everything.
fn pinned((called, entry): (String, PinnedEntry)) -> Result<(String, PinnedMarkets), String> {
    let name = entry.name.unwrap_or_else(|| called.clone());
    let markets = match entry.universe {
        Some(key) => PinnedMarkets::Universe(key),
        None if entry.symbols.is_empty() => {
            return Err(format!("{called} is enabled, but has neither a universe nor symbols"));
        }
        None => PinnedMarkets::Codes(entry.symbols),
    };
    Ok((name, markets))
}

fn parse_bool(name: &str, value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{name}: `{value}` is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(table: &str, env: &[(&str, &str)]) -> Result<Option<ConnectionPlan>, String> {
        let table: ConnectionsTable = toml::from_str(table).unwrap();
        let find =
            |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        connections(&table, find)
    }

    fn symbols(name: &str, codes: &[&str]) -> (String, PinnedMarkets) {
        (name.to_owned(), PinnedMarkets::Codes(codes.iter().map(|code| (*code).to_owned()).collect()))
    }

    fn universe(name: &str, key: &str) -> (String, PinnedMarkets) {
        (name.to_owned(), PinnedMarkets::Universe(key.to_owned()))
    }

    const THREE: [(&str, &str); 9] = [
        ("USE_MULTI_CONNECTION", "true"),
        ("WEBSOCKET_CONNECTIONS_MAX", "3"),
        ("WEBSOCKET_CONNECTION_1_ENABLED", "true"),
        ("WEBSOCKET_CONNECTION_1_NAME", "primary"),
        ("WEBSOCKET_CONNECTION_1_UNIVERSE_KEY", "market_leaders:top_50"),
        ("WEBSOCKET_CONNECTION_1_SYMBOLS", "AAPL"),
        ("WEBSOCKET_CONNECTION_2_SYMBOLS", "SPY, BRK.B,,QQQ"),
        ("WEBSOCKET_CONNECTION_3_ENABLED", "false"),
        ("WEBSOCKET_CONNECTION_3_SYMBOLS", "TSLA"),
    ];

    #[test]
    fn the_environment_describes_connections_by_number() {
        let pinned = vec![
            universe("primary", "market_leaders:top_50"),
            symbols("connection_2", &["SPY", "BRK.B", "QQQ"]),
        ];
        assert_eq!(parsed("", &THREE), Ok(Some(ConnectionPlan { max: 3, pinned })));
    }

    #[test]
    fn the_file_says_the_same_and_weighs_less() {
        let file = r#"
            max = 2
            [[pinned]]
            name = "core"
            universe = "SPY:nasdaq100"
            [[pinned]]
            name = "mine"
            symbols = ["AAPL", "MSFT"]
        "#;
        let pinned = vec![universe("core", "SPY:nasdaq100"), symbols("mine", &["AAPL", "MSFT"])];
        assert_eq!(parsed(file, &[]), Ok(Some(ConnectionPlan { max: 2, pinned: pinned.clone() })));
        assert_eq!(parsed(file, &[("USE_MULTI_CONNECTION", "0")]), Ok(None));
        assert_eq!(parsed(file, &THREE).unwrap().unwrap().pinned[0].0, "primary");
        let more = [("WEBSOCKET_CONNECTIONS_MAX", "5")];
        assert_eq!(parsed(file, &more), Ok(Some(ConnectionPlan { max: 5, pinned })));
    }

    #[test]
    fn nothing_said_is_one_connection() {
        assert_eq!(parsed("", &[]), Ok(None));
        assert_eq!(
            parsed("", &[("WEBSOCKET_CONNECTION_1_SYMBOLS", "AAPL")]),
            Ok(None),
            "single is said to be enough"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let refused = |table: &str, env: &[(&str, &str)]| parsed(table, env).unwrap_err();
        let multi = ("USE_MULTI_CONNECTION", "yes");
        let one = ("WEBSOCKET_CONNECTION_1_SYMBOLS", "AAPL");
        let two = ("WEBSOCKET_CONNECTION_2_SYMBOLS", "SPY");
        let error = refused("", &[multi, one, two]);
        assert!(error.contains("2 connections are enabled (connection_1, connection_2)"), "{error}");
        assert!(
            error.contains("the account may have 1") && error.contains("WEBSOCKET_CONNECTIONS_MAX"),
            "{error}"
        );
        assert!(refused("", &[multi]).contains("none is configured"));
        let empty = refused("", &[multi, ("WEBSOCKET_CONNECTION_4_ENABLED", "1")]);
        assert!(empty.contains("WEBSOCKET_CONNECTION_4 is enabled, but has neither"), "{empty}");
        let maybe = refused("", &[("USE_MULTI_CONNECTION", "maybe")]);
        assert!(maybe.contains("USE_MULTI_CONNECTION: `maybe`"), "{maybe}");
        let many = refused("", &[multi, one, ("WEBSOCKET_CONNECTIONS_MAX", "three")]);
        assert!(many.contains("`three` is no number"), "{many}");
        let names = [("WEBSOCKET_CONNECTION_1_NAME", "x"), ("WEBSOCKET_CONNECTION_2_NAME", "x")];
        let twice =
            refused("", &[&[multi, one, two, ("WEBSOCKET_CONNECTIONS_MAX", "2")], &names[..]].concat());
        assert!(twice.contains("two connections are called `x`"), "{twice}");
        assert!(toml::from_str::<ConnectionsTable>("maximum = 3").is_err());
    }
}

//! Resolves a key to its markets.

use std::collections::BTreeMap;

/// The largest number of keys in an error.
const MAX_SUGGESTIONS: usize = 3;
/// The similarity below which two keys are unrelated.
const MIN_SIMILARITY: f64 = 0.5;

/// The error for an unknown universe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown universe `{part}`{}{}", within(part, key), hint(nearest))]
pub struct UnknownUniverse {
    /// The key that was looked up.
    pub key: String,
    /// The unknown part of the key.
    pub part: String,
    /// The known keys that are most similar, best first.
    pub nearest: Vec<String>,
}

fn within(part: &str, key: &str) -> String {
    if part == key { String::new() } else { format!(" in `{key}`") }
}

fn hint(nearest: &[String]) -> String {
    match nearest {
        [] => "; `market-backbone universe list` shows what there is".to_owned(),
        [only] => format!("; did you mean {only}?"),
        [others @ .., last] => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// Returns the markets of `key`: those of the universe of exactly that name, else the union of the known
/// universes joined by `:` in the key.
///
/// If there are two ways to split the key, the one with the longer names first is taken. Each market occurs
/// once, in the order of its first mention.
///
/// # Errors
///
/// [`UnknownUniverse`] if a part is not known.
pub fn resolve_universe(
    universes: &BTreeMap<String, Vec<String>>,
    key: &str,
) -> Result<Vec<String>, UnknownUniverse> {
    let parts: Vec<&str> = key.split(':').collect();
    let mut markets: Vec<String> = Vec::new();
    let mut at = 0;
    while at < parts.len() {
        let longest = (at + 1..=parts.len()).rev().find_map(|end| {
            let name = parts[at..end].join(":");
            universes.get(&name).map(|members| (end, members))
        });
        let Some((end, members)) = longest else {
            return Err(unknown(universes, key, &parts[at..]));
        };
        for market in members {
            if !markets.contains(market) {
                markets.push(market.clone());
            }
        }
        at = end;
    }
    Ok(markets)
}

fn unknown(universes: &BTreeMap<String, Vec<String>>, key: &str, rest: &[&str]) -> UnknownUniverse {
    // If nothing before it is known, the whole was probably meant as one name.
    let whole = rest.join(":");
    let part = if whole == key { whole } else { rest.first().copied().unwrap_or_default().to_owned() };
    let mut scored: Vec<(f64, &String)> = universes
        .keys()
        .map(|known| (similarity(&part, known), known))
        .filter(|(score, _)| *score >= MIN_SIMILARITY)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let nearest = scored.into_iter().take(MAX_SUGGESTIONS).map(|(_, known)| known.clone()).collect();
    UnknownUniverse { key: key.to_owned(), part, nearest }
}

/// Returns 1 for the same letters; the part after the colon, or after `etf_`, counts as nearly the whole.
fn similarity(wanted: &str, known: &str) -> f64 {
    let (wanted, known) = (wanted.to_lowercase(), known.to_lowercase());
    let bare = known.rsplit([':', '_']).next().unwrap_or_default();
    let close = if bare == wanted { 0.99 } else { 0.0 };
    strsim::normalized_damerau_levenshtein(&wanted, &known).max(close)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, Vec<String>> {
        [
            ("SPY", vec!["AAPL", "MSFT"]),
            ("nasdaq100", vec!["MSFT", "NVDA"]),
            ("stock_etf_test:combo_test", vec!["IBM"]),
            ("stock_etf_test", vec!["KO"]),
            ("etf_XLK", vec!["XLK"]),
        ]
        .into_iter()
        .map(|(key, members)| (key.to_owned(), members.into_iter().map(str::to_owned).collect()))
        .collect()
    }

    #[test]
    fn an_exact_key_goes_before_a_union() {
        assert_eq!(resolve_universe(&known(), "stock_etf_test:combo_test").unwrap(), ["IBM"]);
        assert_eq!(resolve_universe(&known(), "stock_etf_test:SPY").unwrap(), ["KO", "AAPL", "MSFT"]);
    }

    #[test]
    fn a_union_has_each_market_once() {
        assert_eq!(resolve_universe(&known(), "SPY:nasdaq100").unwrap(), ["AAPL", "MSFT", "NVDA"]);
        assert_eq!(
            resolve_universe(&known(), "SPY:stock_etf_test:combo_test").unwrap(),
            ["AAPL", "MSFT", "IBM"]
        );
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        let error = resolve_universe(&known(), "stock_etf_test:combo_tset").unwrap_err();
        assert_eq!(error.part, "combo_tset");
        let error = resolve_universe(&known(), "SPX").unwrap_err();
        assert_eq!(error.nearest[0], "SPY");
        assert_eq!(error.to_string(), "unknown universe `SPX`; did you mean SPY?");
        let error = resolve_universe(&known(), "xlk").unwrap_err();
        assert_eq!(error.nearest, ["etf_XLK"]);
        let error = resolve_universe(&known(), "SPY:nasdq100").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown universe `nasdq100` in `SPY:nasdq100`; did you mean nasdaq100?"
        );
        assert!(resolve_universe(&known(), "").is_err());
    }
}

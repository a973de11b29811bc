//! "Did you mean …": the listed markets most similar to an unknown one.

/// The most markets to name.
const MAX_SUGGESTIONS: usize = 3;
/// The similarity below which two codes have nothing in common.
const MIN_SIMILARITY: f64 = 0.65;

/// Returns the codes most similar to `wanted`, best first.
pub(crate) fn nearest<'a>(wanted: &str, listed: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = listed
        .into_iter()
        .map(|code| (similarity(wanted, code), code))
        .filter(|(score, _)| *score >= MIN_SIMILARITY)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(MAX_SUGGESTIONS).map(|(_, code)| code).collect()
}

/// Returns 1 for the same letters in the same order, in any case. Reversed codes (`BTC-KRW`) count as nearly
/// the same.
fn similarity(wanted: &str, code: &str) -> f64 {
    let (wanted, code) = (wanted.to_ascii_uppercase(), code.to_ascii_uppercase());
    if wanted == code {
        return 1.0;
    }
    let turned = wanted.split_once('-').is_some_and(|(a, b)| code == format!("{b}-{a}"));
    let named = code.split_once('-').is_some_and(|(quote, base)| {
        base == wanted || wanted == format!("{base}{quote}") || wanted == format!("{quote}{base}")
    });
    if turned || named { 0.99 } else { strsim::normalized_damerau_levenshtein(&wanted, &code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: [&str; 5] = ["KRW-BTC", "KRW-ETH", "KRW-BCH", "BTC-ETH", "USDT-BTC"];

    #[test]
    fn a_slip_of_the_hand_is_understood() {
        assert_eq!(nearest("KRW-BTX", LISTED)[0], "KRW-BTC");
        assert_eq!(nearest("krw-eth", LISTED)[0], "KRW-ETH");
        assert_eq!(nearest("BTC-KRW", LISTED)[0], "KRW-BTC");
        assert_eq!(nearest("BCH", LISTED), ["KRW-BCH"]);
        assert_eq!(nearest("ETHBTC", LISTED)[0], "BTC-ETH");
    }

    #[test]
    fn the_size_of_letters_is_a_slip_of_the_hand_too() {
        assert_eq!(nearest("BACPB", ["BAC", "BACpB", "BACpA"])[0], "BACpB");
        assert_eq!(nearest("Aapl", ["AAPL", "AAPD"])[0], "AAPL");
    }

    #[test]
    fn nothing_is_suggested_for_what_is_like_nothing() {
        assert!(nearest("ZZZZZZZZZZ", LISTED).is_empty());
    }
}

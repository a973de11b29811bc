//! The language of screens: what is read how, and what is said of what cannot be read.

use market_backbone_core::{Grid, Timeframe};
use market_backbone_strategy::screen::{NamedValues, Screen};
use proptest::prelude::*;

#[track_caller]
fn reads(text: &str, expected: &str) {
    let screen = Screen::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(screen.condition().to_string(), expected);
    // What it prints reads back as the same.
    assert_eq!(Screen::parse(expected).unwrap().condition(), screen.condition(), "{expected}");
}

#[test]
fn precedence_is_that_of_c_and_words_are_operators_too() {
    reads("close>1&&close<2||open>3", "((close(1d) > 1 && close(1d) < 2) || open(1d) > 3)");
    reads("close > 1 or close < 2 and open > 3", "(close(1d) > 1 || (close(1d) < 2 && open(1d) > 3))");
    reads("close + 2 * open > 3 - 1", "(close(1d) + (2 * open(1d))) > (3 - 1)");
    reads("10 - 2 - 3 > close", "((10 - 2) - 3) > close(1d)");
    reads("(close + 2) * open > -3", "((close(1d) + 2) * open(1d)) > -3");
    reads("!(close > 1) && open > 2", "(!(close(1d) > 1) && open(1d) > 2)");
    reads("not close > 1 and open > 2", "(!(close(1d) > 1) && open(1d) > 2)");
    reads("- close < -1", "-close(1d) < -1");
    reads("close != 1", "close(1d) != 1");
    reads("close >= 1e6", "close(1d) >= 1000000");
    reads("close >= 1_000", "close(1d) >= 1000");
}

#[test]
fn quantities_name_their_timeframe_last() {
    reads("rsi(14, 15m) < 30", "rsi(14, 15m) < 30");
    reads("rsi < 30", "rsi(14, 1d) < 30");
    reads("macd(12,26,9,4h).hist > 0", "macd(12, 26, 9, 4h).hist > 0");
    reads("obv(1h) > obv(1h)[1]", "obv(1h) > obv(1h)[1]");
    reads("sma(volume, 20, 1h) > 2", "sma(volume, 20, 1h) > 2");
    reads("bb(20,2).upper < close", "bbands(20, 2, 1d) < close(1d)");
    reads("change(24h) > 5", "change(24h) > 5");
    reads("change(1d) > 5", "change(24h) > 5");
    reads("turnover(24h) > volume(1d)", "turnover(24h) > volume(1d)");
    reads("close(1m)[ 2 ] > high(90m)", "close(1m)[2] > high(90m)");
}

#[track_caller]
fn fails(text: &str, expected: &str) {
    let error = Screen::parse(text).map(|screen| screen.condition().to_string()).unwrap_err().to_string();
    assert_eq!(error, expected);
}

#[test]
fn a_fault_is_shown_where_it_is() {
    fails(
        "rsi(14) < 30 && rsu > 2",
        "nothing is called `rsu`; did you mean `rsi`?\n  rsi(14) < 30 && rsu > 2\n                  ^^^",
    );
    fails("rsi(14", "expected `)` or `,`, found the end of the text\n  rsi(14\n        ^");
    fails(
        "rsi(14) <",
        "expected a number, a name or `(`, found the end of the text\n  rsi(14) <\n           ^",
    );
    fails("", "expected a number, a name or `(`, found the end of the text\n  \n  ^");
    fails(
        "close & 3 > 2",
        "`&` alone is no operator; conditions are joined with `&&` and `||`\n  close & 3 > 2\n        ^",
    );
    fails(
        "1 < close < 3",
        "comparisons cannot be chained; join two with `&&`\n  1 < close < 3\n            ^",
    );
    fails(
        "rsi(14) && close > 1",
        "this is a number; a condition compares it, as in `… > 0`\n  rsi(14) && close > 1\n  ^^^^^^^",
    );
    fails(
        "(close > 1) > 2",
        "this is a condition, and a number is expected here\n  (close > 1) > 2\n  ^^^^^^^^^^^",
    );
    fails(
        "rsi(14, 7x) > 2",
        "`7x` is no timeframe; there are 1s, 1m, 3m, 5m, 10m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w, 1M, 1y\n  rsi(14, 7x) > 2\n          ^^",
    );
    fails(
        "macd.signl > 0",
        "macd has no output \"signl\"; it has macd, signal, hist\n  macd.signl > 0\n       ^^^^^",
    );
    fails(
        "rsi(0) > 0",
        "the period of rsi must be a whole number from 2 to 100000, not 0 (usual: 14)\n  rsi(0) > 0\n  ^^^^^^",
    );
    fails(
        "close > 5m",
        "`5m` is not a number; a timeframe stands in brackets, as in `close(15m)`\n  close > 5m\n          ^^",
    );
    fails("change > 5", "change takes a stretch of time, as in `change(24h)`\n  change > 5\n  ^^^^^^");
    fails("close(3) > 5", "close takes a timeframe and nothing else\n  close(3) > 5\n        ^");
    fails(
        "(close > 5",
        "expected `)` or an operator, found the end of the text\n  (close > 5\n            ^",
    );
    fails("close > 5)", "expected an operator such as `<` or `&&`, found `)`\n  close > 5)\n           ^");
    let ranked = Screen::parse("close > 5").unwrap().sorted_by("close > 5").unwrap_err();
    assert_eq!(ranked.message(), "this is a condition, and a number is expected here");
}

#[test]
fn what_nests_too_deep_is_refused_and_not_read() {
    for text in
        ["(".repeat(3_000), "!".repeat(3_000), "-".repeat(3_000), "not ".repeat(900), "a".repeat(5_000)]
    {
        assert!(Screen::parse(&text).unwrap_err().message().contains("too much"), "{}", &text[..9]);
    }
    let long = vec!["close > 1"; 300].join(" && ");
    assert!(Screen::parse(&long).is_ok());
}

#[derive(Debug)]
struct Zen;

impl NamedValues for Zen {
    fn names(&self) -> Vec<(&str, Timeframe)> {
        vec![("zen_v", Timeframe::H4)]
    }

    fn bars_needed(&self, _: &str) -> usize {
        20
    }

    fn value(&self, _: &str, bars: &market_backbone_core::CandleSet, _: Grid) -> Result<f64, String> {
        Ok(bars.len() as f64)
    }
}

#[test]
fn a_screen_says_what_it_needs() {
    let screen =
        Screen::parse_with("rsi(14, 15m) < 30 && zen_v > 2 && close > sma(50)", Timeframe::H1, Zen).unwrap();
    let screen = screen.sorted_by("change(24h) - zen_v(1d)[5]").unwrap();
    let needs: Vec<_> = screen.needs(Grid::Utc).into_iter().map(|need| (need.timeframe, need.bars)).collect();
    let expected = [(Timeframe::M15, 202), (Timeframe::H4, 20), (Timeframe::H1, 50), (Timeframe::D1, 25)];
    assert_eq!(needs, expected);
    let unknown = Screen::parse_with("zen_w > 2", Timeframe::H1, Zen).unwrap_err();
    assert_eq!(unknown.message(), "nothing is called `zen_w`; did you mean `zen_v`?");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is typed, the answer is a screen or an error that can be shown.
    #[test]
    fn any_text_is_read_or_refused(text in "(rsi|close|sma|\\(|\\)|[0-9]{1,3}|<|>=|&&|\\|\\||!|-|\\+|,|\\.| |15m|é|not|\\[|\\]){0,14}") {
        match Screen::parse(&text) {
            Ok(screen) => {
                let printed = screen.condition().to_string();
                let again = Screen::parse(&printed).unwrap();
                prop_assert_eq!(again.condition(), screen.condition());
            }
            Err(error) => prop_assert!(error.to_string().contains('^')),
        }
    }
}

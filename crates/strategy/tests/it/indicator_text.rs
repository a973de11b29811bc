//! What a text must look like to name an indicator, and what is said of one that does not.

use market_backbone_core::{Grid, Timeframe};
use market_backbone_strategy::indicator::{Indicator, IndicatorSpec};

use super::bars::walk;

#[track_caller]
fn check(text: &str, expected: Result<&str, &str>) {
    let found = text.parse::<IndicatorSpec>().map(|spec| spec.to_string()).map_err(|error| error.to_string());
    assert_eq!(found.as_deref().map_err(String::as_str), expected);
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    check("rsi", Ok("rsi(14)"));
    check("RSI( 9 )", Ok("rsi(9)"));
    check("macd(5).hist", Ok("macd(5, 26, 9).hist"));
    check("bb(20, 2.5).lower", Ok("bbands(20, 2.5).lower"));
    check("stoch.d", Ok("stoch(14, 3, 3).d"));
    check("sma(volume,20)", Ok("sma(volume, 20)"));
    check("obv", Ok("obv"));
}

#[test]
fn a_text_that_names_nothing_is_told_what_exists() {
    check("rsu(14)", Err("no indicator is called \"rsu\"; did you mean \"rsi\"?"));
    check("macd.signl", Err("macd has no output \"signl\"; it has macd, signal, hist"));
    check("rsi(14, 3)", Err("rsi was given 2 parameters; it has 1: period"));
    check("rsi(1)", Err("the period of rsi must be a whole number from 2 to 100000, not 1 (usual: 14)"));
    check("rsi(2.5)", Err("the period of rsi must be a whole number from 2 to 100000, not 2.5 (usual: 14)"));
    check(
        "atr(volume, 14)",
        Err("atr is computed from high, low, close; it cannot be computed from another figure"),
    );
    check("rsi(14", Err("at character 7: expected `)` or `,`, found the end of the text"));
    check("rsi(14) x", Err("at character 8: ` ` is not expected here"));
    check("", Err("at character 1: the end of the text is not expected here"));
    let unknown = "qqq".parse::<IndicatorSpec>().unwrap_err().to_string();
    assert!(unknown.contains("there are sma, ema"), "{unknown}");
    let word = "sma(20, volume)".parse::<IndicatorSpec>().unwrap_err().to_string();
    assert!(word.contains("before its numbers it may name one of close, open"), "{word}");
}

#[test]
fn the_bars_to_ask_for_are_those_of_the_memory() {
    let needed =
        |text: &str, timeframe| text.parse::<IndicatorSpec>().unwrap().bars_needed(timeframe, Grid::Utc);
    assert_eq!(needed("sma(20)", Timeframe::M1), 20);
    assert_eq!(needed("ema(20)", Timeframe::M1), 20 + 139);
    assert_eq!(needed("rsi(14)", Timeframe::M1), 15 + 187);
    assert_eq!(needed("obv", Timeframe::M1), 200);
    assert_eq!(needed("vwap", Timeframe::M15), 2 * 96);
}

#[test]
fn nothing_is_allocated_for_a_bar() {
    let rows = walk(5, 400);
    for text in [
        "sma(20)",
        "ema(20)",
        "rsi(14)",
        "macd",
        "bbands",
        "stoch",
        "atr",
        "adx",
        "cci",
        "obv",
        "vwap",
        "zscore",
        "supertrend",
        "donchian",
    ] {
        let mut indicator = Indicator::new(text.parse().unwrap());
        for bar in &rows[..200] {
            indicator.update(bar).unwrap();
        }
        let counted = allocation_counter::measure(|| {
            for bar in &rows[200..] {
                assert!(indicator.update(bar).is_ok());
            }
        });
        assert_eq!(counted.count_total, 0, "{text}");
    }
}

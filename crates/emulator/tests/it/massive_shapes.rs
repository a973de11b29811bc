//! Every answer has the keys of the venue's official samples, and values of the same kinds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use market_backbone_emulator::{SplitSpec, StockActivity, TickerSet, TickerSpec};
use serde_json::Value;

use crate::stocks::{body, market};

const STOCKS: &str = "/v2/snapshot/locale/us/markets/stocks";

/// Sample, path, and keys of the sample that an answer need not have.
const SAMPLES: [(&str, &str, &[&str]); 15] = [
    ("v1__marketstatus__now", "/v1/marketstatus/now", &[]),
    ("v1__marketstatus__upcoming", "/v1/marketstatus/upcoming", &[]),
    ("v1__open-close__stocksTicker__date", "/v1/open-close/AAPL/2026-08-05", &[]),
    // The sample's request id is a description of one.
    (
        "v2__aggs__grouped__locale__us__market__stocks__date",
        "/v2/aggs/grouped/locale/us/market/stocks/2026-08-05",
        &["request_id"],
    ),
    ("v2__aggs__ticker__stocksTicker__prev", "/v2/aggs/ticker/AAPL/prev", &[]),
    (
        "v2__aggs__ticker__stocksTicker__range__multiplier__timespan__from__to",
        "/v2/aggs/ticker/AAPL/range/1/day/2026-08-03/2026-08-05?limit=2",
        &[],
    ),
    ("v2__last__nbbo__stocksTicker", "/v2/last/nbbo/AAPL", &[]),
    ("v2__last__trade__stocksTicker", "/v2/last/trade/AAPL", &["results.c", "results.f", "results.r"]),
    ("v2__snapshot__locale__us__markets__stocks__direction", "/gainers", &["tickers[].lastTrade.c"]),
    ("v2__snapshot__locale__us__markets__stocks__tickers", "/tickers", &[]),
    (
        "v2__snapshot__locale__us__markets__stocks__tickers__stocksTicker",
        "/tickers/AAPL",
        &["ticker.lastTrade.c"],
    ),
    ("v3__quotes__stockTicker", "/v3/quotes/AAPL?limit=2", &[]),
    ("v3__trades__stockTicker", "/v3/trades/AAPL?limit=200", &[]),
    (
        "v3__reference__tickers",
        "/v3/reference/tickers?limit=1",
        &["results[].cik", "results[].composite_figi", "results[].share_class_figi"],
    ),
    ("stocks__v1__splits", "/stocks/v1/splits", &["request_id"]),
];

/// The keys of a value, each with the kind of what it holds.
fn keys(value: &Value, path: &str, found: &mut BTreeMap<String, &'static str>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "bool",
                    Value::Number(_) => "number",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                found.insert(path.clone(), kind);
                keys(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{path}[]"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn answers_have_the_keys_of_the_official_samples() {
    let fixtures = std::env::var_os("MARKET_BACKBONE_FIXTURES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures")),
        PathBuf::from,
    );
    let samples = fixtures.join("massive/docs_samples");
    if !samples.is_dir() {
        // Past the test harness, which shows what a test prints only where it fails.
        let _ = std::io::stderr().write_all(b"\nskipped: fixtures not found\n");
        return;
    }
    let splits = vec![SplitSpec::new("2026-08-05", 1, 4)];
    let specs = vec![
        TickerSpec { splits, ..TickerSpec::new("AAPL", StockActivity::Busy) },
        TickerSpec::new("SHY", StockActivity::Thin),
    ];
    let (venue, _) = market(|stage| stage.tickers = TickerSet::Own(specs)).await;
    for (name, path, optional) in SAMPLES {
        let text = std::fs::read(samples.join(format!("{name}.json"))).unwrap();
        let (mut want, mut got) = (BTreeMap::new(), BTreeMap::new());
        keys(&serde_json::from_slice(&text).unwrap(), "", &mut want);
        let is_whole = path.starts_with("/v") || path.starts_with("/stocks");
        let path = if is_whole { path.to_owned() } else { format!("{STOCKS}{path}") };
        keys(&body(&venue, &path).await, "", &mut got);
        want.retain(|key, _| !optional.iter().any(|optional| key.starts_with(optional)));
        for (key, kind) in want {
            assert_eq!(got.get(&key), Some(&kind), "{path}: {key}");
        }
    }
}

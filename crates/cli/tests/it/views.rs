//! `--fill`: the rows of slots without a trade.

use market_backbone::{Clock, SystemClock, Timestamp};
use market_backbone_emulator::{MarketActivity, MarketSet, MarketSpec, Scenario};
use serde_json::Value;
use tempfile::tempdir;

use crate::run::Venue;

/// Minutes asked for.
const MINUTES: i64 = 600;

fn thin() -> Scenario {
    let spec = MarketSpec {
        code: "KRW-THIN".to_owned(),
        korean_name: "드문".to_owned(),
        english_name: "Thin".to_owned(),
        price: 700.0,
        activity: MarketActivity::Thin,
    };
    Scenario { markets: MarketSet::Own(vec![spec]), ..Scenario::default() }
}

#[test]
fn proven_holes_are_filled_on_request_and_never_stored() {
    let (venue, data) = (Venue::start(thin()), tempdir().unwrap());
    let now = SystemClock.now().as_secs();
    // Rows of the last minutes may come late: their absence proves nothing yet.
    let to = now - now.rem_euclid(60) - 600;
    let [from, to] = [to - MINUTES * 60, to].map(|secs| Timestamp::from_secs(secs).to_string());
    let run = |fill: &str, format: &str| {
        let range = ["--from", &from, "--to", &to, "--fill", fill, "--format", format];
        let said = venue.run(data.path(), &[&["candles", "KRW-THIN", "1m"], &range[..]].concat());
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
        said.stdout
    };
    let plain = run("none", "csv");
    let traded: Vec<&str> = plain.lines().skip(1).collect();
    assert!((5..100).contains(&traded.len()), "{}", traded.len());
    let asked = venue.candle_requests();

    let null = run("null", "csv");
    let rows: Vec<&str> = null.lines().skip(1).collect();
    assert_eq!((null.lines().next(), rows.len()), (plain.lines().next(), MINUTES as usize));
    let real: Vec<&str> = rows.iter().filter(|row| !row.contains(",,,,,")).copied().collect();
    assert_eq!(real, traded);

    let forward = run("forward", "json");
    let rows: Vec<Value> = forward.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), MINUTES as usize);
    let mut close = Value::Null;
    for row in &rows {
        assert_eq!(row["filled"] == true, row["truth"] == "empty" && !close.is_null(), "{row}");
        if row["filled"] == true {
            assert_eq!((&row["open"], &row["close"], row["volume"].as_f64()), (&close, &close, Some(0.0)));
        }
        close = row["close"].clone();
    }
    let table = run("forward", "table");
    assert_eq!(table.lines().filter(|line| line.contains("filled")).count(), rows.len() - real_rows(&rows));
    assert_eq!(run("none", "csv"), plain, "what was filled in was not stored");
    assert_eq!(venue.candle_requests(), asked);
    venue.stop();
}

/// Rows that are no filling: candles, and what lies before the first of them.
fn real_rows(rows: &[Value]) -> usize {
    rows.iter().filter(|row| row["filled"] == false).count()
}

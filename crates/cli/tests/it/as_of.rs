//! `--as-of`: what was known then, from a folder in which a candle was corrected.

use std::path::Path;

use market_backbone::{
    Candle, CandleStore, Coverage, Origin, Provenance, Series, Span, SqliteStore, StoreConfig, Symbol,
    TimeRange, Timeframe, Timestamp, UPBIT,
};
use tempfile::tempdir;

use crate::run::Venue;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn candle(minute: i64, close: f64) -> Candle {
    let open_time = Timestamp::from_millis(at("2026-08-03T10:00:00Z").as_millis() + minute * 60_000);
    Candle { open_time, open: 2.0, high: 9.0, low: 1.0, close, volume: 1.0, turnover: 2.0, is_final: true }
}

/// Ten minutes, known since eleven, of which one was corrected at twelve.
async fn corrected(data: &Path) {
    let store = SqliteStore::open(StoreConfig::new(data)).await.unwrap();
    let series = Series::new(Symbol::new(UPBIT, "KRW-BTC").unwrap(), Timeframe::M1);
    let proof = |from: i64, to: i64, observed: &str| -> Coverage {
        let range = TimeRange::new(candle(from, 2.0).open_time, candle(to, 2.0).open_time).unwrap();
        let provenance = Provenance { origin: Origin::Rest, observed_at: at(observed) };
        [Span { range, provenance }].into_iter().collect()
    };
    let rows: Vec<_> = (0..10).map(|minute| candle(minute, 2.0)).collect();
    store.commit(&series, &rows, &proof(0, 10, "2026-08-03T11:00:00Z")).await.unwrap();
    store.commit(&series, &[candle(4, 5.0)], &proof(4, 5, "2026-08-03T12:00:00Z")).await.unwrap();
    store.close().await;
}

#[test]
fn what_was_corrected_later_reads_as_it_did_then() {
    let (venue, data) = (Venue::healthy(), tempdir().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(corrected(data.path()));
    let asked = |moment: &str| {
        let (from, to) = ("2026-08-03T10:00:00Z", "2026-08-03T10:10:00Z");
        let args =
            ["candles", "KRW-BTC", "1m", "--from", from, "--to", to, "--as-of", moment, "--format", "csv"];
        let said = venue.run(data.path(), &[&args[..], &["--stats", "--same-as", "upbit"]].concat());
        assert_eq!(said.requests(), 0, "all of it is known");
        said.rows().iter().map(|row| row.close).collect::<Vec<_>>()
    };
    let mut want = vec![2.0; 10];
    assert_eq!(asked("2026-08-03T11:59:59Z"), want);
    assert_eq!(asked("2026-08-03T10:07:30Z"), want[..7], "the others had not ended");
    want[4] = 5.0;
    assert_eq!(asked("2026-08-03T12:00:00Z"), want);
    let stats = venue.run(data.path(), &["store", "stats", "--format", "json"]).stdout;
    assert!(stats.contains(r#""revisions":1"#), "{stats}");
    venue.stop();
}

//! Bars of US stocks that cross a midnight or a split, put together anew from what they are made of.

use market_backbone_emulator::{ExchangeHours, SplitSpec, StockActivity, TickerSet, TickerSpec};
use serde_json::Value;

use crate::client::{DAY, HOUR, MINUTE, e8};
use crate::stocks::{body, market, market_at, pages};

#[tokio::test]
async fn a_split_changes_the_adjusted_past_and_no_trade() {
    let splits = vec![SplitSpec::new("2026-08-05", 1, 4)];
    let spec = TickerSpec { splits, ..TickerSpec::new("AAPL", StockActivity::Busy) };
    let (venue, _) = market(|stage| stage.tickers = TickerSet::Own(vec![spec])).await;
    let path = "/v2/aggs/ticker/AAPL/range/1/day/2026-08-04/2026-08-05";
    let (raw, _) = pages(&venue, &format!("{path}?adjusted=false")).await;
    let (adjusted, _) = pages(&venue, path).await;
    assert_eq!(raw[1], adjusted[1], "the first day of the new shares");
    assert_eq!(e8(&adjusted[0]["v"]), 4 * e8(&raw[0]["v"]));
    let quarter = raw[0]["c"].as_f64().unwrap() / 4.0;
    assert!((adjusted[0]["c"].as_f64().unwrap() - quarter).abs() < 0.000_06);
    assert!(raw[0]["c"].as_f64().unwrap() > 2.0 * raw[1]["c"].as_f64().unwrap());
    let splits = body(&venue, "/stocks/v1/splits?ticker=AAPL").await;
    let split = &splits["results"][0];
    assert_eq!(
        (split["execution_date"].as_str(), split["split_from"].as_i64(), split["split_to"].as_i64()),
        (Some("2026-08-05"), Some(1), Some(4))
    );
    assert!(body(&venue, "/stocks/v1/splits?ticker=MSFT").await["results"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn hours_are_multiples_of_utc_whatever_the_hours_of_trading_and_the_clocks() {
    // Noon in New York on the Tuesdays after the clocks went forward, and back.
    for now in ["2026-03-10T16:00:00Z", "2026-11-03T17:00:00Z"] {
        let now = instant(now);
        for hours in [ExchangeHours::NewYork, ExchangeHours::Always] {
            let (venue, _) = market_at(now, |stage| stage.hours = hours).await;
            let minutes = venue.stocks().minutes("AAPL", now - 6 * DAY, now, now);
            for multiplier in [1, 2, 4, 12] {
                let length = multiplier * HOUR;
                let from = (now - 5 * DAY).div_euclid(length) * length;
                let to = now.div_euclid(length) * length - 1;
                let path = format!("/v2/aggs/ticker/AAPL/range/{multiplier}/hour/{from}/{to}?limit=50000");
                let mut want: Vec<(i64, i128)> = Vec::new();
                for bar in minutes.iter().filter(|bar| from <= bar.start_ms && bar.start_ms <= to) {
                    let start = bar.start_ms.div_euclid(length) * length;
                    match want.last_mut() {
                        Some((last, volume)) if *last == start => *volume += bar.volume_e8,
                        _ => want.push((start, bar.volume_e8)),
                    }
                }
                let shown = |row: &Value| (row["t"].as_i64().unwrap(), e8(&row["v"]));
                let rows: Vec<_> = pages(&venue, &path).await.0.iter().map(shown).collect();
                assert_eq!(rows, want, "{hours:?} {multiplier} at {now}");
            }
            venue.stop().await;
        }
    }
}

fn instant(text: &str) -> i64 {
    let days = |text: &str| {
        let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
        let (year, month, day) = (part(0..4), part(5..7), part(8..10));
        // Days since 1970 in the civil calendar, March being the first month.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
    };
    days(text) * DAY
        + text[11..13].parse::<i64>().unwrap() * HOUR
        + text[14..16].parse::<i64>().unwrap() * MINUTE
}

#[tokio::test]
async fn a_bar_that_splits_fall_into_is_the_sum_of_its_adjusted_days() {
    // Reverse on a Tuesday and forward on the Thursday of one week, and a third one that is only announced.
    let splits = [("2026-07-21", 10, 1), ("2026-07-23", 1, 7), ("2026-08-07", 1, 2)];
    let splits: Vec<SplitSpec> = splits.map(|(date, from, to)| SplitSpec::new(date, from, to)).into();
    let spec = TickerSpec { splits, ..TickerSpec::new("AAPL", StockActivity::Medium) };
    let (venue, clock) = market(|stage| stage.tickers = TickerSet::Own(vec![spec])).await;
    let figure = |row: &Value, key: &str| row[key].as_f64().unwrap();
    let range = |span: &str, to: &str| {
        // A week begins on a Sunday.
        let from = if span == "week" { "2026-06-28" } else { "2026-06-01" };
        format!("/v2/aggs/ticker/AAPL/range/1/{span}/{from}/{to}")
    };
    for (to, announced) in [("2026-08-06", 1.0), ("2026-08-07", 2.0)] {
        let (raw, _) = pages(&venue, &(range("day", to) + "?adjusted=false")).await;
        // From ten to one, then from one to seven.
        let ratio = |row: &Value| match row["t"].as_i64().unwrap() {
            before if before < instant("2026-07-21T04:00:00Z") => 10.0 / 7.0 / announced,
            before if before < instant("2026-07-23T04:00:00Z") => 1.0 / 7.0 / announced,
            before if before < instant("2026-08-07T04:00:00Z") => 1.0 / announced,
            _ => 1.0,
        };
        for span in ["day", "week", "month"] {
            let (bars, _) = pages(&venue, &range(span, to)).await;
            for (nth, bar) in bars.iter().enumerate() {
                let end = bars.get(nth + 1).map_or(i64::MAX, |next| next["t"].as_i64().unwrap());
                let begin = bar["t"].as_i64().unwrap();
                let days = raw.iter().filter(|day| (begin..end).contains(&day["t"].as_i64().unwrap()));
                let prices =
                    |key: &str| days.clone().map(|day| figure(day, key) * ratio(day)).collect::<Vec<_>>();
                let volume: f64 = days.clone().map(|day| figure(day, "v") / ratio(day)).sum();
                let (opens, closes) = (prices("o"), prices("c"));
                let want = [
                    opens[0],
                    prices("h").into_iter().fold(f64::MIN, f64::max),
                    prices("l").into_iter().fold(f64::MAX, f64::min),
                    *closes.last().unwrap(),
                    volume,
                ];
                let got = ["o", "h", "l", "c", "v"].map(|key| figure(bar, key));
                let near = want.iter().zip(&got).all(|(want, got)| (want - got).abs() <= 1e-11 * want);
                assert!(near, "{span} {to}: {got:?} {want:?}");
            }
        }
        clock.advance(DAY);
    }
    let factors = body(&venue, "/stocks/v1/splits?ticker=AAPL&sort=execution_date.asc").await;
    let factor = |nth: usize| figure(&factors["results"][nth], "historical_adjustment_factor");
    assert_eq!([factor(0), factor(1), factor(2)], [0.714_286, 0.071_429, 0.5]);
}

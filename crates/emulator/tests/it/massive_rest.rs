//! US stocks over REST, compared with the tape.

use market_backbone_emulator::{ExchangeHours, Faults, StockBar, StocksScenario, TickerSet};
use serde_json::Value;

use crate::client::{DAY, HOUR, MINUTE, e8};
use crate::stocks::{ELEVEN, ask, body, market, market_at, pages};

/// 2026-08-06 00:00 in New York.
const MIDNIGHT: i64 = ELEVEN - 11 * HOUR;

#[track_caller]
fn is_shown(row: &Value, bar: &StockBar) {
    assert_eq!(row["t"].as_i64(), Some(bar.start_ms));
    let prices = ["o", "h", "l", "c"].map(|key| e8(&row[key]));
    assert_eq!(prices, [bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8].map(i128::from));
    assert_eq!((e8(&row["v"]), row["n"].as_u64()), (bar.volume_e8, Some(bar.count)));
    let average = bar.turnover_e16 as f64 / bar.volume_e8 as f64 / 1e8;
    assert!((row["vw"].as_f64().unwrap() - average).abs() < 0.000_06);
}

#[tokio::test]
async fn minutes_equal_the_tape_on_every_page() {
    let (venue, _) = market(|_| ()).await;
    for (ticker, limit) in [("AAPL", 500), ("SHY", 70), ("RARE", 1_000)] {
        let path = format!("/v2/aggs/ticker/{ticker}/range/1/minute/2026-08-04/2026-08-06");
        let (rows, count) = pages(&venue, &format!("{path}?limit={limit}&adjusted=false")).await;
        let want = venue.stocks().minutes(ticker, MIDNIGHT - 2 * DAY, MIDNIGHT + DAY, ELEVEN);
        assert_eq!(rows.len(), want.len());
        rows.iter().zip(&want).for_each(|(row, bar)| is_shown(row, bar));
        assert_eq!(count, want.len().div_ceil(limit), "a full last page is the last");
        let (back, _) = pages(&venue, &format!("{path}?limit={limit}&adjusted=false&sort=desc")).await;
        assert!(back.iter().rev().eq(&rows));
    }
}

#[tokio::test]
async fn the_limit_counts_base_bars_and_cuts_no_bar() {
    let (venue, _) = market(|_| ()).await;
    // 390 regular minutes of every busy day, and no hole in them.
    let open = MIDNIGHT - DAY + 9 * HOUR + 30 * MINUTE;
    let path = |limit: usize| {
        format!("/v2/aggs/ticker/AAPL/range/1/hour/{}/{}?limit={limit}", open + 30 * MINUTE, open + 6 * HOUR)
    };
    let first = body(&venue, &path(100)).await;
    assert_eq!((first["resultsCount"].as_i64(), first["queryCount"].as_i64()), (Some(1), Some(60)));
    let next = first["next_url"].as_str().unwrap();
    assert!(next.contains(&format!("/range/1/hour/{}/", open + 90 * MINUTE)), "{next}");
    // Six hours from ten to four: with 120 minutes a page, three pages.
    let (rows, count) = pages(&venue, &path(120)).await;
    assert_eq!((rows.len(), count), (6, 3));
    // One page that is short by a minute makes it six.
    assert_eq!(pages(&venue, &path(119)).await.1, 6);
    let volumes: i128 = rows.iter().map(|row| e8(&row["v"])).sum();
    let minutes = venue.stocks().minutes("AAPL", open + 30 * MINUTE, open + 390 * MINUTE, i64::MAX);
    assert_eq!(volumes, minutes.iter().map(|bar| bar.volume_e8).sum());
}

#[tokio::test]
async fn a_year_of_hours_needs_the_pages_that_base_counting_predicts() {
    let (venue, _) = market(|_| ()).await;
    let from = MIDNIGHT - 365 * DAY;
    let base = venue.stocks().minutes("AAPL", from, ELEVEN, ELEVEN);
    let path = format!("/v2/aggs/ticker/AAPL/range/1/hour/{from}/{ELEVEN}?limit=50000");
    let (rows, count) = pages(&venue, &path).await;
    let mut hours: Vec<i64> = base.iter().map(|bar| bar.start_ms.div_euclid(HOUR)).collect();
    hours.dedup();
    assert_eq!(rows.len(), hours.len());
    // A page gives up to 59 minutes of the hour that it cuts.
    let least = base.len().div_ceil(50_000);
    assert!((least..=least + 1).contains(&count), "{count} for {} minutes", base.len());
}

#[tokio::test]
async fn days_and_longer_begin_at_midnight_in_new_york() {
    let (venue, _) = market(|_| ()).await;
    let (days, _) = pages(&venue, "/v2/aggs/ticker/AAPL/range/1/day/2025-10-27/2025-11-07").await;
    let at = |index: usize| days[index]["t"].as_i64().unwrap().rem_euclid(DAY) / HOUR;
    // Ten weekdays; the clocks went back in between.
    assert_eq!((days.len(), at(0), at(9)), (10, 4, 5));
    days.iter().for_each(|row| {
        let start = row["t"].as_i64().unwrap();
        is_shown(row, &venue.stocks().day("AAPL", start, i64::MAX).unwrap());
    });
    let (weeks, _) = pages(&venue, "/v2/aggs/ticker/AAPL/range/1/week/2025-10-27/2025-11-07").await;
    let high = |rows: &[Value]| rows.iter().map(|row| e8(&row["h"])).max();
    assert_eq!(weeks.len(), 2);
    assert_eq!(high(&weeks[..1]), high(&days[..5]));
    assert_eq!(weeks[0]["t"].as_i64().unwrap(), days[0]["t"].as_i64().unwrap() - DAY, "a Sunday");
    let (months, _) = pages(&venue, "/v2/aggs/ticker/AAPL/range/1/month/2025-10-31/2025-11-03").await;
    assert_eq!(months.len(), 2, "snapped outward");
    let half = body(&venue, "/v2/aggs/ticker/AAPL/range/1/minute/2025-11-28/2025-11-28").await;
    let half = half["results"].as_array().unwrap().iter().map(|row| row["t"].as_i64().unwrap());
    let noon = 1_764_349_200_000; // 12:00 in New York
    let (regular, after): (Vec<i64>, Vec<i64>) =
        half.filter(|t| *t >= noon - 150 * MINUTE).partition(|t| *t < noon + HOUR);
    assert_eq!(regular.len(), 210, "a half day");
    assert!(after.len() < 300, "{}", after.len());
}

#[tokio::test]
async fn closed_days_and_unknown_tickers_are_empty_and_no_error() {
    let (venue, _) = market(|_| ()).await;
    for path in [
        "/v2/aggs/ticker/AAPL/range/1/minute/2026-08-01/2026-08-02",
        "/v2/aggs/ticker/AAPL/range/1/day/2026-07-03/2026-07-03",
        "/v2/aggs/ticker/NOPE/range/1/day/2026-08-03/2026-08-05",
        "/v2/aggs/grouped/locale/us/market/stocks/2026-07-03?locale=us&market_type=stocks",
    ] {
        let body = body(&venue, path).await;
        assert_eq!(
            (body["queryCount"].as_i64(), body["resultsCount"].as_i64()),
            (Some(0), Some(0)),
            "{path}"
        );
        assert!(body.get("results").is_none() && body["status"] == "OK", "{path}");
    }
}

#[tokio::test]
async fn grouped_and_previous_are_stamped_at_four_in_the_afternoon() {
    let (venue, _) = market(|_| ()).await;
    let grouped = body(&venue, "/v2/aggs/grouped/locale/us/market/stocks/2026-08-05").await;
    let rows = grouped["results"].as_array().unwrap();
    let tickers: Vec<&str> = rows.iter().map(|row| row["T"].as_str().unwrap()).collect();
    assert_eq!(tickers, ["AAPL", "RARE", "SHY"]);
    let previous = body(&venue, "/v2/aggs/ticker/AAPL/prev").await;
    assert_eq!(previous["results"][0], rows[0]);
    assert_eq!(rows[0]["t"].as_i64(), Some(MIDNIGHT - 8 * HOUR));
    let day = venue.stocks().day("AAPL", MIDNIGHT - HOUR, i64::MAX).unwrap();
    assert_eq!((e8(&rows[0]["o"]), e8(&rows[0]["c"])), (day.open_e8.into(), day.close_e8.into()));
    let bells = body(&venue, "/v1/open-close/AAPL/2026-08-05").await;
    assert_eq!((e8(&bells["open"]), e8(&bells["close"])), (day.open_e8.into(), day.close_e8.into()));
    assert!(bells["preMarket"].is_number() && bells["afterHours"].is_number());
    assert_eq!((bells["from"].as_str(), e8(&bells["volume"])), (Some("2026-08-05"), day.volume_e8));
}

#[tokio::test]
async fn bars_are_as_known_and_late_trades_amend_them() {
    let (venue, clock) = market(|stage| (stage.late_share, stage.overnight_share) = (0.3, 0.05)).await;
    let path = format!("/v2/aggs/ticker/AAPL/range/1/minute/{}/{}", ELEVEN - 30 * MINUTE, ELEVEN - 1);
    let mut seen = Vec::new();
    // Now, after the late window, and the next morning.
    for ahead in [0, 20 * MINUTE, 15 * HOUR] {
        clock.advance(ahead);
        let known = ELEVEN + [0, 20 * MINUTE, 15 * HOUR + 20 * MINUTE][seen.len()];
        let (rows, _) = pages(&venue, &path).await;
        let want = venue.stocks().minutes("AAPL", ELEVEN - 30 * MINUTE, ELEVEN, known);
        assert_eq!(rows.len(), want.len());
        rows.iter().zip(&want).for_each(|(row, bar)| is_shown(row, bar));
        seen.push(want);
    }
    let changed = |a: &[StockBar], b: &[StockBar]| a.iter().zip(b).filter(|(a, b)| a != b).count();
    assert!(changed(&seen[0], &seen[1]) > 5, "{}", changed(&seen[0], &seen[1]));
    assert!(changed(&seen[1], &seen[2]) > 1, "{}", changed(&seen[1], &seen[2]));
    let last = venue.stocks().minutes("AAPL", ELEVEN - 30 * MINUTE, ELEVEN, i64::MAX);
    assert_eq!(changed(&seen[2], &last), 0, "by the next morning all is known");
}

#[tokio::test]
async fn trades_come_to_the_nanosecond_and_page_both_ways() {
    let (venue, _) = market(|_| ()).await;
    let (from, to) = ((ELEVEN - 20 * MINUTE) * 1_000_000, ELEVEN * 1_000_000);
    let want: Vec<_> = venue
        .stocks()
        .trades("AAPL", from, to)
        .into_iter()
        .filter(|trade| trade.known_ns <= ELEVEN * 1_000_000)
        .collect();
    assert!(want.len() > 400 && want.iter().any(|trade| trade.conditions.contains(&37)));
    let path = format!("/v3/trades/AAPL?timestamp.gte={from}&timestamp.lt={to}");
    let (rows, count) = pages(&venue, &format!("{path}&order=asc&limit=100")).await;
    assert_eq!((rows.len(), count), (want.len(), want.len().div_ceil(100)));
    for (row, trade) in rows.iter().zip(&want) {
        assert_eq!(row["sip_timestamp"].as_i64(), Some(trade.sip_ns));
        assert_eq!((e8(&row["price"]), e8(&row["size"])), (trade.price_e8.into(), trade.size_e8.into()));
        assert_eq!(
            (row["id"].as_str(), row["sequence_number"].as_i64()),
            (Some(&*trade.id), Some(trade.sequence))
        );
        let codes: Vec<u8> =
            row.get("conditions").map_or(Vec::new(), |c| serde_json::from_value(c.clone()).unwrap());
        assert_eq!(codes, trade.conditions);
        assert_eq!(row.get("trf_id").and_then(Value::as_u64), trade.facility.map(u64::from));
        assert!(row["participant_timestamp"].as_i64().unwrap() < trade.sip_ns);
    }
    let (back, _) = pages(&venue, &format!("{path}&limit=100")).await;
    assert!(back.iter().rev().eq(&rows), "the newest first, unless asked otherwise");
    let (day, _) = pages(&venue, "/v3/trades/RARE?timestamp=2026-08-05&order=asc").await;
    let truth = venue.stocks().trades("RARE", (MIDNIGHT - DAY) * 1_000_000, MIDNIGHT * 1_000_000);
    assert_eq!(day.len(), truth.len());
    assert!(body(&venue, "/v3/trades/NOPE").await["results"].as_array().unwrap().is_empty());
    let last = body(&venue, "/v2/last/trade/AAPL").await;
    assert_eq!(last["results"]["t"].as_i64(), want.last().map(|trade| trade.sip_ns));
    let (quotes, _) =
        pages(&venue, &format!("{}&order=asc&limit=99", path.replace("trades", "quotes"))).await;
    assert!(quotes.len().abs_diff(want.len()) <= 1);
    assert!(quotes.iter().all(|quote| e8(&quote["bid_price"]) < e8(&quote["ask_price"])));
}

#[tokio::test]
async fn each_refusal_has_its_status_and_its_words() {
    let (venue, _) = market(|stage| stage.retry_after = true).await;
    let range = "/v2/aggs/ticker/AAPL/range/1/day";
    let no_key = crate::client::raw_get(&venue, &format!("{range}/2026-08-03/2026-08-05")).await;
    assert_eq!(no_key.status, 401);
    assert!(no_key.text().contains(r#""error":"API Key was not provided""#));
    for (key, path, status, want) in [
        ("wrong", format!("{range}/2026-08-03/2026-08-05"), 401, r#""error":"Unknown API Key""#),
        (
            "test-key",
            format!("{range}/yesterday/2026-08-05"),
            400,
            "Could not parse the time parameter: 'from'",
        ),
        (
            "test-key",
            format!("{range}/2026-08-05/2026-02-30"),
            400,
            "Could not parse the time parameter: 'to'",
        ),
        (
            "test-key",
            format!("{range}/2026-08-05/2026-08-04"),
            400,
            "'to' cannot be a time that occurs before 'from'",
        ),
        ("test-key", "/v1/open-close/AAPL/2026-08-02".into(), 404, r#""message":"Data not found.""#),
        ("test-key", "/v2/snapshot/locale/us/markets/stocks/tickers/NOPE".into(), 404, "Ticker not found."),
        ("test-key", "/v2/ticks/stocks/trades/AAPL/2020-01-01".into(), 404, "404 page not found"),
        ("starter-key", "/v3/trades/AAPL".into(), 403, "You are not entitled to this data."),
        ("developer-key", "/v3/quotes/AAPL".into(), 403, r#""status":"NOT_AUTHORIZED""#),
        ("starter-key", format!("{range}/2020-08-03/2026-08-05"), 403, "doesn't include this data timeframe"),
        ("free-key", format!("{range}/2026-08-06/2026-08-06"), 403, "doesn't include this data timeframe"),
    ] {
        let answer = ask(&venue, key, &path).await;
        assert_eq!(answer.status, status, "{key} {path}: {}", answer.text());
        assert!(answer.text().contains(want), "{key} {path}: {}", answer.text());
    }
    let in_query = format!("{range}/2026-08-03/2026-08-05?apiKey=test-key");
    assert_eq!(crate::client::raw_get(&venue, &in_query).await.status, 200);
}

#[tokio::test]
async fn plans_differ_in_what_they_show_and_how_often() {
    let (venue, clock) =
        market(|stage| (stage.retry_after, stage.requests_per_minute) = (true, Some(100))).await;
    let path = format!("/v2/aggs/ticker/AAPL/range/1/minute/{MIDNIGHT}/{ELEVEN}?sort=desc&limit=1");
    let delayed: Value = serde_json::from_str(ask(&venue, "starter-key", &path).await.text()).unwrap();
    assert_eq!(delayed["status"], "DELAYED");
    assert!(delayed["results"][0]["t"].as_i64().unwrap() <= ELEVEN - 15 * MINUTE);
    assert!(body(&venue, &path).await["results"][0]["t"].as_i64().unwrap() > ELEVEN - 2 * MINUTE);
    // Two years for free, and silently clipped to that.
    let free = "/v2/aggs/ticker/AAPL/range/1/day/2020-01-01/2026-08-06?limit=50000";
    for _ in 0..5 {
        let clipped: Value = serde_json::from_str(ask(&venue, "free-key", free).await.text()).unwrap();
        let rows = clipped["results"].as_array().unwrap();
        assert_eq!(rows.last().unwrap()["t"].as_i64(), Some(MIDNIGHT - DAY), "the last finished day");
    }
    clock.advance(10_000);
    let refused = ask(&venue, "free-key", free).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("51")));
    assert!(refused.text().contains("You've exceeded the maximum requests per minute"));
    clock.advance(50_000);
    assert_eq!(ask(&venue, "free-key", free).await.status, 200);
    let report = venue.report();
    let group = report.group("massive");
    assert_eq!((group.rejected, group.routes["aggs/range"], report.rejected()), (1, 9, 1));
}

#[tokio::test]
async fn snapshots_show_the_day_and_the_movers() {
    let (venue, clock) = market(|stage| stage.tickers = TickerSet::Standard(60)).await;
    let all = body(&venue, "/v2/snapshot/locale/us/markets/stocks/tickers").await;
    assert_eq!((all["count"].as_i64(), all["tickers"].as_array().map(Vec::len)), (Some(60), Some(60)));
    let some = body(&venue, "/v2/snapshot/locale/us/markets/stocks/tickers?tickers=AAPL%2CMSFT,NOPE").await;
    assert_eq!(some["count"], 2);
    let one = body(&venue, "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL").await;
    let (ticker, previous) = (&one["ticker"], venue.stocks().day("AAPL", MIDNIGHT - HOUR, ELEVEN).unwrap());
    assert_eq!(e8(&ticker["prevDay"]["c"]), i128::from(previous.close_e8));
    let minutes = venue.stocks().minutes("AAPL", MIDNIGHT, ELEVEN, ELEVEN);
    assert_eq!(ticker["min"]["t"].as_i64(), minutes.last().map(|bar| bar.start_ms));
    let moved = e8(&ticker["min"]["c"]) - e8(&ticker["prevDay"]["c"]);
    assert_eq!(e8(&ticker["todaysChange"]), moved);
    assert!(ticker["lastTrade"]["p"].is_number() && ticker["lastQuote"]["P"].is_number());
    let starter = ask(&venue, "starter-key", "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL").await;
    assert!(!starter.text().contains("lastTrade"), "the plan has no trades");
    let gainers = body(&venue, "/v2/snapshot/locale/us/markets/stocks/gainers").await;
    let moves: Vec<f64> = gainers["tickers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["todaysChangePerc"].as_f64().unwrap())
        .collect();
    assert!(!moves.is_empty() && moves.is_sorted_by(|a, b| a >= b), "{moves:?}");
    // Before four in the morning there is nothing yet, and yesterday is the day before.
    clock.advance(16 * HOUR + 45 * MINUTE);
    let empty = body(&venue, "/v2/snapshot/locale/us/markets/stocks/tickers/AAPL").await;
    assert_eq!((e8(&empty["ticker"]["day"]["v"]), e8(&empty["ticker"]["min"]["c"])), (0, 0));
}

#[tokio::test]
async fn tickers_are_listed_page_by_page() {
    let (venue, _) = market(|stage| stage.tickers = StocksScenario::default().tickers).await;
    let (rows, count) = pages(&venue, "/v3/reference/tickers?market=stocks&active=true&limit=1000").await;
    assert_eq!((rows.len(), count), (12_000, 12));
    let tickers: Vec<&str> = rows.iter().map(|row| row["ticker"].as_str().unwrap()).collect();
    assert!(tickers.is_sorted_by(|a, b| a < b));
    assert_eq!(tickers, venue.stocks().tickers());
    let found = body(&venue, "/v3/reference/tickers?search=berkshire").await;
    assert_eq!(found["count"], 2);
    assert_eq!(body(&venue, "/v3/reference/tickers/AAPL").await["results"]["name"], "Apple Inc.");
}

#[tokio::test]
async fn the_market_says_when_it_is_open() {
    let (venue, clock) = market(|_| ()).await;
    assert_eq!(body(&venue, "/v1/marketstatus/now").await["market"], "open");
    clock.advance(6 * HOUR);
    let late = body(&venue, "/v1/marketstatus/now").await;
    assert_eq!((&late["market"], &late["afterHours"]), (&"extended-hours".into(), &true.into()));
    assert_eq!(late["serverTime"], "2026-08-06T17:00:00-04:00");
    clock.advance(6 * HOUR);
    assert_eq!(body(&venue, "/v1/marketstatus/now").await["market"], "closed");
    let upcoming = body(&venue, "/v1/marketstatus/upcoming").await;
    let rows = upcoming.as_array().unwrap();
    assert_eq!((&rows[0]["date"], &rows[0]["name"]), (&"2026-09-07".into(), &"Labor Day".into()));
    let early = rows.iter().find(|row| row["status"] == "early-close").unwrap();
    assert_eq!((&early["date"], &early["close"]), (&"2026-11-27".into(), &"2026-11-27T18:00:00.000Z".into()));
}

#[tokio::test]
async fn a_market_that_never_closes_has_bars_on_a_sunday_night() {
    // 2026-08-09T05:00Z, one in the morning on a Sunday.
    let (venue, _) = market_at(1_786_251_600_000, |stage| stage.hours = ExchangeHours::Always).await;
    let day = body(&venue, "/v2/aggs/ticker/AAPL/range/1/minute/2026-08-09/2026-08-09").await;
    assert!(day["resultsCount"].as_i64().unwrap() >= 60);
    assert_eq!(body(&venue, "/v2/aggs/ticker/AAPL/prev").await["resultsCount"], 1);
}

#[tokio::test]
async fn volumes_have_an_exponent_where_that_is_wanted_and_faults_strike_here_too() {
    let (venue, _) = market(|stage| stage.exp_volume = true).await;
    let path = "/v2/aggs/ticker/AAPL/range/1/month/2026-06-01/2026-06-30";
    let month = ask(&venue, "test-key", path).await;
    assert!(month.text().contains("e+0"), "{}", month.text());
    venue.set_faults(Faults { html: 1.0, ..Faults::default() });
    assert_eq!(ask(&venue, "test-key", path).await.status, 502);
    venue.set_faults(Faults { throttle: 1.0, ..Faults::default() });
    assert_eq!(ask(&venue, "test-key", path).await.status, 429);
    assert_eq!(venue.report().faulted, 2);
}

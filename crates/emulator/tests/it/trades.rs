//! Trades: every page is a piece of the tape.

use market_backbone_emulator::{RunningEmulator, TakerSide, TapeTrade};
use serde_json::Value;

use crate::client::{DAY, HOUR, NOW, e8, get, instant, start};

fn matches(row: &Value, trade: &TapeTrade) {
    assert_eq!(row["sequential_id"].as_i64(), Some(trade.id));
    assert_eq!(row["timestamp"].as_i64(), Some(trade.time_ms));
    let spelled =
        format!("{}T{}", row["trade_date_utc"].as_str().unwrap(), row["trade_time_utc"].as_str().unwrap());
    assert_eq!(instant(&spelled), trade.time_ms - trade.time_ms % 1_000);
    assert_eq!(e8(&row["trade_price"]), i128::from(trade.price_e8));
    assert_eq!(e8(&row["trade_volume"]), i128::from(trade.size_e8));
    assert_eq!(row["ask_bid"], if trade.side == TakerSide::Buy { "BID" } else { "ASK" });
    assert_eq!(e8(&row["change_price"]), e8(&row["trade_price"]) - e8(&row["prev_closing_price"]),);
}

async fn page(venue: &RunningEmulator, rest: &str) -> Vec<Value> {
    get(venue, &format!("/v1/trades/ticks?{rest}")).await.rows()
}

#[tokio::test]
async fn pages_by_cursor_tile_the_tape() {
    let venue = start(&["KRW-BTC", "KRW-IOTA"]).await;
    for (market, back, count) in [("KRW-BTC", HOUR, 500), ("KRW-IOTA", 2 * DAY, 17)] {
        let mut want = venue.tape().trades(market, NOW - back, NOW + 1);
        want.reverse();
        let mut cursor = String::new();
        let mut rows: Vec<Value> = Vec::new();
        while rows.len() < want.len() {
            let next = page(&venue, &format!("market={market}&count={count}{cursor}")).await;
            cursor = format!("&cursor={}", next.last().expect("older trades")["sequential_id"]);
            rows.extend(next);
        }
        for (row, trade) in rows.iter().zip(&want) {
            matches(row, trade);
        }
    }
}

#[tokio::test]
async fn a_day_is_paged_alone() {
    let venue = start(&["KRW-ADA"]).await;
    let midnight = NOW.div_euclid(DAY) * DAY;
    let mut want = venue.tape().trades("KRW-ADA", midnight - 2 * DAY, midnight - DAY);
    want.reverse();
    let mut rows: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let next = page(&venue, &format!("market=KRW-ADA&count=500&days_ago=2{cursor}")).await;
        let Some(oldest) = next.last() else { break };
        cursor = format!("&cursor={}", oldest["sequential_id"]);
        rows.extend(next);
    }
    assert_eq!(rows.len(), want.len());
    rows.iter().zip(&want).for_each(|(row, trade)| matches(row, trade));
    assert_eq!(
        page(&venue, "market=KRW-ADA&daysAgo=2&count=9").await,
        page(&venue, "market=KRW-ADA&days_ago=2&count=9").await,
    );
}

#[tokio::test]
async fn to_is_a_time_of_the_day_asked_for() {
    let venue = start(&["KRW-BTC"]).await;
    let midnight = NOW.div_euclid(DAY) * DAY;
    for (rest, before) in [
        ("to=10:40:00", midnight + 10 * HOUR + 40 * 60_000),
        ("to=104000", midnight + 10 * HOUR + 40 * 60_000),
        ("to=104000&days_ago=1", midnight - DAY + 10 * HOUR + 40 * 60_000),
    ] {
        let rows = page(&venue, &format!("market=KRW-BTC&count=5&{rest}")).await;
        let mut want = venue.tape().trades("KRW-BTC", before - HOUR, before);
        want.reverse();
        rows.iter().zip(&want).for_each(|(row, trade)| matches(row, trade));
    }
    for bad in ["to=25:00:00", "to=noon", "days_ago=8", "days_ago=0"] {
        let answer = get(&venue, &format!("/v1/trades/ticks?market=KRW-BTC&{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_page_is_clamped_at_five_hundred() {
    let venue = start(&["KRW-BTC"]).await;
    assert_eq!(page(&venue, "market=KRW-BTC&count=9999").await.len(), 500);
    assert_eq!(page(&venue, "market=KRW-BTC").await.len(), 1);
}

#[tokio::test]
async fn ids_number_the_trades_of_a_millisecond() {
    let venue = start(&["KRW-BTC"]).await;
    let trades = venue.tape().trades("KRW-BTC", NOW - 6 * HOUR, NOW);
    for pair in trades.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let want = if a.time_ms == b.time_ms { a.id + 1 } else { b.time_ms * 10_000 };
        assert_eq!(b.id, want);
    }
    let twins = trades.windows(2).filter(|p| {
        let alike = |t: &TapeTrade| (t.time_ms, t.price_e8, t.size_e8, t.side);
        alike(&p[0]) == alike(&p[1])
    });
    assert!(twins.count() > 10, "some trades differ in their id only");
}

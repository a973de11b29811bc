//! Pages of candles: order, finality, and above all what they prove and what not.

use market_backbone_core::{
    CandlePage, CandlePageRequest, Proof, SourceErrorKind, TimeRange, Timeframe, Timestamp, Venue,
};
use market_backbone_upbit::Upbit;

use crate::{NOON, at, page_of};

/// A row of one-minute candles, opened at `time` on 2026-05-12.
fn row(time: &str) -> String {
    row_of("KRW-BTC", &format!("2026-05-12T{time}"), 1)
}

fn row_of(market: &str, open: &str, unit: u32) -> String {
    format!(
        r#"{{"market":"{market}","candle_date_time_utc":"{open}","candle_date_time_kst":"1999-01-01T00:00:00","opening_price":37628000.00000000,"high_price":37691000.0,"low_price":3.7628E7,"trade_price":37636000,"timestamp":1612004400026,"candle_acc_trade_price":248330291.72519000,"candle_acc_trade_volume":6.59645081,"unit":{unit},"something_new":{{"a":[1,null]}}}}"#
    )
}

fn list(rows: &[String]) -> String {
    format!("[{}]", rows.join(","))
}

fn page(request: &CandlePageRequest, rows: &[String]) -> CandlePage {
    Upbit::new().decode_candles(request, list(rows).as_bytes(), at(NOON)).unwrap()
}

fn opens(page: &CandlePage) -> Vec<String> {
    page.candles.iter().map(|candle| candle.open_time.to_string()[11..19].to_owned()).collect()
}

fn covered(from: Timestamp, to: &str) -> Proof {
    Proof { covered: TimeRange::new(from, at(to)).ok(), exhausted: false }
}

#[test]
fn a_page_reads_oldest_first_with_every_spelling_of_a_number() {
    let page = page(&page_of(Timeframe::M1, None), &[row("11:58:00"), row("11:57:00"), row("11:40:00")]);
    assert_eq!(opens(&page), ["11:40:00", "11:57:00", "11:58:00"]);
    let candle = page.candles[0];
    assert_eq!(
        [candle.open, candle.high, candle.low, candle.close],
        [37_628_000.0, 37_691_000.0, 37_628_000.0, 37_636_000.0]
    );
    assert_eq!((candle.volume, candle.turnover), (6.59645081, 248330291.72519));
    assert_eq!((page.dropped, page.attempts, page.asked_at), (0, 1, at(NOON)));
}

#[test]
fn a_candle_is_final_once_its_slot_has_ended_and_settled() {
    let asked = |asked_at: &str| {
        let rows = [row("11:59:00"), row("11:58:00")];
        let request = page_of(Timeframe::M1, None);
        let page = Upbit::new().decode_candles(&request, list(&rows).as_bytes(), at(asked_at)).unwrap();
        page.candles.iter().map(|candle| candle.is_final).collect::<Vec<_>>()
    };
    assert_eq!(asked("2026-05-12T11:59:30Z"), [true, false]);
    assert_eq!(asked("2026-05-12T12:00:00.999Z"), [true, false]);
    assert_eq!(asked("2026-05-12T12:00:01Z"), [true, true]);
}

#[test]
fn a_page_proves_from_its_oldest_row_to_what_was_asked() {
    let oldest = at("2026-05-12T10:00:00Z");
    let rows = [row("10:30:00"), row("10:00:00")];
    let before = |before: &str| page(&page_of(Timeframe::M1, Some(before)), &rows).proof;
    assert_eq!(before("2026-05-12T11:00:00Z"), covered(oldest, "2026-05-12T11:00:00Z"));
    assert_eq!(before("2026-05-12T10:30:30Z"), covered(oldest, "2026-05-12T10:30:30Z"));
}

#[test]
fn a_slot_that_had_not_settled_is_never_proven() {
    let oldest = at("2026-05-12T11:57:00Z");
    let rows = [row("11:59:00"), row("11:57:00")];
    // At noon sharp the slot of 11:59 may still change.
    let newest = page(&page_of(Timeframe::M1, None), &rows);
    assert_eq!(newest.proof, covered(oldest, "2026-05-12T11:59:00Z"));
    let future = page(&page_of(Timeframe::M1, Some("2027-01-01T00:00:00Z")), &rows);
    assert_eq!(future.proof, covered(oldest, "2026-05-12T11:59:00Z"));
    let forming_alone = page(&page_of(Timeframe::M1, None), &[row("11:59:00")]);
    assert_eq!((forming_alone.candles.len(), forming_alone.proof), (1, Proof::default()));
}

#[test]
fn an_empty_page_proves_that_nothing_older_exists() {
    let asked = page(&page_of(Timeframe::M1, Some("2026-05-12T11:00:00Z")), &[]);
    let mut proof = covered(Timestamp::MIN, "2026-05-12T11:00:00Z");
    proof.exhausted = true;
    assert_eq!((asked.candles.len(), asked.proof), (0, proof));
    let never_traded = page(&page_of(Timeframe::D1, None), &[]);
    proof.covered = covered(Timestamp::MIN, "2026-05-12T00:00:00Z").covered;
    assert_eq!(never_traded.proof, proof);
}

#[test]
fn an_empty_page_of_seconds_proves_nothing_but_ends_the_search() {
    let page = page(&page_of(Timeframe::S1, Some("2026-01-01T00:00:00Z")), &[]);
    assert_eq!(page.proof, Proof { covered: None, exhausted: true });
}

#[test]
fn a_bad_row_is_counted_and_takes_the_proof_but_not_its_neighbours() {
    let bad = [
        row_of("KRW-ETH", "2026-05-12T10:45:00", 1),
        row_of("KRW-BTC", "2026-05-12T10:45:00", 5),
        row_of("KRW-BTC", "2026-05-12T10:45:30", 1),
        row_of("KRW-BTC", "2026-13-12T10:45:00", 1),
        row("10:45:00").replace("37691000.0", "37000000.0"),
        row("10:45:00").replace("3.7628E7", "null"),
        row("10:45:00").replace("opening_price", "opening"),
        row("11:00:00"),
        row("11:30:00"),
        "null".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
    ];
    for bad in bad {
        let rows = [row("10:50:00"), bad.clone(), row("10:40:00")];
        let page = page(&page_of(Timeframe::M1, Some("2026-05-12T11:00:00Z")), &rows);
        assert_eq!(opens(&page), ["10:40:00", "10:50:00"], "{bad}");
        assert_eq!((page.dropped, page.proof), (1, Proof::default()), "{bad}");
    }
}

#[test]
fn rows_out_of_order_and_repeated_rows_prove_nothing() {
    let request = page_of(Timeframe::M1, None);
    let repeated = page(&request, &[row("10:50:00"), row("10:50:00"), row("10:49:00")]);
    assert_eq!((opens(&repeated).len(), repeated.dropped, repeated.proof), (2, 1, Proof::default()));
    let rising = page(&request, &[row("10:49:00"), row("10:50:00")]);
    assert_eq!((opens(&rising).len(), rising.dropped, rising.proof), (1, 1, Proof::default()));
}

#[test]
fn a_page_of_which_nothing_can_be_read_is_a_failure_not_an_empty_answer() {
    let request = page_of(Timeframe::M1, None);
    for body in
        ["", "[", "{}", "null", "[{}]", "<html>", &list(&[row("10:49:30")]), &list(&[row("10:50:00")])[..99]]
    {
        let error = Upbit::new().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Malformed, "{body}");
    }
}

#[test]
fn days_weeks_months_and_years_lie_on_their_own_grid() {
    let check = |timeframe, open: &str, is_on: bool| {
        let row = row_of("KRW-BTC", open, 1)
            .replace(r#""unit":1"#, r#""first_day_of_period":"2026-05-01","converted_trade_price":null"#);
        let page = Upbit::new().decode_candles(&page_of(timeframe, None), list(&[row]).as_bytes(), at(NOON));
        assert_eq!(page.is_ok(), is_on, "{timeframe} {open}");
    };
    check(Timeframe::D1, "2026-05-12T00:00:00", true);
    check(Timeframe::D1, "2026-05-12T09:00:00", false);
    check(Timeframe::W1, "2026-05-11T00:00:00", true);
    check(Timeframe::W1, "2026-05-12T00:00:00", false);
    check(Timeframe::Month, "2026-05-01T00:00:00", true);
    check(Timeframe::Year, "2026-01-01T00:00:00", true);
    check(Timeframe::S1, "2026-05-12T11:59:58", true);
}

//! Pages of candles: order, finality, and above all what they prove and what they do not.

use market_backbone_core::{
    CandlePage, CandlePageRequest, PageProof, SourceErrorKind, TimeRange, Timeframe, Timestamp, Venue,
};
use market_backbone_upbit::Upbit;

use crate::{NOON, at, page_of};

/// Returns a row of one-minute candles, opened at `time` on 2026-05-12.
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

/// Returns a range of 2026-05-12.
fn stretch(from: &str, to: &str) -> Option<TimeRange> {
    TimeRange::new(at(&format!("2026-05-12T{from}Z")), at(&format!("2026-05-12T{to}Z"))).ok()
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
    assert_eq!((page.rejected.len(), page.attempts, page.asked_at), (0, 1, at(NOON)));
}

#[test]
fn a_candle_is_final_once_the_venue_has_moved_on_or_its_slot_is_long_over() {
    let asked = |rows: &[&str], asked_at: &str| {
        let rows: Vec<_> = rows.iter().map(|open| row(open)).collect();
        let request = page_of(Timeframe::M1, None);
        let page = Upbit::new().decode_candles(&request, list(&rows).as_bytes(), at(asked_at)).unwrap();
        page.candles.iter().map(|candle| candle.is_final).collect::<Vec<_>>()
    };
    let alone = ["11:59:00", "11:58:00"];
    assert_eq!(asked(&alone, "2026-05-12T11:59:30Z"), [true, false]);
    // The candle may be incomplete: a venue that lags by some seconds would show it like this.
    assert_eq!(asked(&alone, "2026-05-12T12:00:29.999Z"), [true, false]);
    assert_eq!(asked(&alone, "2026-05-12T12:00:30Z"), [true, true]);
    let ends_there = page(&page_of(Timeframe::M1, Some("2026-05-12T12:00:00Z")), &[row("11:59:00")]);
    assert!(!ends_there.candles[0].is_final, "asked at noon sharp");
    let moved_on = ["12:00:00", "11:59:00"];
    assert_eq!(asked(&moved_on, "2026-05-12T12:00:00.999Z"), [false, false]);
    assert_eq!(asked(&moved_on, "2026-05-12T12:00:01Z"), [true, false]);
}

#[test]
fn a_page_proves_what_lies_between_its_rows_and_claims_what_lies_behind() {
    let rows = [row("10:30:00"), row("10:00:00")];
    let proof = page(&page_of(Timeframe::M1, Some("2026-05-12T11:00:00Z")), &rows).proof;
    assert_eq!(proof.covered, stretch("10:00:00", "10:31:00"));
    assert_eq!(proof.absent_after, stretch("10:31:00", "11:00:00"));
    // Fewer rows came than were requested: nothing is older.
    assert_eq!(proof.absent_before, TimeRange::new(Timestamp::MIN, at("2026-05-12T10:00:00Z")).ok());
    assert!(!proof.exhausted && proof.uncertain.is_empty());
    let to_the_row = page(&page_of(Timeframe::M1, Some("2026-05-12T10:31:00Z")), &rows).proof;
    assert_eq!((to_the_row.absent_after, to_the_row.preliminary_from), (None, None));
}

#[test]
fn a_full_page_says_nothing_of_what_is_older() {
    let request = CandlePageRequest { count: 2, ..page_of(Timeframe::M1, None) };
    assert_eq!(page(&request, &[row("10:30:00"), row("10:00:00")]).proof.absent_before, None);
}

#[test]
fn the_newest_row_of_a_page_that_could_show_more_is_an_early_word() {
    let newest = page(&page_of(Timeframe::M1, None), &[row("11:50:00"), row("11:40:00")]);
    assert_eq!(newest.proof.preliminary_from, Some(at("2026-05-12T11:50:00Z")));
    let moved_on = page(&page_of(Timeframe::M1, None), &[row("12:00:00"), row("11:59:00"), row("11:40:00")]);
    assert_eq!(moved_on.proof.preliminary_from, None);
}

#[test]
fn a_slot_that_had_not_settled_is_never_proven() {
    let rows = [row("11:59:00"), row("11:57:00")];
    // At exactly noon the slot of 11:59 may still change.
    for before in [None, Some("2027-01-01T00:00:00Z")] {
        let proof = page(&page_of(Timeframe::M1, before), &rows).proof;
        assert_eq!((proof.covered, proof.absent_after), (stretch("11:57:00", "11:59:00"), None));
    }
    let forming_alone = page(&page_of(Timeframe::M1, None), &[row("11:59:00")]);
    assert_eq!((forming_alone.candles.len(), forming_alone.proof.covered), (1, None));
}

#[test]
fn an_empty_page_claims_that_nothing_older_exists_and_proves_nothing() {
    let asked = page(&page_of(Timeframe::M1, Some("2026-05-12T11:00:00Z")), &[]);
    let absent = |to: &str| TimeRange::new(Timestamp::MIN, at(to)).ok();
    assert_eq!((asked.candles.len(), asked.proof.covered), (0, None));
    assert_eq!(asked.proof.absent_before, absent("2026-05-12T11:00:00Z"));
    let never_traded = page(&page_of(Timeframe::D1, None), &[]);
    assert_eq!(never_traded.proof.absent_before, absent("2026-05-12T00:00:00Z"));
}

#[test]
fn an_empty_page_of_seconds_claims_nothing_but_ends_the_search() {
    let page = page(&page_of(Timeframe::S1, Some("2026-01-01T00:00:00Z")), &[]);
    assert_eq!(page.proof, PageProof { exhausted: true, ..PageProof::default() });
}

#[test]
fn a_bad_row_is_named_and_only_what_lies_between_its_neighbours_is_in_doubt() {
    let bad = [
        row_of("KRW-ETH", "2026-05-12T10:45:00", 1),
        row_of("KRW-BTC", "2026-05-12T10:45:00", 5),
        row_of("KRW-BTC", "2026-05-12T10:45:30", 1),
        row("10:45:00").replace("37691000.0", "37000000.0"),
        row("10:45:00").replace("3.7628E7", "null"),
        row("10:45:00").replace("3.7628E7", "0.0"),
        row("10:45:00").replace("opening_price", "opening"),
    ];
    for bad in bad {
        let rows = [row("10:50:00"), bad.clone(), row("10:40:00")];
        let page = page(&page_of(Timeframe::M1, Some("2026-05-12T10:51:00Z")), &rows);
        assert_eq!(opens(&page), ["10:40:00", "10:50:00"], "{bad}");
        let [rejected] = page.rejected.as_slice() else { panic!("{bad}") };
        assert_eq!(rejected.slot, Some(at("2026-05-12T10:45:00Z")), "{bad}");
        assert!(!rejected.reason.is_empty());
        assert_eq!(page.proof.covered, stretch("10:40:00", "10:51:00"));
        assert_eq!(page.proof.uncertain.first().copied(), stretch("10:41:00", "10:50:00"), "{bad}");
        assert!(page.proof.uncertain.contains(&stretch("10:45:00", "10:46:00").unwrap()), "{bad}");
    }
}

#[test]
fn a_row_that_does_not_say_when_leaves_all_between_its_neighbours_in_doubt() {
    for bad in ["null", "[]", "7", &row_of("KRW-BTC", "2026-13-12T10:45:00", 1)] {
        let rows = [row("10:50:00"), bad.to_owned(), row("10:40:00")];
        let page = page(&page_of(Timeframe::M1, Some("2026-05-12T10:51:00Z")), &rows);
        assert_eq!((opens(&page).len(), page.rejected.len()), (2, 1), "{bad}");
        assert_eq!(page.proof.uncertain, [stretch("10:41:00", "10:50:00").unwrap()], "{bad}");
    }
}

#[test]
fn a_bad_row_at_the_end_of_a_full_page_says_nothing_of_what_is_older() {
    let request = |count| CandlePageRequest { count, ..page_of(Timeframe::M1, Some("2026-05-12T10:51:00Z")) };
    let bad = row("10:49:00").replace("3.7628E7", "0.0");
    let rows = [row("10:50:00"), bad];
    let own_slot = stretch("10:49:00", "10:50:00").unwrap();
    let full = page(&request(2), &rows);
    assert_eq!((full.rejected.len(), &*full.proof.uncertain), (1, &[own_slot][..]));
    let timeless = page(&request(2), &[row("10:50:00"), "null".to_owned()]);
    assert_eq!(
        (timeless.rejected.len(), timeless.proof.uncertain.len()),
        (1, 0),
        "the next page shows it again"
    );
    // A page with too few rows shows that nothing else is older.
    let short = page(&request(3), &rows);
    assert_eq!(short.proof.uncertain, [own_slot]);
    assert_eq!(short.proof.absent_before, TimeRange::new(Timestamp::MIN, at("2026-05-12T10:49:00Z")).ok());
    let timeless = page(&request(3), &[row("10:50:00"), "null".to_owned()]);
    let anywhere = TimeRange::new(Timestamp::MIN, at("2026-05-12T10:50:00Z")).unwrap();
    assert_eq!(timeless.proof.uncertain, [anywhere], "it may have been of any slot");
}

#[test]
fn identical_duplicates_are_one_row_and_of_others_none_is_believed() {
    let request = page_of(Timeframe::M1, Some("2026-05-12T10:51:00Z"));
    let twins = page(&request, &[row("10:50:00"), row("10:50:00"), row("10:49:00")]);
    assert_eq!((opens(&twins).len(), twins.rejected.len()), (2, 0));
    assert_eq!(twins.proof.covered, stretch("10:49:00", "10:51:00"));
    let other = row("10:50:00").replace("6.59645081", "0.25");
    let differ = page(&request, &[row("10:50:00"), other, row("10:49:00")]);
    assert_eq!((opens(&differ), differ.rejected.len()), (vec!["10:49:00".to_owned()], 1));
    assert_eq!(differ.proof.uncertain, [stretch("10:50:00", "10:51:00").unwrap()]);
}

#[test]
fn rows_in_any_order_are_one_page_and_what_was_not_asked_for_is_none() {
    let rising = page(&page_of(Timeframe::M1, None), &[row("10:49:00"), row("10:50:00")]);
    assert_eq!((opens(&rising).len(), rising.rejected.len()), (2, 0));
    let before =
        page(&page_of(Timeframe::M1, Some("2026-05-12T10:50:00Z")), &[row("10:50:00"), row("10:49:00")]);
    assert_eq!((opens(&before), before.rejected.len()), (vec!["10:49:00".to_owned()], 1));
}

#[test]
fn a_single_row_that_cannot_be_true_is_no_failure() {
    let page = page(&page_of(Timeframe::M1, None), &[row("10:49:30")]);
    assert_eq!((page.candles.len(), page.rejected.len()), (0, 1));
    assert_eq!((page.proof.covered, page.proof.absent_before), (None, None));
}

#[test]
fn a_page_of_which_nothing_can_be_read_is_a_failure_not_an_empty_answer() {
    let request = page_of(Timeframe::M1, None);
    for body in ["", "[", "{}", "null", "[{}]", "<html>", &list(&[row("10:50:00")])[..99]] {
        let error = Upbit::new().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Malformed, "{body}");
    }
}

#[test]
fn days_weeks_months_and_years_lie_on_their_own_grid() {
    let check = |timeframe, open: &str, is_on: bool| {
        let row = row_of("KRW-BTC", open, 1)
            .replace(r#""unit":1"#, r#""first_day_of_period":"2026-05-01","converted_trade_price":null"#);
        let page = page(&page_of(timeframe, None), &[row]);
        assert_eq!(page.rejected.is_empty(), is_on, "{timeframe} {open}");
    };
    check(Timeframe::D1, "2026-05-12T00:00:00", true);
    check(Timeframe::D1, "2026-05-12T09:00:00", false);
    check(Timeframe::W1, "2026-05-11T00:00:00", true);
    check(Timeframe::W1, "2026-05-12T00:00:00", false);
    check(Timeframe::Month, "2026-05-01T00:00:00", true);
    check(Timeframe::Year, "2026-01-01T00:00:00", true);
    check(Timeframe::S1, "2026-05-12T11:59:58", true);
}

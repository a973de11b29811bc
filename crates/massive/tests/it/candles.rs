//! Pages of candles, and what they prove.

use market_backbone_core::{SourceErrorKind, TimeRange, Timeframe, Timestamp, Venue};
use market_backbone_massive::MassivePlan;

use crate::{NOON, advanced, at, massive, page_of};

/// Returns bars as the venue writes them, newest first; each opens at a given moment and costs a dollar.
fn body(opens: &[&str], counted: u64, rest: &str) -> String {
    let bar = |open: &&str| {
        format!(
            r#"{{"v":5.617399e+07,"vw":1.5,"o":1,"c":2,"h":2.5,"l":0.9,"t":{},"n":3}}"#,
            at(open).as_millis()
        )
    };
    let bars: Vec<_> = opens.iter().map(bar).collect();
    format!(
        r#"{{"ticker":"AAPL","queryCount":{counted},"resultsCount":{},"adjusted":false,"results":[{}],"status":"OK","request_id":"6a7e466379af0a71039d60cc78e72282","count":{}{rest}}}"#,
        opens.len(),
        bars.join(","),
        opens.len()
    )
}

const REST: &str = r#","next_url":"https://api.massive.com/v2/aggs/ticker/AAPL/range/1/minute/0/1?cursor=x""#;

fn range(from: &str, to: &str) -> Option<TimeRange> {
    TimeRange::new(at(from), at(to)).ok()
}

#[test]
fn a_page_reads_oldest_first_in_every_spelling_of_a_number() {
    let body = body(&["2026-05-11T15:31:00Z", "2026-05-11T15:29:00Z"], 2, REST);
    let request = page_of(Timeframe::M1, Some("2026-05-11T15:40:00Z"), 2);
    let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
    let opens: Vec<_> = page.candles.iter().map(|candle| candle.open_time).collect();
    assert_eq!(opens, [at("2026-05-11T15:29:00Z"), at("2026-05-11T15:31:00Z")]);
    let candle = page.candles[0];
    assert_eq!((candle.open, candle.high, candle.low, candle.close), (1.0, 2.5, 0.9, 2.0));
    assert_eq!((candle.volume, candle.turnover, candle.is_final), (56_173_990.0, 84_260_985.0, true));
}

#[test]
fn where_there_is_more_only_what_lies_after_the_oldest_bar_is_proven() {
    // Friday's last bar and Monday's first: the weekend between them is proven to be empty.
    let body = body(&["2026-05-11T08:00:00Z", "2026-05-08T23:59:00Z"], 2, REST);
    let request = page_of(Timeframe::M1, Some("2026-05-11T08:05:00Z"), 200);
    let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
    assert_eq!(page.proof.covered, range("2026-05-08T23:59:00Z", "2026-05-11T08:01:00Z"));
    assert_eq!(page.proof.absent_after, range("2026-05-11T08:01:00Z", "2026-05-11T08:05:00Z"));
    assert_eq!((page.proof.absent_before, page.proof.exhausted), (None, false));
}

#[test]
fn where_there_is_no_more_nothing_is_older_it_says() {
    let body = body(&["2026-05-11T08:00:00Z"], 1, "");
    let request = page_of(Timeframe::M1, Some("2026-05-11T08:05:00Z"), 200);
    let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
    let oldest = at("2026-05-11T08:00:00Z");
    assert_eq!(page.proof.absent_before, TimeRange::new(Timestamp::MIN, oldest).ok());
    assert!(!page.proof.exhausted);
    // Ten years may be requested. Nothing is known about the eleventh, though nobody need ask for it.
    let page = massive(MassivePlan::Developer).decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
    assert_eq!(page.proof.absent_before, range("2016-05-16T04:00:00Z", "2026-05-11T08:00:00Z"));
    assert!(page.proof.exhausted);
}

#[test]
fn a_full_count_is_taken_for_one_that_was_cut_short() {
    let body = body(&["2026-05-11T08:00:00Z"], 120, "");
    let request = page_of(Timeframe::H1, Some("2026-05-11T10:00:00Z"), 2);
    let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
    assert_eq!(page.proof.covered, range("2026-05-11T08:00:00Z", "2026-05-11T09:00:00Z"));
    assert_eq!((page.proof.absent_before, page.proof.exhausted), (None, false));
}

#[test]
fn an_answer_without_a_bar_is_a_claim_and_no_proof() {
    for empty in [
        r#"{"ticker":"AAPL","queryCount":0,"resultsCount":0,"adjusted":false,"status":"OK","request_id":"1","count":0}"#,
        r#"{"ticker":"AAPL","queryCount":0,"results":[],"status":"DELAYED","next_url":""}"#,
    ] {
        let request = page_of(Timeframe::M1, Some("2005-01-01T00:00:00Z"), 200);
        let page = advanced().decode_candles(&request, empty.as_bytes(), at(NOON)).unwrap();
        assert_eq!((page.candles.len(), page.proof.covered), (0, None));
        assert_eq!(page.proof.absent_before.map(TimeRange::to), Some(at("2005-01-01T00:00:00Z")));
    }
}

#[test]
fn what_may_still_be_reported_late_is_not_final_and_proves_nothing() {
    let opens =
        ["2026-05-12T12:00:00Z", "2026-05-12T11:40:00Z", "2026-05-12T11:39:00Z", "2026-05-12T11:20:00Z"];
    let body = body(&opens, 4, REST);
    let finals = |plan: MassivePlan| {
        let request = page_of(Timeframe::M1, None, 200);
        let page = massive(plan).decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
        let finals = page.candles.iter().filter(|candle| candle.is_final).count();
        (finals, page.proof.covered.map(TimeRange::to))
    };
    assert_eq!(finals(MassivePlan::Advanced), (2, Some(at("2026-05-12T11:40:00Z"))));
    // Bars that are delayed by a quarter of an hour may change for a quarter of an hour longer.
    assert_eq!(finals(MassivePlan::Starter), (1, Some(at("2026-05-12T11:25:00Z"))));
    assert_eq!(finals(MassivePlan::Basic), (0, None));
}

#[test]
fn hours_are_multiples_of_utc_on_both_sides_of_both_changes_of_the_clock() {
    let midnights = [
        // New York's midnight, before and after the clocks go forward, then back.
        "2026-03-07T05:00:00Z",
        "2026-03-10T04:00:00Z",
        "2026-10-31T04:00:00Z",
        "2026-11-03T05:00:00Z",
    ];
    for midnight in midnights.map(|midnight| at(midnight).as_secs()) {
        for (frame, hours) in [(Timeframe::H1, 1), (Timeframe::H4, 4)] {
            for hour in 0..24 {
                let open = Timestamp::from_secs(midnight + hour * 3_600);
                let is_multiple = open.as_secs() % (hours * 3_600) == 0;
                let body = body(&[&open.to_string()], 1, REST);
                let request = page_of(frame, Some("2026-11-10T00:00:00Z"), 200);
                let page = advanced().decode_candles(&request, body.as_bytes(), at("2026-11-12T12:00:00Z"));
                assert_eq!(page.is_ok_and(|page| page.candles.len() == 1), is_multiple, "{frame} {open}");
            }
        }
    }
}

#[test]
fn days_begin_at_midnight_in_new_york_whatever_the_season() {
    let days =
        [("2026-03-09T04:00:00Z", true), ("2026-03-08T05:00:00Z", true), ("2026-03-08T04:00:00Z", false)];
    for (open, sound) in
        days.into_iter().chain([("2026-11-01T04:00:00Z", true), ("2026-11-02T05:00:00Z", true)])
    {
        let body = body(&[open], 1, REST);
        let request = page_of(Timeframe::D1, Some("2026-12-01T05:00:00Z"), 200);
        let page = advanced().decode_candles(&request, body.as_bytes(), at("2026-12-02T00:00:00Z"));
        assert_eq!(page.unwrap().rejected.is_empty(), sound, "{open}");
    }
}

#[test]
fn a_bad_row_is_named_and_only_its_slot_is_in_doubt() {
    let good = body(&["2026-05-11T15:31:00Z", "2026-05-11T15:29:00Z", "2026-05-11T15:28:00Z"], 3, REST);
    let bad = [
        good.replacen("\"c\":2", "\"c\":9", 1),
        good.replacen("\"c\":2", "\"c\":\"2\"", 1),
        good.replacen("460000,\"n\"", "460001,\"n\"", 1),
        good.replacen("{\"v\"", "{\"T\":\"MSFT\",\"v\"", 1),
    ];
    let request = page_of(Timeframe::M1, Some("2026-05-11T15:40:00Z"), 200);
    for body in bad {
        assert_ne!(body, good);
        let page = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap();
        assert_eq!((page.candles.len(), page.rejected.len()), (2, 1), "{body}");
        let missing = [at("2026-05-11T15:31:00Z"), at("2026-05-11T15:29:00Z"), at("2026-05-11T15:28:00Z")];
        let shown = |open: &Timestamp| page.candles.iter().any(|candle| candle.open_time == *open);
        let lost = missing.into_iter().find(|open| !shown(open)).unwrap();
        let doubted = page.proof.uncertain.iter().any(|range| range.contains(lost));
        assert!(doubted || page.candles.last().is_some_and(|newest| newest.open_time < lost), "{body}");
        assert!(!page.proof.exhausted);
    }
}

#[test]
fn another_language_is_no_empty_answer() {
    let request = page_of(Timeframe::M1, Some("2026-05-11T15:40:00Z"), 200);
    for body in
        ["", "<html>", "[]", "{}", r#"{"status":"OK"}"#, r#"{"results":{}}"#, r#"{"results":[{"open":1}]}"#]
    {
        let error = advanced().decode_candles(&request, body.as_bytes(), at(NOON)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Malformed, "{body}");
    }
}

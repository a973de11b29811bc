//! US stocks as a program gets them, held against the tape of the venue's look-alike.

mod corrections;
mod hours;
mod rig;
mod splits;

use market_backbone::{
    AggregateSpec, CandleColumns, Priority, Series, Slot, SourceErrorKind, Symbol, TimeRange, Timeframe,
    Timespan, VenueId,
};
use market_backbone::{MASSIVE, UPBIT};
use market_backbone_emulator::StockBar;

use self::rig::{DAY, ELEVEN, HOUR, MINUTE, Stocks, at, millis, range};

/// Prices, and the open time they begin at.
fn row_of(bar: &StockBar) -> (i64, [f64; 4]) {
    let dollars = |e8: i64| e8 as f64 / 1e8;
    (bar.start_ms, [bar.open_e8, bar.high_e8, bar.low_e8, bar.close_e8].map(dollars))
}

fn shown(candles: &CandleColumns) -> Vec<(i64, [f64; 4])> {
    candles.iter().map(|row| (row.open_time.as_millis(), [row.open, row.high, row.low, row.close])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_half_day_equals_the_tape_and_is_asked_once() {
    let house = Stocks::start().await;
    // Thanksgiving was the 27th, and on the 28th the exchanges closed at 13:00.
    let first = if crate::is_full() { "2025-11-01T04:00:00Z" } else { "2025-11-25T05:00:00Z" };
    let (from, to) = (millis(first), millis("2025-12-01T05:00:00Z"));
    for code in ["AAPL", "SHY", "RARE"] {
        let ask = || house.client().candles(code, Timeframe::M1).range(range(from, to));
        let plan = ask().plan().await.unwrap();
        assert_eq!((plan.pages, plan.requests[0].1), (1, 1), "{code}: a month has no more bars than a page");
        let set = ask().await.unwrap();
        let tape: Vec<_> = house.venue.stocks().minutes(code, from, to, ELEVEN).iter().map(row_of).collect();
        assert!(tape.len() > 50, "{code}");
        assert_eq!(shown(&set.candles), tape, "{code}");
        assert_eq!(set.stats.requests, 1, "{code}");
        assert!(set.coverage.covers(TimeRange::new(at(from), at(to)).unwrap()), "{code}");
        for closed in
            ["2025-11-26T07:00:00Z", "2025-11-27T15:00:00Z", "2025-11-29T02:00:00Z", "2025-11-30T15:00:00Z"]
        {
            assert_eq!(set.slot(closed.parse().unwrap()), Slot::Empty, "{code} {closed}");
        }
        let asked = house.asked();
        let again = ask().await.unwrap();
        assert_eq!((again.candles, house.asked() - asked), (set.candles, 0), "{code}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_the_pages_that_base_counting_predicts() {
    let house = Stocks::start().await;
    let days = if crate::is_full() { 365 } else { 150 };
    let (from, to) = (ELEVEN - days * DAY, ELEVEN - DAY);
    let ask = || house.client().candles("AAPL", Timeframe::H1).range(range(from, to));
    let plan = ask().plan().await.unwrap();
    assert_eq!(house.asked(), 0, "nothing is asked for a plan");
    let base = house.venue.stocks().minutes("AAPL", from, to, ELEVEN);
    // A page counts 833 hours of sixty minutes and gives up what it has of an hour that it cuts; a second walker may
    // meet the first.
    let least = base.len().div_ceil(833 * 60) as u64;
    assert!((least..=least + 2).contains(&plan.pages), "{} planned, {least} needed", plan.pages);
    let set = ask().await.unwrap();
    let mut hours: Vec<i64> = base.iter().map(|bar| bar.start_ms.div_euclid(HOUR) * HOUR).collect();
    hours.dedup();
    let opens: Vec<i64> = set.candles.iter().map(|row| row.open_time.as_millis()).collect();
    assert_eq!(opens, hours);
    let spent = set.stats.requests;
    println!("{days} days of hours: {} planned, {spent} asked, {least} needed", plan.pages);
    assert!((least..=least + 2).contains(&spent) && spent <= plan.at_most, "{spent} of {least}");
    let asked = house.asked();
    assert_eq!(ask().await.unwrap().candles, set.candles);
    assert_eq!(house.asked(), asked);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_change_is_shown_and_not_kept() {
    let house = Stocks::start().await;
    let ask = || house.client().candles("AAPL", Timeframe::M1).last(60);
    let first = ask().await.unwrap();
    let open: Vec<_> = first.candles.iter().filter(|row| !row.is_final).map(|row| row.open_time).collect();
    // Trades may be told twenty minutes late.
    assert!((19..=21).contains(&open.len()), "{open:?}");
    assert!(open[0] >= at(ELEVEN - 20 * MINUTE));
    let asked = house.asked();
    let again = ask().await.unwrap();
    assert_eq!(shown(&again.candles), shown(&first.candles));
    assert_eq!(house.asked() - asked, 1, "the newest are asked for again, in one small page");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_begin_at_midnight_in_new_york() {
    let house = Stocks::start().await;
    let (from, to) = (millis("2025-10-30T00:00:00Z"), millis("2025-11-06T00:00:00Z"));
    let set = house.client().candles("AAPL", Timeframe::D1).range(range(from, to)).await.unwrap();
    let opens: Vec<_> = set.candles.iter().map(|row| row.open_time.to_string()).collect();
    // The clocks were turned back on the 2nd of November.
    let days = [
        "2025-10-30T04:00:00Z",
        "2025-10-31T04:00:00Z",
        "2025-11-03T05:00:00Z",
        "2025-11-04T05:00:00Z",
        "2025-11-05T05:00:00Z",
    ];
    assert_eq!(opens, days);
    let tape =
        set.candles.iter().map(|row| house.venue.stocks().day("AAPL", row.open_time.as_millis(), ELEVEN));
    assert_eq!(shown(&set.candles), tape.map(|bar| row_of(&bar.unwrap())).collect::<Vec<_>>());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adjusted_is_a_view_that_costs_one_request_a_day() {
    let house = Stocks::start().await;
    let (from, to) = (ELEVEN - 20 * DAY, ELEVEN - 2 * DAY);
    let client = house.client();
    let ask = || client.candles("SPLIT", Timeframe::D1).range(range(from, to));
    let traded = ask().await.unwrap();
    let asked = house.asked();
    let adjusted = ask().adjusted().await.unwrap();
    assert_eq!(house.asked() - asked, 1, "its splits");
    assert_eq!(ask().adjusted().await.unwrap(), adjusted);
    assert_eq!(ask().await.unwrap().candles, traded.candles, "what is kept is as it was traded");
    assert_eq!(house.asked() - asked, 1);
    // The venue adjusts by itself, where it is asked to; we never do.
    let symbol = Symbol::new(MASSIVE, "SPLIT").unwrap();
    let days = AggregateSpec { multiplier: 1, timespan: Timespan::Day, adjusted: true };
    let stretch = TimeRange::new(at(from), at(to)).unwrap();
    let venue = house.backbone.massive().unwrap().aggregates(&symbol, days, stretch).await.unwrap();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
    let mut changed = 0;
    for row in &adjusted.candles {
        let bar = venue.iter().find(|bar| bar.open_time == row.open_time).unwrap();
        assert!(near(row.close, bar.close) && near(row.open, bar.open), "{row:?} {bar:?}");
        let as_traded = traded.candles.iter().find(|other| other.open_time == row.open_time).unwrap();
        changed += usize::from(row.close.to_bits() != as_traded.close.to_bits());
    }
    assert!(changed > 0 && changed < adjusted.candles.len(), "the split lies within: {changed}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_the_whole_market_is_one_request_and_then_none() {
    let house = Stocks::start().await;
    let kept = house.backbone.store_massive_day("2026-08-04".parse().unwrap(), Priority::Low).await.unwrap();
    assert_eq!((kept, house.asked()), (4, 1), "all that were traded");
    let (from, to) = (millis("2026-08-04T04:00:00Z"), millis("2026-08-05T04:00:00Z"));
    for code in ["AAPL", "RARE", "SHY", "SPLIT"] {
        let set = house.client().candles(code, Timeframe::D1).range(range(from, to)).await.unwrap();
        let tape = house.venue.stocks().day(code, from, ELEVEN).unwrap();
        assert_eq!(shown(&set.candles), [row_of(&tape)], "{code}");
        assert_eq!((set.stats.requests, house.asked()), (0, 1), "{code}");
    }
    // It agrees with what is told of the share alone, so that neither is disputed.
    let both = house.client().candles("AAPL", Timeframe::D1).range(range(from - 5 * DAY, to)).await.unwrap();
    assert_eq!((both.candles.len(), both.coverage.disputes().len()), (4, 0));
    let sunday = house.backbone.store_massive_day("2026-08-02".parse().unwrap(), Priority::Low).await;
    assert_eq!(sunday.unwrap(), 0);
    let today =
        house.backbone.store_massive_day("2026-08-06".parse().unwrap(), Priority::Low).await.unwrap_err();
    let market_backbone::Error::Source(today) = today else { panic!("{today}") };
    assert_eq!(today.kind(), SourceErrorKind::BadRequest, "{today}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_of_thousands_is_kept_in_one_go() {
    let count = if crate::is_full() { 12_000 } else { 300 };
    let folder = tempfile::tempdir().unwrap();
    let house = Stocks::with_tickers(count, folder.path()).await;
    let day = "2026-08-04".parse().unwrap();
    let started = tokio::time::Instant::now();
    let kept = house.backbone.store_massive_day(day, Priority::Low).await.unwrap();
    println!("{kept} of {count} shares kept in {:?}", started.elapsed());
    assert!(kept > count / 2 && kept <= count, "{kept}");
    let (from, to) = (millis("2026-08-04T04:00:00Z"), millis("2026-08-05T04:00:00Z"));
    let tickers = house.venue.stocks().tickers();
    for code in tickers.iter().step_by(count / 50) {
        let Some(bar) = house.venue.stocks().day(code, from, ELEVEN) else { continue };
        let set = house.client().candles(code, Timeframe::D1).range(range(from, to)).await.unwrap();
        assert_eq!(shown(&set.candles), [row_of(&bar)], "{code}");
    }
    assert_eq!(house.asked(), 1);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_venues_share_a_folder_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let house = Stocks::in_folder(folder.path()).await;
    let families: Vec<_> = house.backbone.venues().into_iter().map(VenueId::family).collect();
    assert_eq!(families, [MASSIVE, UPBIT]);
    let coins = house.client().at(UPBIT).unwrap();
    let (from, to) = (ELEVEN - 7 * DAY, ELEVEN - DAY);
    for frame in [Timeframe::H1, Timeframe::D1] {
        assert!(
            !house.client().candles("AAPL", frame).range(range(from, to)).await.unwrap().candles.is_empty()
        );
        assert!(!coins.candles("KRW-BTC", frame).range(range(from, to)).await.unwrap().candles.is_empty());
    }
    // The venue's own hours, and the minutes that they are made of: whether they agree is looked at below.
    house.client().candles("AAPL", Timeframe::M1).range(range(from, to)).await.unwrap();
    let shares = house.client().candles("SHY", Timeframe::M1).range(range(from, to)).await.unwrap();
    let hours = house.client().candles("SHY", Timeframe::H1).range(range(from, to)).await.unwrap();
    assert_eq!((hours.stats.requests, hours.candles.is_empty()), (0, false), "added up from the minutes");
    assert!(matches!(house.backbone.at(VenueId::new("nowhere")), Err(market_backbone::Error::Venue(_))));
    let asked = house.asked();
    house.close().await;
    assert!(asked > 0);
    rig::is_sound_and_copies(folder.path(), &Series::new(shares.series.symbol, Timeframe::M1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_share_is_reported_with_what_was_probably_meant() {
    let house = Stocks::start().await;
    let error = house.client().candles("APPL", Timeframe::M1).await.unwrap_err();
    assert!(error.to_string().contains("did you mean AAPL"), "{error}");
    house.client().require(["AAPL", "*"]).await.unwrap();
    assert_eq!(house.venue.stocks().tickers().len(), 5);
    house.close().await;
}

//! What a venue does that it should not, and what must hold all the same: two tables, played over real sockets.
//!
//! Of every answer: no row that never was, nothing proven empty that is not, no candle final before it is. And in the
//! end, when the venue is well and time has passed: the rows of the tape, asked for no more.

mod live;
mod pages;

use futures::future::{BoxFuture, join_all};
use market_backbone_emulator::{Faults, Page, PageFault, Scripted};

use self::live::{Heals, live};
use self::pages::{Ask, Holds, Off, Wrong, closed, late, shares, upbit};

/// Plays all lines at once; the failure of one hides no other.
async fn all(lines: Vec<BoxFuture<'static, Result<(), String>>>) {
    let count = lines.len();
    let failed: Vec<String> = join_all(lines).await.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {count} lines do not hold:\n{}", failed.len(), failed.join("\n"));
}

fn faults(text: &str) -> Wrong {
    Wrong { faults: text.parse().unwrap(), script: Vec::new() }
}

fn script(text: &str) -> Wrong {
    Wrong { faults: Faults::default(), script: Scripted::list(text).unwrap() }
}

/// Something is wrong with the row of the minute 12:30, in every page that holds it.
fn row(what: &str) -> Wrong {
    script(&format!("{what}@2026-08-06T12:30:00Z"))
}

const BUSY: &str = "KRW-BTC";
const THIN: &str = "KRW-IOTA";

/// 13:14:30, 800 minutes: four pages.
const FOUR_PAGES: Ask = Ask::Range { minutes: 800, into_ms: 30_000 };
/// A day of a market that trades in one minute of 25: one page.
const A_DAY: Ask = Ask::Range { minutes: 1_440, into_ms: 30_000 };
const AN_HOUR: Ask = Ask::Range { minutes: 60, into_ms: 30_000 };
/// Right after the minute.
const AT_ONCE: Ask = Ask::Range { minutes: 60, into_ms: 1_500 };

#[tokio::test(flavor = "multi_thread")]
async fn empty_stale_and_late_pages_of_upbit_prove_nothing_and_lose_nothing() {
    all(vec![
        // A venue that is well: what all others are measured by.
        upbit("well", BUSY, script(""), FOUR_PAGES, Holds { whole_at: 1, requests: 6 }),
        // That nobody traded in the last minutes is believed when it is said again, later.
        upbit("well, thin", THIN, script(""), A_DAY, Holds { whole_at: 4, requests: 8 }),
        // Empty.
        upbit(
            "first page empty",
            BUSY,
            script("empty@candles:1"),
            FOUR_PAGES,
            Holds { whole_at: 2, requests: 12 },
        ),
        upbit(
            "second page empty",
            BUSY,
            script("empty@candles:2"),
            FOUR_PAGES,
            Holds { whole_at: 2, requests: 12 },
        ),
        upbit(
            "third page empty",
            BUSY,
            script("empty@candles:3"),
            FOUR_PAGES,
            Holds { whole_at: 2, requests: 12 },
        ),
        upbit(
            "fourth page empty",
            BUSY,
            script("empty@candles:4"),
            FOUR_PAGES,
            Holds { whole_at: 2, requests: 12 },
        ),
        upbit("only page empty, thin", THIN, script("empty@candles:1"), A_DAY, late(10)),
        upbit("every third page empty", BUSY, faults("empty_page=0.3"), FOUR_PAGES, late(30)),
        // Stale.
        upbit("first page two hours old", BUSY, script("stale:7200000@candles:1"), FOUR_PAGES, late(14)),
        upbit("first page a day old", BUSY, script("stale:86400000@candles:1"), FOUR_PAGES, late(14)),
        upbit("half of all pages 10 min old", BUSY, faults("stale_page=0.5"), FOUR_PAGES, late(30)),
        upbit(
            "half of all pages a day old",
            BUSY,
            faults("stale_page=0.5,stale_age_ms=86400000"),
            FOUR_PAGES,
            late(30),
        ),
        upbit(
            "pages of a day ago, thin",
            THIN,
            faults("stale_page=0.5,stale_age_ms=86400000"),
            A_DAY,
            late(20),
        ),
        // Late.
        upbit("newest three rows late", BUSY, faults("late_rows=3"), AN_HOUR, late(12)),
        upbit("newest row late", BUSY, faults("late_rows=1"), AN_HOUR, late(12)),
        upbit("some pages lack three", BUSY, faults("late_rows=3,late_share=0.5"), AN_HOUR, late(12)),
        upbit("lags 3 s, asked after 1.5 s", BUSY, faults("lagging_rows_ms=3000"), AT_ONCE, late(12)),
        upbit("lags 20 s, asked after 1.5 s", BUSY, faults("lagging_rows_ms=20000"), AT_ONCE, late(12)),
        upbit("asked after 1.5 s", BUSY, script(""), AT_ONCE, Holds { whole_at: 4, requests: 8 }),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_of_upbit_costs_no_other_and_is_no_empty_minute() {
    all(vec![
        upbit("a row twice", BUSY, row("doubled"), FOUR_PAGES, Holds { whole_at: 1, requests: 8 }),
        upbit("a row twice on every page", BUSY, faults("doubled_row=1"), FOUR_PAGES, late(20)),
        upbit("a row and another of its slot", BUSY, row("differing"), FOUR_PAGES, late(20).but("12:30")),
        upbit("a row with high < close", BUSY, row("unsound"), FOUR_PAGES, late(20)),
        upbit("a row with a price of 0", BUSY, row("zero"), FOUR_PAGES, late(20)),
        upbit("a row with null", BUSY, row("null"), FOUR_PAGES, late(20)),
        upbit("a row beside the grid", BUSY, row("offgrid"), FOUR_PAGES, late(20)),
        upbit("a row of another market", BUSY, row("foreign"), FOUR_PAGES, late(20)),
        upbit("a row with text", BUSY, row("text"), FOUR_PAGES, late(20)),
        upbit("a row of the future", BUSY, row("future"), FOUR_PAGES, late(20)),
        upbit("a bad row on every other page", BUSY, faults("bad_row=0.5"), FOUR_PAGES, late(30)),
        upbit("a bad row, thin", THIN, faults("bad_row=1"), A_DAY, late(20)),
        // All at once.
        upbit(
            "all of them",
            BUSY,
            faults("bad_row=0.2,doubled_row=0.2,empty_page=0.2,stale_page=0.2,late_rows=2,late_share=0.5"),
            FOUR_PAGES,
            late(40),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_pages_massive_gives_the_bars_are_those_of_the_tape_in_the_end() {
    all(vec![
        shares(
            "well",
            script(""),
            Ask::Range { minutes: 80, into_ms: 30_000 },
            // Prints come up to a quarter of an hour late, so the newest bars are not final before.
            Holds { whole_at: 4, requests: 8 },
        ),
        // A venue that says of everything that it is empty, however it is asked, is believed until a row turns up.
        shares("first page null", script("empty@candles:1"), AN_HOUR, late(12)),
        shares("second page delayed", script("empty@candles:2"), AN_HOUR, late(12)),
        shares("every other page empty", faults("empty_page=0.5"), AN_HOUR, late(20)),
        shares("half of all pages 10 min old", faults("stale_page=0.5"), AN_HOUR, late(20)),
        shares("newest three rows late", faults("late_rows=3"), AN_HOUR, late(12)),
        shares("lags 3 s, asked after 1.5 s", faults("lagging_rows_ms=3000"), AT_ONCE, late(12)),
        shares("a bar twice", faults("doubled_row=1"), AN_HOUR, late(12)),
        shares(
            "a bar and another of its slot",
            script("differing@2026-08-06T14:40:00Z"),
            AN_HOUR,
            late(12).but("14:40"),
        ),
        shares("a bar with high < close", script("unsound@2026-08-06T14:40:00Z"), AN_HOUR, late(12)),
        shares("a bar with null", script("null@2026-08-06T14:40:00Z"), AN_HOUR, late(12)),
        shares("a bar with text", script("text@2026-08-06T14:40:00Z"), AN_HOUR, late(12)),
        shares("a bar beside the grid", script("offgrid@2026-08-06T14:40:00Z"), AN_HOUR, late(12)),
        shares("a bad bar on every page", faults("bad_row=1"), AN_HOUR, late(20)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_far_the_clocks_are_apart_closed_is_what_the_venue_has_closed() {
    const HOUR: i64 = 3_600_000;
    const RIGHT: Off = Off { venue: 0, ours: 0 };
    let venue = |ms: i64| Off { venue: ms, ours: 0 };
    let ours = |ms: i64| Off { venue: 0, ours: ms };
    all(vec![
        closed("both right", RIGHT, RIGHT),
        closed("venue an hour ahead", venue(HOUR), venue(HOUR)),
        closed("venue an hour behind", venue(-HOUR), venue(-HOUR)),
        closed("venue 90 s ahead", venue(90_000), venue(90_000)),
        closed("venue 90 s behind", venue(-90_000), venue(-90_000)),
        closed("venue 3 s behind", venue(-3_000), venue(-3_000)),
        closed("we are an hour ahead", ours(HOUR), ours(HOUR)),
        closed("we are an hour behind", ours(-HOUR), ours(-HOUR)),
        closed("we are set right, from an hour ahead", ours(HOUR), RIGHT),
        closed("we are set right, from an hour behind", ours(-HOUR), RIGHT),
        // From 90 s ahead no answer would tell: all that is asked for is known. A machine's steady clock does, and the
        // tests of clocks play that.
        closed("we are set right, from 90 s behind", ours(-90_000), RIGHT),
        closed("we are set wrong, an hour ahead", RIGHT, ours(HOUR)),
        closed("we are set wrong, an hour behind", RIGHT, ours(-HOUR)),
        // One that steps back has taken back what had happened, and of that nobody can be sure.
        closed("venue steps ahead by 90 s", RIGHT, venue(90_000)),
        closed("venue steps ahead by an hour", RIGHT, venue(HOUR)),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_a_feed_no_trade_is_missing_that_is_not_said_to_be() {
    use Page::Trades;
    use PageFault::{Empty, Hole, Lagging, Stale};
    all(vec![
        live("socket cut", Heals::Cut, "", &[]),
        live("cut, trades lag 1.5 s", Heals::Cut, "lagging_trades=1500", &[]),
        live("cut, trades lag 3 s", Heals::Cut, "lagging_trades=3000", &[]),
        live("cut, trades lag 8 s", Heals::Cut, "lagging_trades=8000", &[]),
        live("cut, trades empty once", Heals::Cut, "", &[(Trades, Empty), (Trades, Empty)]),
        live("cut, trades lack their middle", Heals::Cut, "", &[(Trades, Hole), (Trades, Hole)]),
        live(
            "cut, trades are 5 s old once",
            Heals::Cut,
            "",
            &[(Trades, Stale(5_000)), (Trades, Stale(5_000))],
        ),
        live(
            "cut, trades lag 4 s once",
            Heals::Cut,
            "",
            &[(Trades, Lagging(4_000)), (Trades, Lagging(4_000))],
        ),
        live("cut, most pages empty", Heals::Cut, "empty_page=0.8", &[]),
        live("cut, most pages lack their middle", Heals::Cut, "holey_trades=0.8", &[]),
        live("cut, a bad trade on every page", Heals::Cut, "bad_row=1", &[]),
        live("cut, a trade twice on every page", Heals::Cut, "doubled_row=1", &[]),
        live("first socket refused for 3 s", Heals::RefusedAtFirst, "refuse_ws_ms=3000", &[]),
        live("one trade an hour ahead", Heals::OneAhead(3_600_000), "", &[]),
        live("one trade 61 s ahead", Heals::OneAhead(61_000), "", &[]),
        live("one trade in ten an hour ahead", Heals::SomeAhead, "future_trade=0.1", &[]),
        live("venue an hour ahead, socket cut", Heals::Cut, "clock_offset=3600000", &[]),
        live("venue an hour behind, socket cut", Heals::Cut, "clock_offset=-3600000", &[]),
    ])
    .await;
}

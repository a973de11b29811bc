//! The table: what a venue does that it should not, and what must hold all the same.
//!
//! Everything in it is played twice, over real sockets and on paused time.

use market_backbone_emulator::PageFault::{Empty as NoRows, Hole, Lagging, Stale as Old};
use market_backbone_emulator::PageKind::Trades;

use super::line::Happens::{Away, Cut, OneAhead, RefusedAtFirst, SomeAhead};
use super::line::Holds::{Closed, GoesOn, Healed, Newest, Reported};
use super::line::Market::{Aapl, Btc, Coins, Iota, Shares};
use super::line::Rule::{Bad, Clock, Empty, Future, Gap, Late, Stale};
use super::line::{
    Ask, Line, Off, clocks, faults, feed, feed_then, late, line, named, named_but, script, whole,
};

/// 800 minutes, half a minute after they ended: four pages.
const FOUR_PAGES: Ask = Ask(800, 30_000);
/// A day of a market that trades in one minute of 25: one page.
const A_DAY: Ask = Ask(1_440, 30_000);
const AN_HOUR: Ask = Ask(60, 30_000);
const EIGHTY: Ask = Ask(80, 30_000);
/// Right after the minute.
const AT_ONCE: Ask = Ask(60, 1_500);

const HOUR: i64 = 3_600_000;
const RIGHT: Off = Off { venue: 0, ours: 0 };

const fn venue(ms: i64) -> Off {
    Off { venue: ms, ours: 0 }
}

const fn ours(ms: i64) -> Off {
    Off { venue: 0, ours: ms }
}

#[rustfmt::skip] // one line each
pub(super) const TABLE: &[Line] = &[
    // A venue that is well: what all others are measured by.
    line(Late, "well", Btc, script(""), whole(FOUR_PAGES, 1, 6)),
    // That nobody traded in the last minutes is believed when it is said again, later.
    line(Late, "well, thin", Iota, script(""), whole(A_DAY, 4, 8)),
    // Prints come up to a quarter of an hour late, so the newest bars are not final before.
    line(Late, "well", Aapl, script(""), whole(EIGHTY, 4, 8)),

    line(Empty, "first page", Btc, script("empty@candles:1"), whole(FOUR_PAGES, 2, 12)),
    line(Empty, "second page", Btc, script("empty@candles:2"), whole(FOUR_PAGES, 2, 12)),
    line(Empty, "third page", Btc, script("empty@candles:3"), whole(FOUR_PAGES, 2, 12)),
    line(Empty, "fourth page", Btc, script("empty@candles:4"), whole(FOUR_PAGES, 2, 12)),
    line(Empty, "only page, thin", Iota, script("empty@candles:1"), late(A_DAY, 10)),
    line(Empty, "every third page", Btc, faults("empty_page=0.3"), late(FOUR_PAGES, 30)),
    // A venue that says of everything that it is empty, however it is asked, is believed until a row turns up.
    line(Empty, "newest, first page", Btc, script("empty@candles:1"), Newest),
    line(Empty, "newest, half of all pages", Btc, faults("empty_page=0.5"), Newest),
    line(Empty, "newest, half of all pages", Aapl, faults("empty_page=0.5"), Newest),
    line(Empty, "first page null", Aapl, script("empty@candles:1"), late(AN_HOUR, 12)),
    line(Empty, "second page delayed", Aapl, script("empty@candles:2"), late(AN_HOUR, 12)),
    line(Empty, "every other page", Aapl, faults("empty_page=0.5"), late(AN_HOUR, 20)),

    line(Stale, "first page two hours old", Btc, script("stale:7200000@candles:1"), late(FOUR_PAGES, 14)),
    line(Stale, "first page a day old", Btc, script("stale:86400000@candles:1"), late(FOUR_PAGES, 14)),
    line(Stale, "half of all pages 10 min old", Btc, faults("stale_page=0.5"), late(FOUR_PAGES, 30)),
    line(Stale, "half of all pages a day old", Btc, faults("stale_page=0.5,stale_age_ms=86400000"), late(FOUR_PAGES, 30)),
    line(Stale, "newest, half of all pages 10 min old", Btc, faults("stale_page=0.5"), Newest),
    line(Stale, "newest, half of all pages 10 min old", Aapl, faults("stale_page=0.5"), Newest),
    line(Stale, "pages of a day ago, thin", Iota, faults("stale_page=0.5,stale_age_ms=86400000"), late(A_DAY, 20)),
    line(Stale, "half of all pages 10 min old", Aapl, faults("stale_page=0.5"), late(AN_HOUR, 20)),

    line(Late, "newest three rows", Btc, faults("late_rows=3"), late(AN_HOUR, 12)),
    line(Late, "newest row", Btc, faults("late_rows=1"), late(AN_HOUR, 12)),
    line(Late, "some pages lack three", Btc, faults("late_rows=3,late_share=0.5"), late(AN_HOUR, 12)),
    line(Late, "3 s, asked after 1.5 s", Btc, faults("lagging_rows_ms=3000"), late(AT_ONCE, 12)),
    line(Late, "20 s, asked after 1.5 s", Btc, faults("lagging_rows_ms=20000"), late(AT_ONCE, 12)),
    line(Late, "asked after 1.5 s", Btc, script(""), whole(AT_ONCE, 4, 8)),
    line(Late, "newest, two rows", Btc, faults("late_rows=2"), Newest),
    line(Late, "newest, 20 s", Btc, faults("lagging_rows_ms=20000"), Newest),
    line(Late, "newest, two rows", Aapl, faults("late_rows=2"), Newest),
    line(Late, "newest three rows", Aapl, faults("late_rows=3"), late(AN_HOUR, 12)),
    line(Late, "3 s, asked after 1.5 s", Aapl, faults("lagging_rows_ms=3000"), late(AT_ONCE, 12)),

    line(Bad, "a row twice", Btc, script("doubled@2026-08-06T12:30:00Z"), whole(FOUR_PAGES, 1, 8)),
    line(Bad, "a row twice on every page", Btc, faults("doubled_row=1"), late(FOUR_PAGES, 20)),
    line(Bad, "a row and another of its slot", Btc, script("differing@2026-08-06T12:30:00Z"), named_but(FOUR_PAGES, 20, "12:30")),
    line(Bad, "a row with high < close", Btc, script("unsound@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row with a price of 0", Btc, script("zero@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row with null", Btc, script("null@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row beside the grid", Btc, script("offgrid@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row of another market", Btc, script("foreign@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row with text", Btc, script("text@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a row of the future", Btc, script("future@2026-08-06T12:30:00Z"), named(FOUR_PAGES, 20)),
    line(Bad, "a bad row on every other page", Btc, faults("bad_row=0.5"), named(FOUR_PAGES, 30)),
    line(Bad, "a bad row, thin", Iota, faults("bad_row=1"), named(A_DAY, 20)),
    line(Bad, "and empty, stale and late pages", Btc, faults("bad_row=0.5,doubled_row=0.2,empty_page=0.2,stale_page=0.2,late_rows=2,late_share=0.5"), named(FOUR_PAGES, 40)),
    line(Bad, "newest, a row of the future", Btc, faults("bad_row=1,bad_row_kind=future"), Newest),
    line(Bad, "newest, a row with high < close", Btc, faults("bad_row=1,bad_row_kind=unsound"), Newest),
    line(Bad, "newest, a row with null", Btc, faults("bad_row=1,bad_row_kind=null"), Newest),
    line(Bad, "newest, a row beside the grid", Btc, faults("bad_row=1,bad_row_kind=offgrid"), Newest),
    line(Bad, "newest, a row of another market", Btc, faults("bad_row=1,bad_row_kind=foreign"), Newest),
    line(Bad, "newest, a row twice", Btc, faults("doubled_row=1"), Newest),
    line(Bad, "newest, a row and another of its slot", Btc, faults("differing_row=1"), Newest),
    line(Bad, "newest, a bar of the future", Aapl, faults("bad_row=1,bad_row_kind=future"), Newest),
    line(Bad, "newest, a bar with high < close", Aapl, faults("bad_row=1,bad_row_kind=unsound"), Newest),
    line(Bad, "newest, a bar with null", Aapl, faults("bad_row=1,bad_row_kind=null"), Newest),
    line(Bad, "newest, a bar and another of its slot", Aapl, faults("differing_row=1"), Newest),
    line(Bad, "a bar twice", Aapl, faults("doubled_row=1"), late(AN_HOUR, 12)),
    line(Bad, "a bar and another of its slot", Aapl, script("differing@2026-08-06T14:40:00Z"), named_but(AN_HOUR, 12, "14:40")),
    line(Bad, "a bar with high < close", Aapl, script("unsound@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bar with a price of 0", Aapl, script("zero@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bar with null", Aapl, script("null@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bar with text", Aapl, script("text@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bar beside the grid", Aapl, script("offgrid@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bar of the future", Aapl, script("future@2026-08-06T14:40:00Z"), named(AN_HOUR, 12)),
    line(Bad, "a bad bar on every page", Aapl, faults("bad_row=1"), named(AN_HOUR, 20)),

    line(Clock, "both right", Btc, clocks(RIGHT, RIGHT), Closed),
    line(Clock, "venue an hour ahead", Btc, clocks(venue(HOUR), venue(HOUR)), Closed),
    line(Clock, "venue an hour behind", Btc, clocks(venue(-HOUR), venue(-HOUR)), Closed),
    line(Clock, "venue 90 s ahead", Btc, clocks(venue(90_000), venue(90_000)), Closed),
    line(Clock, "venue 90 s behind", Btc, clocks(venue(-90_000), venue(-90_000)), Closed),
    line(Clock, "venue 3 s behind", Btc, clocks(venue(-3_000), venue(-3_000)), Closed),
    line(Clock, "we are an hour ahead", Btc, clocks(ours(HOUR), ours(HOUR)), Closed),
    line(Clock, "we are an hour behind", Btc, clocks(ours(-HOUR), ours(-HOUR)), Closed),
    line(Clock, "we are set right, from an hour ahead", Btc, clocks(ours(HOUR), RIGHT), Closed),
    line(Clock, "we are set right, from an hour behind", Btc, clocks(ours(-HOUR), RIGHT), Closed),
    // From 90 s ahead no answer would tell: all that is asked for is known. A machine's steady clock does, and the
    // tests of clocks play that.
    line(Clock, "we are set right, from 90 s behind", Btc, clocks(ours(-90_000), RIGHT), Closed),
    line(Clock, "we are set wrong, an hour ahead", Btc, clocks(RIGHT, ours(HOUR)), Closed),
    line(Clock, "we are set wrong, an hour behind", Btc, clocks(RIGHT, ours(-HOUR)), Closed),
    // One that steps back has taken back what had happened, and of that nobody can be sure.
    line(Clock, "venue steps ahead by 90 s", Btc, clocks(RIGHT, venue(90_000)), Closed),
    line(Clock, "venue steps ahead by an hour", Btc, clocks(RIGHT, venue(HOUR)), Closed),
    line(Clock, "both right", Aapl, clocks(RIGHT, RIGHT), Closed),
    line(Clock, "venue an hour ahead", Aapl, clocks(venue(HOUR), venue(HOUR)), Closed),
    line(Clock, "venue an hour behind", Aapl, clocks(venue(-HOUR), venue(-HOUR)), Closed),
    line(Clock, "venue 90 s ahead", Aapl, clocks(venue(90_000), venue(90_000)), Closed),
    line(Clock, "venue 90 s behind", Aapl, clocks(venue(-90_000), venue(-90_000)), Closed),
    line(Clock, "we are an hour ahead", Aapl, clocks(ours(HOUR), ours(HOUR)), Closed),
    line(Clock, "we are an hour behind", Aapl, clocks(ours(-HOUR), ours(-HOUR)), Closed),
    line(Clock, "we are set right, from an hour ahead", Aapl, clocks(ours(HOUR), RIGHT), Closed),
    line(Clock, "we are set wrong, an hour ahead", Aapl, clocks(RIGHT, ours(HOUR)), Closed),
    line(Clock, "we are set wrong, an hour behind", Aapl, clocks(RIGHT, ours(-HOUR)), Closed),
    line(Clock, "venue steps ahead by an hour", Aapl, clocks(RIGHT, venue(HOUR)), Closed),

    line(Gap, "socket cut", Coins, feed(Cut(0), ""), Healed),
    line(Gap, "socket away for 6 s", Coins, feed(Cut(6_000), ""), Healed),
    line(Gap, "trades lag 1.5 s", Coins, feed(Cut(4_000), "lagging_trades=1500"), Healed),
    line(Gap, "trades lag 3 s", Coins, feed(Cut(4_000), "lagging_trades=3000"), Healed),
    line(Gap, "trades lag 3 s, away for 6 s", Coins, feed(Cut(6_000), "lagging_trades=3000"), Healed),
    line(Gap, "trades lag 8 s", Coins, feed(Cut(4_000), "lagging_trades=8000"), Healed),
    line(Gap, "trades empty once", Coins, feed_then(Cut(4_000), &[(Trades, NoRows), (Trades, NoRows)]), Healed),
    line(Gap, "trades empty once, away for 6 s", Coins, feed_then(Cut(6_000), &[(Trades, NoRows), (Trades, NoRows)]), Healed),
    line(Gap, "trades lack their middle", Coins, feed_then(Away(30_000), &[(Trades, Hole), (Trades, Hole)]), Healed),
    line(Gap, "trades lack their middle, away for 2 min", Coins, feed_then(Away(120_000), &[(Trades, Hole), (Trades, Hole)]), Healed),
    line(Gap, "trades are 5 s old once", Coins, feed_then(Cut(4_000), &[(Trades, Old(5_000)), (Trades, Old(5_000))]), Healed),
    line(Gap, "trades lag 4 s once", Coins, feed_then(Cut(4_000), &[(Trades, Lagging(4_000)), (Trades, Lagging(4_000))]), Healed),
    line(Gap, "most pages empty", Coins, feed(Cut(4_000), "empty_page=0.8"), Reported),
    line(Gap, "most pages lack their middle", Coins, feed(Away(30_000), "holey_trades=0.8"), Reported),
    line(Gap, "a bad trade on every page", Coins, feed(Cut(4_000), "bad_row=1"), Reported),
    line(Gap, "a trade twice on every page", Coins, feed(Cut(4_000), "doubled_row=1"), Healed),
    line(Gap, "first socket refused for 3 s", Coins, feed(RefusedAtFirst(3_000), ""), Healed),
    line(Gap, "venue an hour ahead", Coins, feed(Cut(4_000), "clock_offset=3600000"), Healed),
    line(Gap, "venue an hour behind", Coins, feed(Cut(4_000), "clock_offset=-3600000"), Healed),
    line(Gap, "socket cut", Shares, feed(Cut(0), ""), Healed),
    line(Gap, "socket away for 6 s", Shares, feed(Cut(6_000), ""), Healed),
    line(Gap, "trades lag 1.5 s", Shares, feed(Cut(4_000), "lagging_trades=1500"), Healed),
    line(Gap, "trades lag 3 s", Shares, feed(Cut(4_000), "lagging_trades=3000"), Healed),
    line(Gap, "trades lag 8 s", Shares, feed(Cut(4_000), "lagging_trades=8000"), Healed),
    line(Gap, "trades null once", Shares, feed_then(Cut(4_000), &[(Trades, NoRows), (Trades, NoRows)]), Healed),
    line(Gap, "trades empty three times", Shares, feed_then(Cut(4_000), &[(Trades, NoRows), (Trades, NoRows), (Trades, NoRows), (Trades, NoRows), (Trades, NoRows), (Trades, NoRows)]), Healed),
    line(Gap, "trades lack their middle", Shares, feed_then(Away(240_000), &[(Trades, Hole), (Trades, Hole)]), Healed),
    line(Gap, "trades are 5 s old once", Shares, feed_then(Cut(4_000), &[(Trades, Old(5_000)), (Trades, Old(5_000))]), Healed),
    line(Gap, "trades lag 4 s once", Shares, feed_then(Cut(4_000), &[(Trades, Lagging(4_000)), (Trades, Lagging(4_000))]), Healed),
    line(Gap, "most pages empty", Shares, feed(Cut(4_000), "empty_page=0.8"), Reported),
    line(Gap, "most pages lack their middle", Shares, feed(Away(240_000), "holey_trades=0.8"), Reported),
    line(Gap, "a bad trade on every page", Shares, feed(Cut(4_000), "bad_row=1"), Reported),
    line(Gap, "a trade twice on every page", Shares, feed(Cut(4_000), "doubled_row=1"), Healed),
    line(Gap, "first socket refused for 3 s", Shares, feed(RefusedAtFirst(3_000), ""), Healed),
    line(Gap, "venue an hour ahead", Shares, feed(Cut(4_000), "clock_offset=3600000"), Healed),
    line(Gap, "venue an hour behind", Shares, feed(Cut(4_000), "clock_offset=-3600000"), Healed),

    line(Future, "one trade an hour ahead", Coins, feed(OneAhead(3_600_000), ""), GoesOn),
    line(Future, "one trade 61 s ahead", Coins, feed(OneAhead(61_000), ""), GoesOn),
    line(Future, "one trade in five an hour ahead", Coins, feed(SomeAhead, "future_trade=0.2"), GoesOn),
    line(Future, "one trade in five 61 s ahead", Coins, feed(SomeAhead, "future_trade=0.2,future_ms=61000"), GoesOn),
    line(Future, "one trade an hour ahead", Shares, feed(OneAhead(3_600_000), ""), GoesOn),
    line(Future, "one trade 61 s ahead", Shares, feed(OneAhead(61_000), ""), GoesOn),
    line(Future, "one trade in five an hour ahead", Shares, feed(SomeAhead, "future_trade=0.2"), GoesOn),
    line(Future, "one trade in five 61 s ahead", Shares, feed(SomeAhead, "future_trade=0.2,future_ms=61000"), GoesOn),
    line(Future, "and the socket cut", Shares, feed(Cut(4_000), "future_trade=0.2"), Reported),
    line(Future, "and the socket cut", Coins, feed(Cut(4_000), "future_trade=0.2"), Reported),
];

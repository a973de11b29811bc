//! What a venue does that it should not, and what must hold all the same: [one table](table), played twice.
//!
//! [Over real sockets](over_sockets), as a program meets the venue; and [on paused time](on_paused_time), where the
//! emulator runs within the process: no port is opened (the runtime could not), nothing is waited for, and hours pass in
//! a second. What is asked, what goes wrong and what must hold is the same.
//!
//! Of every answer: no row that never was, nothing proven empty that is not, no candle final before it is. And in the
//! end, when the venue is well and time has passed: the rows of the tape, asked for no more. Of every feed: each trade
//! once, and none missing in silence.

mod clocks;
mod feeds;
mod line;
mod pages;
mod scene;
mod table;

use futures::future::join_all;

use self::line::{Does, Holds, Line, Rule};
use self::scene::Driver;
use self::table::TABLE;

/// Plays a line; what does not hold.
async fn play(driver: Driver, line: &Line) -> Result<(), String> {
    let played = match (line.does, line.holds) {
        (Does::Pages { faults, script }, Holds::Rows(rows)) => {
            pages::play(driver, line.market, (faults, script), rows).await
        }
        (Does::Pages { faults, script }, Holds::Newest) => {
            pages::play_newest(driver, line.market, (faults, script)).await
        }
        (Does::Clocks { before, after }, Holds::Closed) => {
            clocks::play(driver, line.market, before, after).await
        }
        (Does::Feed { happens, faults, next }, Holds::Healed | Holds::Reported | Holds::GoesOn) => {
            feeds::play(driver, line.market, (happens, faults, next), line.holds).await
        }
        _ => Err("of this it makes no sense to ask that".to_owned()),
    };
    played.map_err(|why| format!("{:?}, {:?}, {}: {why}", line.rule, line.market, line.name))
}

/// The lines that show a rule at one venue.
fn lines(rule: Rule, is_of_massive: bool) -> Vec<&'static Line> {
    let is_it = |line: &&Line| line.rule == rule && line.market.is_of_massive() == is_of_massive;
    TABLE.iter().filter(is_it).collect()
}

/// The failure of one line hides no other.
#[track_caller]
fn report_failures(played: Vec<Result<(), String>>) {
    let count = played.len();
    let failed: Vec<String> = played.into_iter().filter_map(Result::err).collect();
    assert!(count > 0, "no line shows it");
    assert!(failed.is_empty(), "{} of {count} lines do not hold:\n{}", failed.len(), failed.join("\n"));
}

/// All lines at once, each over sockets of its own.
async fn over_real_sockets(rule: Rule, is_of_massive: bool) {
    report_failures(
        join_all(lines(rule, is_of_massive).into_iter().map(|line| play(Driver::Sockets, line))).await,
    );
}

/// One line after the other, each in a runtime of its own, which has no sockets and whose time is paused.
fn without_waiting(rule: Rule, is_of_massive: bool) {
    let play_one = |line| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(Driver::Paused, line))
    };
    report_failures(lines(rule, is_of_massive).into_iter().map(play_one).collect());
}

/// Tests of these names, played both ways: each a rule, and whether it is of Massive.
macro_rules! rules {
    ($($name:ident: $rule:ident, $is_of_massive:literal;)*) => {
        mod over_sockets {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::over_real_sockets(super::Rule::$rule, $is_of_massive).await;
            })*
        }

        mod on_paused_time {
            $(#[test]
            fn $name() {
                super::without_waiting(super::Rule::$rule, $is_of_massive);
            })*
        }

        #[test]
        fn no_line_is_left_out() {
            let played = [$((Rule::$rule, $is_of_massive)),*];
            let is_played = |line: &Line| played.contains(&(line.rule, line.market.is_of_massive()));
            let left: Vec<_> = TABLE.iter().filter(|line| !is_played(line)).collect();
            assert!(left.is_empty(), "{left:?}");
        }
    };
}

rules! {
    what_lies_behind_the_newest_row_is_not_proven_empty_on_upbit: Late, false;
    what_lies_behind_the_newest_row_is_not_proven_empty_on_massive: Late, true;
    an_empty_page_is_not_believed_at_once_on_upbit: Empty, false;
    an_empty_page_is_not_believed_at_once_on_massive: Empty, true;
    a_stale_page_is_no_proof_on_upbit: Stale, false;
    a_stale_page_is_no_proof_on_massive: Stale, true;
    one_bad_row_costs_no_other_and_is_no_empty_minute_on_upbit: Bad, false;
    one_bad_row_costs_no_other_and_is_no_empty_minute_on_massive: Bad, true;
    closed_is_what_the_venue_has_closed_however_far_the_clocks_are_apart_on_upbit: Clock, false;
    closed_is_what_the_venue_has_closed_however_far_the_clocks_are_apart_on_massive: Clock, true;
    a_gap_is_healed_when_the_ends_meet_on_upbit: Gap, false;
    a_gap_is_healed_when_the_ends_meet_on_massive: Gap, true;
    a_stamp_from_the_future_silences_nothing_on_upbit: Future, false;
    a_stamp_from_the_future_silences_nothing_on_massive: Future, true;
}

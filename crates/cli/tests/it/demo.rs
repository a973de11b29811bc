//! `demo`: the first command of a newcomer.

use crate::run::{Said, bare};

#[test]
fn the_demo_shows_history_and_live_prices_and_ends_by_itself() {
    let said = Said::of(bare(&["demo", "--for", "3s"]).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("first: 5 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("trade"), "live trades are shown: {}", said.stdout);
    assert!(said.stdout.contains(" 0 of them refused"), "{}", said.stdout);
}

#[test]
fn the_demo_shows_shares_too_at_any_hour() {
    let said = Said::of(bare(&["demo", "--venue", "massive", "--for", "5s"]).output().unwrap());
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("AAPL, first: 1 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("AAPL, again: 0 requests"), "{}", said.stdout);
    assert!(said.stdout.contains("trade"), "live trades are shown: {}", said.stdout);
    assert!(said.stdout.contains(" 0 of them refused"), "{}", said.stdout);
}

#[test]
fn the_demo_shows_candles_form_and_close_and_no_line_runs_backwards() {
    for venue in ["upbit", "massive"] {
        let said = Said::of(bare(&["demo", "--venue", venue, "--for", "10s"]).output().unwrap());
        assert_eq!(said.code, Some(0), "{said:?}");
        let (_, live) = said.stdout.split_once("Live, ").expect("a live part");
        let lines: Vec<_> = live.lines().skip(1).take_while(|line| !line.is_empty()).collect();
        let candle = |word| lines.iter().any(|line| line.contains(" candle ") && line.ends_with(word));
        assert!(candle("forming") && candle("closed"), "{venue}: {live}");
        let times: Vec<_> = lines.iter().map(|line| &line[..12]).collect();
        // A run over midnight begins again at zero.
        let backwards = times.windows(2).filter(|two| two[1] < two[0]).count();
        assert!(backwards <= usize::from(times[0] > times[times.len() - 1]), "{venue}: {live}");
        let mut trades: Vec<_> =
            lines.iter().filter(|line| line.contains(" trade ")).map(|line| &line[13..]).collect();
        let count = trades.len();
        trades.sort_unstable();
        trades.dedup();
        assert!(
            count >= 8 && trades.len() == count,
            "{venue}: {count} trades, {} of them differ: {live}",
            trades.len()
        );
        assert!(said.stdout.contains("forming") && !said.stdout.contains(" 0  "), "{}", said.stdout);
    }
}

//! What must hold after a story: each trade came once and in order, or is in a gap that was reported as lost.

use std::collections::BTreeSet;

use market_backbone_coordinator::Start;
use market_backbone_core::{Channel, GapState, Trade, TradeId};
use proptest::prelude::*;

use super::run::Run;
use super::story::{CODES, SINCE, Story, millis};
use crate::feed_rig::at;

pub(super) fn check(story: &Story, run: &Run) -> Result<(), TestCaseError> {
    for code in CODES {
        let got = run.got.get(code).cloned().unwrap_or_default();
        let once: BTreeSet<_> = got.iter().cloned().collect();
        prop_assert_eq!(once.len(), got.len(), "{}: some came twice", code);
        let first = got.first().cloned().unwrap();
        let is_due = |trade: &&Trade| match story.start {
            Start::Now => trade.id >= first,
            _ => trade.time >= at(SINCE),
        };
        let due: BTreeSet<_> = story.tape[code].iter().filter(is_due).map(|trade| trade.id.clone()).collect();
        let missing: Vec<_> = due
            .difference(&once)
            .filter(|id| !run.ends_unproven(id, story) && !run.begins_unproven(code, id))
            .filter(|id| !run.is_lost(code, id))
            .collect();
        prop_assert!(missing.is_empty(), "{}: {:?} are missing", code, missing);
        // Live trades from before the first one may come late; nothing else may. A page may contain others of
        // the first one's own moment.
        let is_of_the_first = |id: &&TradeId| millis(id) == millis(&first);
        let extra: Vec<_> =
            once.difference(&due).filter(|id| !run.heard.contains_key(id) && !is_of_the_first(id)).collect();
        prop_assert!(extra.is_empty(), "{}: {:?} were not due", code, extra);
        for (place, earlier) in got.iter().enumerate() {
            // A trade that came live after the feed could know of an older one must be delivered after it.
            let arrived = run.heard.get(earlier).or(run.known.get(earlier)).copied().unwrap_or(usize::MAX);
            // A trade from before the first is on no requested page, and comes when it comes.
            for later in got[place + 1..].iter().filter(|later| *later < earlier && due.contains(*later)) {
                let known = run.known.get(later).copied().unwrap_or(usize::MAX);
                prop_assert!(arrived <= known, "{}: {} before {}", code, earlier, later);
            }
        }
    }
    check_candles(story, run)?;
    let mut open: BTreeSet<Channel> = BTreeSet::new();
    for gap in &run.gaps {
        match gap.state {
            GapState::Opened => open.extend(gap.channels.iter().cloned()),
            GapState::Healed => open.retain(|channel| !gap.channels.contains(channel)),
            GapState::Healing => {}
            GapState::Lost if story.is_flawed => open.retain(|channel| !gap.channels.contains(channel)),
            _ => prop_assert!(false, "{:?}", gap),
        }
    }
    Ok(())
}

/// Checks that each candle ends as the sum of its minute, whichever of its states were lost.
fn check_candles(story: &Story, run: &Run) -> Result<(), TestCaseError> {
    // A program that begins within a minute does not know all of its trades.
    let is_known = |minute: &i64| (1..6).contains(minute) && !run.away.contains(minute);
    for ((code, minute), want) in story.volumes.iter().filter(|((_, minute), _)| is_known(minute)) {
        if !story.has_candles() {
            break;
        }
        let (volume, _) = run.candles.get(&((*code).to_owned(), *minute)).copied().unwrap_or_default();
        prop_assert!((volume - want).abs() < 1e-9, "{} {}: {} is not {}", code, minute, volume, want);
    }
    for ((code, minute), (_, finals)) in &run.candles {
        let is_once = *finals <= 1 || !run.away.is_empty();
        prop_assert!(is_once, "{} {}: came {} times as one that stays", code, minute, finals);
    }
    Ok(())
}

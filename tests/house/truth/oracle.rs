//! What may be said, by one who knows the tape.

use std::collections::BTreeMap;

use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleStore, Coverage, Forming, Selection, Slot, TimeRange, Timestamp,
};

use super::tape::{REACH, START, Tape, minute, minute_of, unsettled};
use super::venue::{Asked, Venue, series};

/// What a store holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Holding {
    pub(crate) known: Coverage,
    pub(crate) rows: BTreeMap<i64, Candle>,
}

impl Holding {
    pub(crate) async fn of(store: &dyn CandleStore) -> Self {
        let everything = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        let known = store.coverage(&series()).await.unwrap();
        let rows = store.read(&series(), everything, usize::MAX).await.unwrap().candles;
        assert!(rows.is_sorted_by(|a, b| a.open_time < b.open_time), "rows out of order");
        let rows = rows.into_iter().map(|row| (minute_of(row.open_time), row)).collect();
        Self { known, rows }
    }
}

fn slots(now: Timestamp) -> std::ops::RangeInclusive<i64> {
    START - REACH - 60..=minute_of(now) + 60
}

/// Every word of the ledger, and every row.
pub(crate) fn check_holding(tape: &Tape, held: &Holding, now: Timestamp) {
    for slot in slots(now) {
        let row = held.rows.get(&slot).copied();
        assert!(row.is_none_or(|row| row.is_final), "minute {slot}: stored and not final");
        let allowed = tape.versions(slot);
        if !held.known.knows(minute(slot)) {
            assert!(row.is_none() || allowed.contains(&row), "minute {slot}: {row:?} never was");
            continue;
        }
        assert!(slot < unsettled(now), "minute {slot}: known before it settled");
        if held.known.dispute_of(minute(slot)).is_some() {
            assert!(tape.is_restated(slot), "minute {slot}: disputed, and never restated");
            assert!(row.is_some(), "minute {slot}: disputed, and no row left");
        }
        let stands = row.is_some() && held.known.dispute_of(minute(slot)).is_some();
        assert!(
            allowed.contains(&row),
            "minute {slot}: {row:?} (disputed: {stands}), and the tape says {allowed:?}"
        );
    }
    assert!(held.rows.keys().all(|slot| slots(now).contains(slot)), "rows out of nowhere");
    check_compact(&held.known);
}

/// No more spans than there are changes of source: days, here.
fn check_compact(known: &Coverage) {
    let day = |at: Timestamp| at.as_secs().div_euclid(86_400);
    for two in known.spans().windows(2) {
        let touch = two[0].range.to() == two[1].range.from();
        let days = [0, 1].map(|index: usize| day(two[index].provenance.observed_at));
        assert!(!touch || days[0] != days[1], "two spans where one would do: {two:?}");
    }
}

/// What became known was what the venue said, and nothing that was known is lost.
pub(crate) fn check_change(tape: &Tape, before: &Holding, after: &Holding, now: Timestamp) {
    for slot in slots(now) {
        let (was, is) = (before.known.knows(minute(slot)), after.known.knows(minute(slot)));
        assert!(is || !was, "minute {slot}: no longer known");
        if is && !was && !before.rows.contains_key(&slot) {
            assert_eq!(after.rows.get(&slot).copied(), tape.seen(slot, now), "minute {slot}: learnt wrong");
        }
        if let Some(row) = before.rows.get(&slot) {
            let disputed = after.known.dispute_of(minute(slot)).is_some();
            assert!(
                !was || disputed || after.rows.get(&slot) == Some(row),
                "minute {slot}: changed in silence"
            );
        }
    }
}

/// Where a page has shown something else than is stored, that is disputed now.
pub(crate) fn check_noticed(
    tape: &Tape,
    before: &Holding,
    after: &Holding,
    shown: &[TimeRange],
    now: Timestamp,
) {
    for slot in slots(now).filter(|slot| shown.iter().any(|range| range.contains(minute(*slot)))) {
        let (said, row) = (tape.seen(slot, now), after.rows.get(&slot).copied());
        let disputed = after.known.dispute_of(minute(slot)).is_some();
        if before.known.knows(minute(slot)) && before.rows.get(&slot).copied() != said {
            assert!(disputed, "minute {slot}: contradicted, and not disputed");
        }
        assert!(
            row == said || (said.is_none() && disputed),
            "minute {slot}: {row:?} stands against {said:?}"
        );
    }
}

/// Nothing was asked for that was known already; what had not settled cannot have been.
pub(crate) fn check_asked(asked: &[Asked], before: &Holding, wants_forming: bool) {
    for page in asked {
        let newest = page.before.map_or(minute_of(page.at), |before| minute_of(before) - 1);
        let tip = newest >= unsettled(page.at);
        assert!(
            tip || !before.known.knows(minute(newest)),
            "a page from minute {newest} back, which was known"
        );
        let open = page.before.is_none() && before.known.knows(minute(minute_of(page.at) - 1));
        assert!(!open || wants_forming, "the newest page, and all of it was known or not wanted");
    }
}

/// An answer: from when it was asked for until it was there.
pub(crate) fn check_answer(
    venue: &Venue,
    query: &CandleQuery,
    set: &CandleSet,
    (asked, answered): (Timestamp, Timestamp),
) {
    let tape = venue.tape.lock().unwrap();
    assert!(set.candles.is_sorted_by(|a, b| a.open_time < b.open_time), "rows out of order");
    for slot in slots(answered) {
        let truth = tape.versions(slot);
        match set.slot(minute(slot)) {
            Slot::Present(row) if row.is_final => {
                assert!(truth.contains(&Some(row)), "minute {slot}: {row:?}")
            }
            Slot::Present(row) => {
                assert!(slot >= unsettled(asked), "minute {slot}: settled, and called unsettled");
                assert!(tape.drafts(slot).contains(&row), "minute {slot}: {row:?}");
            }
            Slot::Empty => assert!(truth.contains(&None), "minute {slot}: called empty, is {truth:?}"),
            Slot::Disputed(_) => assert!(tape.is_restated(slot), "minute {slot}: disputed for nothing"),
            Slot::Unknown => {}
        }
    }
    check_complete(venue, &tape, query, set, asked);
}

/// No row is missing that was there when it was asked for, and a range is known as far as it can be.
fn check_complete(venue: &Venue, tape: &Tape, query: &CandleQuery, set: &CandleSet, asked: Timestamp) {
    let newest = minute_of(asked) - i64::from(query.forming == Forming::Exclude);
    let (from, to, count) = match query.selection() {
        Selection::Range(range) => (range.from(), range.to(), usize::MAX),
        Selection::Last { count, before, floor } => (floor, before.unwrap_or(Timestamp::MAX), count),
    };
    assert!(set.candles.len() <= count, "more than was asked for");
    assert!(set.candles.iter().all(|row| from <= row.open_time && row.open_time < to), "not asked for");
    // With all that were asked for, nothing is said about what is older than the oldest of them.
    let full = set.candles.len() == count;
    let oldest = set.candles.first().filter(|_| full).map_or(from, |row| row.open_time);
    let is_range = count == usize::MAX;
    for slot in (venue.oldest()..=newest).filter(|slot| oldest <= minute(*slot) && minute(*slot) < to) {
        if tape.is_restated(slot) {
            continue; // what is stored may be what was said before
        }
        let row = set.candles.iter().find(|row| row.open_time == minute(slot));
        let was = tape.seen(slot, asked);
        assert!(row.is_some() || was.is_none(), "minute {slot}: lost");
        let unknown = set.slot(minute(slot)) == Slot::Unknown;
        assert!(
            !unknown || !is_range || slot >= unsettled(asked) || !venue.keeps_all(),
            "minute {slot}: asked for, and still unknown"
        );
    }
}

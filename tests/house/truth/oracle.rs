//! What may be said, by one who knows the tape.

use std::collections::BTreeMap;

use std::time::Duration;

use market_backbone_core::{
    Candle, CandleQuery, CandleSet, CandleStore, Coverage, Forming, MAX_ROW_DELAY, Origin, Selection, Slot,
    Span, TimeRange, Timestamp,
};

use super::clocks::ERROR;
use super::tape::{REACH, START, Tape, minute, minute_of, unsettled, unshowable};
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
        assert!(rows.is_rising(), "rows out of order");
        let rows = rows.into_iter().map(|row| (minute_of(row.open_time), row)).collect();
        Self { known, rows }
    }

    fn origin_of(&self, slot: i64) -> Option<Origin> {
        self.known.provenance_at(minute(slot)).map(|proof| proof.origin)
    }

    /// What nobody asks about at `now`: what is known, but for early words that are old enough to be put to the test.
    pub(crate) fn standing(&self, now: Timestamp) -> Coverage {
        let mut known = self.known.clone();
        let is_due = |span: &&Span| {
            let [a_while, long] =
                [Duration::from_secs(15), MAX_ROW_DELAY].map(|age| span.range.to().plus(age));
            let crossed = |due: Timestamp| span.provenance.observed_at < due && due <= now;
            span.provenance.origin == Origin::Early && (crossed(a_while) || crossed(long))
        };
        self.known.spans().iter().filter(is_due).for_each(|span| known.remove(span.range));
        known
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
        if !held.known.is_known(minute(slot)) {
            assert!(row.is_none() || allowed.contains(&row), "minute {slot}: {row:?} never was");
            continue;
        }
        assert!(slot < unshowable(now), "minute {slot}: known before it settled");
        let dispute = held.known.dispute_at(minute(slot));
        if dispute.is_some() {
            assert!(tape.is_restated(slot), "minute {slot}: disputed, and never restated");
            assert!(row.is_some(), "minute {slot}: disputed, and no row left");
        }
        // That there is no row after all is a dispute, and the early one stands.
        let origins =
            [held.origin_of(slot), dispute.and_then(|dispute| dispute.earlier).map(|one| one.origin)];
        let is_early = origins.contains(&Some(Origin::Early));
        assert!(
            allowed.contains(&row) || is_early && tape.is_cut_short(slot, row),
            "minute {slot}: {row:?}, and the tape says {allowed:?}, says {:?}",
            held.known.provenance_at(minute(slot))
        );
    }
    assert!(held.rows.keys().all(|slot| slots(now).contains(slot)), "rows out of nowhere");
    check_compact(&held.known);
}

/// No more spans than there are changes of source.
fn check_compact(known: &Coverage) {
    let source =
        |span: &Span| (span.provenance.origin, span.provenance.observed_at.as_secs().div_euclid(86_400));
    for two in known.spans().windows(2) {
        let touch = two[0].range.to() == two[1].range.from();
        assert!(!touch || source(&two[0]) != source(&two[1]), "two spans where one would do: {two:?}");
    }
}

/// What became known was what the venue said, and nothing that was known is lost or changed in silence: but that nothing
/// older exists is withdrawn by an older row, and an early word by a later one. Of what the venue has kept back what became
/// known may be what it said before.
pub(crate) fn check_change(venue: &Venue, before: &Holding, after: &Holding, now: Timestamp) {
    let (tape, hidden) = (venue.tape.lock().unwrap(), venue.hidden());
    for slot in slots(now) {
        let (was, is) = (before.origin_of(slot), after.origin_of(slot));
        assert!(
            is.is_some() || was.is_none() || is_withdrawn(before, after, slot),
            "minute {slot}: no longer known"
        );
        let row = after.rows.get(&slot);
        if is.is_some() && was.is_none() && !before.rows.contains_key(&slot) {
            let cut_short = is == Some(Origin::Early) && tape.is_cut_short(slot, row.copied());
            let outdated = hidden.has(slot) && tape.versions(slot).contains(&row.copied());
            let true_now = row.copied() == tape.said(slot, now);
            assert!(true_now || outdated || cut_short, "minute {slot}: learnt wrong: {row:?}");
        }
        if let Some(old) = before.rows.get(&slot) {
            let disputed = after.known.dispute_at(minute(slot)).is_some();
            let may_change = matches!(was, None | Some(Origin::Early));
            assert!(may_change || disputed || row == Some(old), "minute {slot}: changed in silence");
        }
    }
}

/// Whether it was said that nothing is as old as `slot`, and a row has turned up where that was said.
fn is_withdrawn(before: &Holding, after: &Holding, slot: i64) -> bool {
    let is_unlisted = |slot: &i64| before.origin_of(*slot) == Some(Origin::BeforeListing);
    is_unlisted(&slot) && after.rows.keys().any(is_unlisted)
}

/// Where an honest page has shown something else than is stored, that is disputed now, or amended.
pub(crate) fn check_noticed(
    tape: &Tape,
    before: &Holding,
    after: &Holding,
    (shown, doubted): (&[TimeRange], &[TimeRange]),
    now: Timestamp,
) {
    let left_out = |slot: i64| doubted.iter().any(|range| range.contains(minute(slot)));
    // The row with which a full page ends may have a twin that was cut off: it is left to another page.
    let is_shown =
        |slot: i64| shown.iter().any(|range| range.from() < minute(slot) && minute(slot) < range.to());
    for slot in slots(now).filter(|slot| is_shown(*slot)) {
        let (said, row) = (tape.said(slot, now), after.rows.get(&slot).copied());
        let disputed = after.known.dispute_at(minute(slot)).is_some();
        let was_final = before.origin_of(slot).is_some_and(|origin| origin == Origin::Rest);
        if was_final && before.rows.get(&slot).copied() != said {
            assert!(disputed, "minute {slot}: contradicted, and not disputed");
        }
        if !after.known.is_known(minute(slot)) && left_out(slot) {
            continue; // a page with a row that was left out may not be taken in
        }
        // By a clock that was measured anew the later of two words may seem to be the earlier one.
        assert!(row == said || disputed, "minute {slot}: {row:?} stands against {said:?}");
    }
}

/// Nothing was asked for that was known already. A page may be asked for with an end a little later than what is unknown,
/// so that it shows a row that is known, or is another page than the one before; not by more slots than it has rows.
///
/// What was taken back meanwhile, that nothing older exists, counts as unknown.
pub(crate) fn check_asked(
    asked: &[Asked],
    page: u32,
    before: &Holding,
    after: &Holding,
    wants_forming: bool,
) {
    for asked in asked {
        let at = asked.at.plus(Duration::from_millis(ERROR.unsigned_abs()));
        let standing = before.standing(at);
        let is_open = |slot| !standing.is_known(minute(slot)) || is_withdrawn(before, after, slot);
        let newest = asked.before.map_or(minute_of(asked.at), |before| minute_of(before) - 1);
        let tip = newest >= unsettled(asked.at) - 1;
        let shown = newest - i64::from(page)..=newest;
        assert!(tip || shown.clone().any(is_open), "a page from minute {newest} back, which was known");
        let open = asked.before.is_none() && standing.is_known(minute(minute_of(at) - 1));
        assert!(!open || wants_forming, "the newest page, and all of it was known or not wanted");
    }
}

/// An answer: from when it was asked for until it was there.
pub(crate) fn check_answer(
    venue: &Venue,
    query: &CandleQuery,
    set: &CandleSet,
    before: &Holding,
    (asked, answered): (Timestamp, Timestamp),
) {
    let tape = venue.tape.lock().unwrap();
    assert!(set.candles.is_rising(), "rows out of order");
    let settled = unsettled(asked.minus(Duration::from_millis(ERROR.unsigned_abs())));
    for slot in slots(answered) {
        let truth = tape.versions(slot);
        let origin = set.coverage.provenance_at(minute(slot)).map(|proof| proof.origin);
        match set.slot(minute(slot)) {
            Slot::Present(row) if row.is_final => {
                let cut_short = origin == Some(Origin::Early) && tape.is_cut_short(slot, Some(row));
                assert!(cut_short || truth.contains(&Some(row)), "minute {slot}: {row:?} by {origin:?}");
            }
            Slot::Present(row) => {
                assert!(slot >= settled, "minute {slot}: settled, and called unsettled");
                assert!(tape.drafts(slot).contains(&row), "minute {slot}: {row:?}");
            }
            Slot::Empty => assert!(truth.contains(&None), "minute {slot}: called empty, is {truth:?}"),
            Slot::Disputed(_) => assert!(tape.is_restated(slot), "minute {slot}: disputed for nothing"),
            Slot::Unknown => {}
        }
    }
    check_complete(venue, &tape, query, set, asked);
    check_known(venue, &tape, query, set, before, asked);
}

/// No row is missing that was there when it was asked for and that the venue has not kept to itself.
fn check_complete(venue: &Venue, tape: &Tape, query: &CandleQuery, set: &CandleSet, asked: Timestamp) {
    let newest = match query.forming {
        Forming::Include => minute_of(asked),
        Forming::Exclude if venue.closes_what_has_settled() => unsettled(asked) - 1,
        Forming::Exclude => minute_of(asked) - 1,
    };
    let (from, to, count) = match query.selection() {
        Selection::Range(range) => (range.from(), range.to(), usize::MAX),
        Selection::Last { count, before, floor } => (floor, before.unwrap_or(Timestamp::MAX), count),
    };
    assert!(set.candles.len() <= count, "more than was asked for");
    assert!(set.candles.iter().all(|row| from <= row.open_time && row.open_time < to), "not asked for");
    // With all that were asked for, nothing is said about what is older than the oldest of them.
    let full = set.candles.len() == count;
    let oldest = set.candles.first().filter(|_| full).map_or(from, |row| row.open_time);
    let hidden = venue.hidden();
    for slot in (venue.oldest()..=newest).filter(|slot| oldest <= minute(*slot) && minute(*slot) < to) {
        let row = set.candles.iter().find(|row| row.open_time == minute(slot));
        let kept_back = set.slot(minute(slot)) == Slot::Unknown && hidden.has(slot);
        let excused = kept_back || tape.is_restated(slot); // what is stored may be what was said before
        assert!(row.is_some() || excused || tape.seen(slot, asked).is_none(), "minute {slot}: lost");
    }
}

/// Where nothing was kept back, each hole of a range is known up to its newest row that ended before it was asked for. What
/// pages that were asked for side by side leave out where they meet may be left for the next question; so may what lies
/// before the first row of all and is so young that its rows may come late. A row that was not there before the venue restated
/// it shows nothing: what was asked about a moment ago rests.
fn check_known(
    venue: &Venue,
    tape: &Tape,
    query: &CandleQuery,
    set: &CandleSet,
    before: &Holding,
    asked: Timestamp,
) {
    let Selection::Range(range) = query.selection() else { return };
    if !venue.keeps_all() || !venue.hidden().is_empty() || venue.asks_side_by_side() {
        return;
    }
    let is_there = |slot: &i64| tape.seen(*slot, asked).is_some();
    let first = (venue.oldest()..=minute_of(asked)).find(is_there);
    let young = minute_of(asked.minus(MAX_ROW_DELAY + Duration::from_millis(ERROR.unsigned_abs())));
    for hole in before.standing(asked).missing(range) {
        let end = minute_of(hole.to()).min(unsettled(asked)).min(minute_of(asked));
        let slots = venue.oldest().max(minute_of(hole.from()))..end;
        let newest = slots.clone().rev().find(|slot| is_there(slot) && !tape.is_restated(*slot));
        let left = slots.filter(|slot| range.contains(minute(*slot)) && newest > Some(*slot));
        let left = left.filter(|slot| *slot < young || first < Some(*slot));
        for slot in left.filter(|slot| set.slot(minute(*slot)) == Slot::Unknown) {
            assert!(tape.is_restated(slot), "minute {slot}: asked for, and still unknown");
        }
    }
}

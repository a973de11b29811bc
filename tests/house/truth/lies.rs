//! What a venue says that is not so: rows that come late, an answer that is empty by mistake, one that is stale, and
//! rows that are doubled or cannot be true.
//!
//! No two answers that are empty or stale by mistake hide the same row in one history, and none hides a row that was
//! late before: two lies that agree defeat every rule of two witnesses. Rows that are late may be so in any number of
//! answers, for they turn up before such answers are believed. For the same reason no stale answer was made in the
//! second in which a candle may still change although the next one is there; and none ends with exactly what it was
//! asked for while that was in progress: nothing tells it from a good one.

use std::collections::BTreeSet;
use std::time::Duration;

use market_backbone_core::{BadRow, Candle, Timestamp};

use super::tape::{Tape, VISIBLE, dice, minute, minute_of};

/// How often a venue says what is not so, in a hundred answers or stretches of time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Falsehoods {
    /// In how many stretches of seven minutes the newest rows come late.
    pub(crate) late: u64,
    pub(crate) empty: u64,
    pub(crate) stale: u64,
    /// In how many answers a row is doubled, has a twin that differs, or cannot be true.
    pub(crate) bad: u64,
}

impl Falsehoods {
    pub(crate) fn is_none(&self) -> bool {
        self.late + self.empty + self.stale + self.bad == 0
    }
}

/// What of the tape an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// As it was when.
    pub(crate) moment: Timestamp,
    /// Nothing from this minute on.
    pub(crate) hidden_from: i64,
}

impl View {
    pub(crate) fn honest(now: Timestamp) -> Self {
        Self { moment: now, hidden_from: minute_of(now) + 1 }
    }

    /// What it shows of a minute.
    pub(crate) fn of(self, tape: &Tape, slot: i64) -> Option<Candle> {
        tape.seen(slot, self.moment).filter(|_| slot < self.hidden_from)
    }
}

/// The rows that were hidden so far.
#[derive(Debug)]
pub(crate) struct FalseAnswers {
    seed: u64,
    hidden: BTreeSet<i64>,
    pub(crate) lies: u64,
}

impl FalseAnswers {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, hidden: BTreeSet::new(), lies: 0 }
    }

    pub(crate) fn has_hidden(&self, slot: i64) -> bool {
        self.hidden.contains(&slot)
    }

    /// What the answer to a request shows that begins at minute `oldest` and ends before `before`.
    pub(crate) fn view(
        &mut self,
        tape: &Tape,
        (oldest, before): (i64, Timestamp),
        now: Timestamp,
        falsehoods: Falsehoods,
        random: impl Fn(u64) -> u64,
    ) -> View {
        let honest = View::honest(now);
        let view = if random(20) < falsehoods.empty {
            View { hidden_from: i64::MIN, ..honest }
        } else if random(21) < falsehoods.stale {
            View::honest(stale(now, &random))
        } else {
            return self.late(tape, (oldest, before), now, falsehoods, random);
        };
        let newest = minute_of(now).min(minute_of(before));
        let slots = || (oldest..=newest).rev().filter(|slot| minute(*slot) < before);
        let hidden: BTreeSet<i64> = slots()
            .take_while(|slot| view.of(tape, *slot).is_none())
            .filter(|slot| honest.of(tape, *slot).is_some())
            .collect();
        let shown = slots().find(|slot| view.of(tape, *slot).is_some());
        let ends_as_asked = shown.is_some_and(|slot| {
            minute(slot + 1) == before && view.of(tape, slot) != tape.seen(slot, Timestamp::MAX)
        });
        if ends_as_asked || hidden.iter().any(|slot| self.hidden.contains(slot)) {
            return honest;
        }
        self.lies += 1;
        self.hidden.extend(hidden);
        view
    }

    /// For some minutes the newest rows are missing from most answers.
    fn late(
        &mut self,
        tape: &Tape,
        (oldest, before): (i64, Timestamp),
        now: Timestamp,
        falsehoods: Falsehoods,
        random: impl Fn(u64) -> u64,
    ) -> View {
        let honest = View::honest(now);
        let phase = minute_of(now).unsigned_abs() / 7;
        if dice(self.seed, phase) >= falsehoods.late || random(22) < 25 {
            return honest;
        }
        let by = 1 + dice(!self.seed, phase) % 4;
        let view = View { hidden_from: minute_of(now) + 1 - by.cast_signed(), ..honest };
        let slots = view.hidden_from.max(oldest)..=minute_of(now);
        let slots = slots.filter(|slot| minute(*slot) < before && honest.of(tape, *slot).is_some());
        self.hidden.extend(slots);
        self.lies += 1;
        view
    }
}

/// Seconds to hours ago.
fn stale(now: Timestamp, random: impl Fn(u64) -> u64) -> Timestamp {
    let age = match random(23) % 3 {
        0 => 1 + random(24) % 10,
        1 => 10 + random(24) * 3,
        _ => 300 + random(24) * 100,
    };
    let moment = now.minus(Duration::from_secs(age));
    let began = minute(minute_of(moment));
    if moment < began.plus(VISIBLE) { began.minus(VISIBLE / 4) } else { moment }
}

/// Doubles a row, gives it a twin that differs, or puts one that cannot be true in its place.
pub(crate) fn spoil_a_row(
    rows: Vec<Candle>,
    most: usize,
    random: impl Fn(u64) -> u64,
) -> Vec<Result<Candle, BadRow>> {
    let chosen = usize::try_from(random(30)).unwrap_or(0) % rows.len().max(1);
    let mut spoilt: Vec<Result<Candle, BadRow>> = Vec::with_capacity(rows.len() + 1);
    for (index, row) in rows.into_iter().enumerate() {
        if index != chosen {
            spoilt.push(Ok(row));
            continue;
        }
        let bad = |market: Option<&str>, time| {
            Err(BadRow { market: market.map(str::to_owned), time, reason: "it was spoilt".to_owned() })
        };
        match random(31) % 6 {
            0 => spoilt.extend([Ok(row), Ok(row)]),
            1 => spoilt.extend([Ok(row), Ok(Candle { volume: row.volume + 1.0, ..row })]),
            2 => spoilt.push(Ok(Candle { high: row.low - 1.0, ..row })),
            3 => spoilt.push(Ok(Candle { open_time: row.open_time.plus(Duration::from_secs(7)), ..row })),
            4 => spoilt.push(bad(Some("KRW-ETH"), Some(row.open_time))),
            _ => spoilt.push(bad(None, None)),
        }
    }
    spoilt.truncate(most);
    spoilt
}

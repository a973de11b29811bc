//! The ledgers of all series of a shard, read with one statement for each table.

use std::collections::{HashMap, HashSet};

use market_backbone_core::{AbsenceClaim, Coverage, Dispute, Provenance, Span, TimeRange, Timestamp};
use rusqlite::{Connection, Row};

use crate::origin_codec;

/// The ledgers of a shard, and what was written about them.
#[derive(Debug, Default)]
pub(super) struct ShardLedgers {
    known: HashMap<String, Coverage>,
    /// The series with a ledger that cannot be read.
    unreadable: HashSet<String>,
    /// The checksum of each ledger and the number of blocks with one.
    seals: HashMap<String, (i64, i64)>,
    /// The number of blocks with a checksum that there are.
    blocks: HashMap<String, i64>,
    lone_witnesses: HashMap<String, Vec<TimeRange>>,
    /// The series that an older version wrote.
    pub(super) unsealed: HashSet<String>,
}

impl ShardLedgers {
    pub(super) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let mut ledgers = Self::default();
        let sql = "SELECT series, from_ns, to_ns, origin, observed_ns FROM coverage ORDER BY series, from_ns";
        let mut spans: HashMap<String, Vec<Span>> = HashMap::new();
        ledgers.each(conn, sql, |row, label, _| {
            spans.entry(label.to_owned()).or_default().push(span(row)?);
            Some(())
        })?;
        ledgers.known =
            spans.into_iter().map(|(label, spans)| (label, spans.into_iter().collect())).collect();
        let sql = "SELECT series, from_ns, to_ns, earlier_origin, earlier_ns, later_origin, later_ns \
                   FROM dispute ORDER BY series, from_ns";
        ledgers.each(conn, sql, |row, _, known| {
            known.add_dispute(dispute(row)?);
            Some(())
        })?;
        let sql = "SELECT series, from_ns, to_ns, witnesses, first_ns, last_ns FROM claim \
                   ORDER BY series, from_ns";
        ledgers.each(conn, sql, |row, _, known| {
            known.add_claim(claim(row)?);
            Some(())
        })?;
        let sql = "SELECT series, from_ns, to_ns FROM lone_witness ORDER BY series, from_ns";
        let mut witnesses: HashMap<String, Vec<TimeRange>> = HashMap::new();
        let mut select = conn.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let label: String = row.get(0)?;
            witnesses.entry(label).or_default().extend(range(row));
        }
        ledgers.lone_witnesses = witnesses;
        let pair = |row: &Row<'_>| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)));
        ledgers.seals = all(conn, "SELECT series, ledger, blocks FROM seal", pair)?;
        let count = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        ledgers.blocks = all(conn, "SELECT series, COUNT(*) FROM block_sum GROUP BY series", count)?;
        let mut select = conn.prepare("SELECT series FROM unsealed")?;
        ledgers.unsealed = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ledgers)
    }

    /// Calls `add` with each row and the ledger of its series, and notes the series where it returns `None`.
    fn each(
        &mut self,
        conn: &Connection,
        sql: &str,
        mut add: impl FnMut(&Row<'_>, &str, &mut Coverage) -> Option<()>,
    ) -> Result<(), rusqlite::Error> {
        let mut select = conn.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let label: String = row.get(0)?;
            let known = self.known.entry(label.clone()).or_default();
            if add(row, &label, known).is_none() {
                self.unreadable.insert(label);
            }
        }
        Ok(())
    }

    /// Returns whether a ledger is not what was written, or cannot be read.
    pub(super) fn is_damaged(&self, label: &str) -> bool {
        if self.unreadable.contains(label) {
            return true;
        }
        let nothing = Coverage::empty();
        let known = self.known.get(label).unwrap_or(&nothing);
        match self.seals.get(label) {
            Some((ledger, _)) => super::ledger_checksum(label, known) != Some(*ledger),
            None => !known.is_empty() && !self.unsealed.contains(label),
        }
    }

    /// Returns whether the number of blocks with a checksum is not the one that was written.
    pub(super) fn has_lost_checksums(&self, label: &str) -> bool {
        let count = self.blocks.get(label).copied().unwrap_or(0);
        self.seals.get(label).is_some_and(|(_, blocks)| *blocks != count)
    }

    /// Returns what is known of a series: nothing, if its ledger is damaged.
    pub(super) fn known(&self, label: &str) -> Coverage {
        let known = self.known.get(label).filter(|_| !self.is_damaged(label));
        known.cloned().unwrap_or_else(Coverage::empty)
    }

    /// Returns whether anything is in the ledger of a series.
    pub(super) fn has_any(&self, label: &str) -> bool {
        self.known.contains_key(label)
    }

    /// Returns the ranges that were accepted when one reply was enough.
    pub(super) fn lone_witnesses(&self, label: &str) -> &[TimeRange] {
        self.lone_witnesses.get(label).map_or(&[], Vec::as_slice)
    }
}

fn all<T>(
    conn: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> Result<(String, T), rusqlite::Error>,
) -> Result<HashMap<String, T>, rusqlite::Error> {
    let mut select = conn.prepare(sql)?;
    let rows = select.query_map([], read)?;
    rows.collect()
}

fn time(row: &Row<'_>, column: usize) -> Option<Timestamp> {
    row.get(column).ok().map(Timestamp::from_nanos)
}

fn range(row: &Row<'_>) -> Option<TimeRange> {
    TimeRange::new(time(row, 1)?, time(row, 2)?).ok()
}

/// Reads an origin and a time; `Some(None)` where both are missing or only one is there.
fn provenance(row: &Row<'_>, column: usize) -> Option<Option<Provenance>> {
    let word: Option<String> = row.get(column).ok()?;
    let at: Option<i64> = row.get(column + 1).ok()?;
    let origin = word.map(|word| origin_codec::decode(&word)).transpose().ok()?;
    let said = origin.zip(at);
    Some(said.map(|(origin, at)| Provenance { origin, observed_at: Timestamp::from_nanos(at) }))
}

fn span(row: &Row<'_>) -> Option<Span> {
    Some(Span { range: range(row)?, provenance: provenance(row, 3)?? })
}

fn dispute(row: &Row<'_>) -> Option<Dispute> {
    Some(Dispute { range: range(row)?, earlier: provenance(row, 3)?, later: provenance(row, 5)? })
}

fn claim(row: &Row<'_>) -> Option<AbsenceClaim> {
    let witnesses: i64 = row.get(3).ok()?;
    Some(AbsenceClaim {
        range: range(row)?,
        observations: u8::try_from(witnesses).unwrap_or(u8::MAX),
        first_asked_at: time(row, 4)?,
        last_asked_at: time(row, 5)?,
    })
}

//! Compares sealed files with the rows they were made from.

use std::collections::HashMap;

use market_backbone_core::Candle;

use super::super::checksum;
use super::super::checksum_table::{self, BlockChecksum};
use super::super::sealed::{self, SealedTier, SegmentFault};
use super::super::series_state::SeriesState;
use super::super::validation::file_finding;
use super::shard_view::ShardView;
use crate::integrity_check::{Finding, IntegrityIssue};

/// Finds the files with a seal that are not what was written, or not what the table holds.
pub(super) fn check(view: &ShardView, tier: &SealedTier) -> Result<Vec<Finding>, rusqlite::Error> {
    if !tier.is_enabled() {
        return Ok(Vec::new());
    }
    let seals = sealed::all(&view.conn())?;
    let by_label: HashMap<&str, &SeriesState> =
        view.states().map(|(_, state)| (state.label.as_str(), state)).collect();
    let mut found = Vec::new();
    for (label, seal) in seals {
        let complaint = match by_label.get(label.as_str()) {
            None => Some("it is of a series that is not in this shard".to_owned()),
            Some(state) => match tier.read_all(&label, &seal) {
                Err(SegmentFault::Missing) => Some("it is missing".to_owned()),
                Err(fault) => Some(fault.to_string()),
                Ok(rows) => {
                    let blocks = (state.grid.block_at(seal.from_ms), state.grid.block_at(seal.to_ms - 1));
                    let sums = checksum_table::read_direct(&view.conn(), &label, blocks)?;
                    // Of the last block, the table may have got newer rows since.
                    let is_whole = |block: i64| state.grid.end_ms(block) <= seal.to_ms;
                    (!matches(state, &rows, &sums, is_whole))
                        .then(|| "it does not have the candles of the table".to_owned())
                }
            },
        };
        if let Some(complaint) = complaint {
            let detail = format!("the sealed file of {label}: {complaint}");
            let finding = file_finding(&tier.path_of(&seal), IntegrityIssue::Sealed, detail);
            found.push(Finding { slots: u64::from(seal.rows), ..finding });
        }
    }
    Ok(found)
}

fn matches(
    state: &SeriesState,
    rows: &[Candle],
    sums: &std::collections::BTreeMap<i64, BlockChecksum>,
    is_whole: impl Fn(i64) -> bool,
) -> bool {
    let mut blocks = 0;
    for group in rows.chunk_by(|a, b| state.grid.block_of(a.open_time) == state.grid.block_of(b.open_time)) {
        let block = state.grid.block_of(group[0].open_time);
        let own = BlockChecksum { rows: group.len() as i64, sum: checksum::of_rows(&state.label, group) };
        let is_right = match sums.get(&block) {
            Some(sum) => *sum == own || (!is_whole(block) && sum.rows > own.rows),
            None => false,
        };
        if !is_right {
            return false;
        }
        blocks += 1;
    }
    blocks == sums.len()
}

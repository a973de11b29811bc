//! The faults of one page: drawn before it is made, and applied to its rows in the wire format.

mod json_edit;
mod row_corruption;

use super::{BadRowKind, FaultTarget, Faults, PageFault, PageKind, ScriptedFault};
use crate::hash_random;

pub(crate) use json_edit::{elements, set, value};
pub(crate) use row_corruption::{ColumnNames, CorruptionContext, TimestampEncoding};

/// A fault of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RowFault {
    Doubled,
    Differing,
    Missing,
    Bad(BadRowKind),
}

/// The faults of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageFaultPlan {
    page: PageKind,
    draw_key: u64,
    /// The page's number among its kind.
    pub(crate) number: u64,
    /// True for no rows, although there are some.
    pub(crate) empty: bool,
    stale_ms: u64,
    lagging_ms: u64,
    /// The number of newest closed rows that are not served.
    pub(crate) late_rows: u64,
    hole: bool,
    rows: Vec<RowFault>,
    slots: Vec<(i64, RowFault)>,
}

impl PageFaultPlan {
    /// Draws the faults of the page of this number.
    pub(crate) fn draw(
        faults: &Faults,
        script: &[ScriptedFault],
        seed: u64,
        page: PageKind,
        number: u64,
    ) -> Self {
        let lot = hash_random::draw(seed ^ 0x9A6E ^ ((page as u64) << 32), number);
        let drawn = |salt: u64, share: f64| hash_random::unit(hash_random::draw(lot, salt)) < share;
        let of_rows = matches!(page, PageKind::Candles | PageKind::Trades);
        let is = |wanted: PageKind| page == wanted;
        let mut plan = Self {
            page,
            draw_key: lot,
            number,
            empty: of_rows && drawn(1, faults.empty_page),
            stale_ms: if of_rows && drawn(2, faults.stale_page) { faults.stale_age_ms } else { 0 },
            lagging_ms: match page {
                PageKind::Candles => faults.lagging_rows_ms,
                PageKind::Trades => faults.lagging_trades,
                PageKind::Tickers | PageKind::Markets => 0,
            },
            late_rows: if is(PageKind::Candles) && drawn(3, faults.late_share) {
                faults.late_rows
            } else {
                0
            },
            hole: is(PageKind::Trades) && drawn(4, faults.holey_trades),
            rows: Vec::new(),
            slots: Vec::new(),
        };
        let of_candles = |share: f64| if is(PageKind::Candles) { share } else { 0.0 };
        let shares = [
            (5, faults.doubled_row, RowFault::Doubled),
            (6, of_candles(faults.differing_row), RowFault::Differing),
            (7, of_candles(faults.missing_row), RowFault::Missing),
            (8, faults.bad_row, RowFault::Bad(faults.bad_row_kind)),
        ];
        plan.rows
            .extend(shares.iter().filter(|(salt, share, _)| drawn(*salt, *share)).map(|(.., fault)| fault));
        script.iter().for_each(|scripted| plan.apply_scripted(*scripted));
        plan
    }

    fn apply_scripted(&mut self, scripted: ScriptedFault) {
        let slot = match scripted.target {
            FaultTarget::NthPage(page, number) if page == self.page && number == self.number => None,
            FaultTarget::Slot(open_ms) if self.page == PageKind::Candles => Some(open_ms),
            FaultTarget::NthPage(..) | FaultTarget::Slot(_) => return,
        };
        let fault = match scripted.fault {
            PageFault::Doubled => RowFault::Doubled,
            PageFault::Differing => RowFault::Differing,
            PageFault::Missing => RowFault::Missing,
            PageFault::Bad(kind) => RowFault::Bad(kind),
            // The other faults are of a whole page, and a slot has none.
            _ if slot.is_some() => return,
            PageFault::Empty => return self.empty = true,
            PageFault::Stale(age_ms) => return self.stale_ms = age_ms,
            PageFault::Late(rows) => return self.late_rows = rows,
            PageFault::Lagging(behind_ms) => return self.lagging_ms = behind_ms,
            PageFault::Hole => return self.hole = true,
        };
        match slot {
            Some(open_ms) => self.slots.push((open_ms, fault)),
            None => self.rows.push(fault),
        }
    }

    /// Returns how far the page lags behind, in ms.
    pub(crate) fn lag_ms(&self) -> i64 {
        i64::try_from(self.stale_ms.saturating_add(self.lagging_ms)).unwrap_or(i64::MAX / 4)
    }

    /// Returns whether the page lags behind.
    pub(crate) const fn is_delayed(&self) -> bool {
        self.stale_ms > 0 || self.lagging_ms > 0 || self.late_rows > 0
    }

    /// Returns why the page lags behind, by the names of the report.
    pub(crate) fn delay_names(&self) -> Vec<&'static str> {
        let lagging = if self.page == PageKind::Trades { "lagging_trades" } else { "lagging_rows_ms" };
        let names = [
            (self.stale_ms > 0, "stale_page"),
            (self.lagging_ms > 0, lagging),
            (self.late_rows > 0, "late_rows"),
        ];
        names.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }

    /// Returns whether rows have faults.
    pub(crate) const fn corrupts_rows(&self) -> bool {
        self.empty || self.hole || !self.rows.is_empty() || !self.slots.is_empty()
    }

    /// Applies the faults of rows. Returns those that occurred, by the names of the report.
    pub(crate) fn corrupt_rows(
        &self,
        rows: &mut Vec<String>,
        around: &CorruptionContext<'_>,
    ) -> Vec<&'static str> {
        let mut played = Vec::new();
        if self.hole && rows.len() > 2 {
            let third = rows.len() / 3;
            rows.drain(third..rows.len() - third);
            played.push("holey_trades");
        }
        for (salt, fault) in (0x100..).zip(&self.rows) {
            // The copy of the last row of a full page would fall off its end.
            let is_twin = matches!(fault, RowFault::Doubled | RowFault::Differing);
            let candidates =
                if is_twin && rows.len() >= around.most { rows.len().saturating_sub(1) } else { rows.len() };
            if candidates > 0 {
                let at = (hash_random::draw(self.draw_key, salt) % candidates as u64) as usize;
                played.extend(self.apply_row_fault(rows, at, *fault, around));
            }
        }
        for (open_ms, fault) in &self.slots {
            let at = rows
                .iter()
                .position(|row| row_corruption::open_time_ms(row, &around.columns) == Some(*open_ms));
            played.extend(at.and_then(|at| self.apply_row_fault(rows, at, *fault, around)));
        }
        played
    }

    fn apply_row_fault(
        &self,
        rows: &mut Vec<String>,
        at: usize,
        fault: RowFault,
        around: &CorruptionContext<'_>,
    ) -> Option<&'static str> {
        let name = match fault {
            RowFault::Doubled => {
                rows.insert(at, rows[at].clone());
                "doubled_row"
            }
            RowFault::Differing => {
                let twin = row_corruption::conflicting_copy(&rows[at], &around.columns)?;
                rows.insert(at + 1, twin);
                "differing_row"
            }
            RowFault::Missing => {
                rows.remove(at);
                "missing_row"
            }
            RowFault::Bad(kind) => {
                let kinds: Vec<BadRowKind> = match kind {
                    BadRowKind::Any => {
                        let first = (hash_random::draw(self.draw_key, 0x200) % BadRowKind::KINDS.len() as u64)
                            as usize;
                        BadRowKind::KINDS
                            .into_iter()
                            .cycle()
                            .skip(first)
                            .take(BadRowKind::KINDS.len())
                            .collect()
                    }
                    kind => vec![kind],
                };
                rows[at] = kinds
                    .into_iter()
                    .find_map(|kind| row_corruption::corrupted(self.page, &rows[at], kind, around))?;
                "bad_row"
            }
        };
        rows.truncate(around.most);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: ColumnNames = ColumnNames {
        market: Some("market"),
        time: Some(("t", TimestampEncoding::Ms)),
        id: None,
        open: Some("o"),
        high: Some("h"),
        low: Some("l"),
        close: Some("c"),
        volume: Some("v"),
    };

    fn rows() -> Vec<String> {
        let row = |n: i64| {
            format!(r#"{{"market":"A","t":{},"o":10.0,"h":12.5,"l":9,"c":11.0,"v":40}}"#, n * 60_000)
        };
        (0..9).rev().map(row).collect()
    }

    fn spoiled(script: &str, most: usize) -> (Vec<String>, Vec<&'static str>) {
        let script = ScriptedFault::parse_list(script).unwrap();
        let plan = PageFaultPlan::draw(&Faults::default(), &script, 1, PageKind::Candles, 1);
        let mut rows = rows();
        let around = CorruptionContext { columns: COLUMNS, other_market: "B", most, now_ms: 9 * 60_000 };
        let played = plan.corrupt_rows(&mut rows, &around);
        (rows, played)
    }

    #[test]
    fn a_slot_of_the_script_is_spoiled_and_its_neighbours_are_not() {
        for (kind, want) in [
            ("unsound", r#""h":10.989,"#),
            ("zero", r#""l":0.0,"#),
            ("null", r#""o":null,"#),
            ("offgrid", r#""t":180500,"#),
            ("foreign", r#""market":"B","#),
            ("text", r#""c":"NaN","#),
            ("future", r#""t":172800000,"#),
        ] {
            let (spoiled, played) = spoiled(&format!("{kind}@1970-01-01T00:03:00"), 9);
            assert_eq!((spoiled.len(), played), (9, vec!["bad_row"]), "{kind}");
            let differ: Vec<usize> = (0..9).filter(|at| spoiled[*at] != rows()[*at]).collect();
            assert_eq!(differ, [5], "{kind}");
            assert!(spoiled[5].contains(want), "{kind}: {}", spoiled[5]);
        }
    }

    #[test]
    fn a_twin_follows_its_row_within_the_page() {
        let (twins, played) = spoiled("doubled@1970-01-01T00:03:00", 9);
        assert_eq!((twins.len(), played), (9, vec!["doubled_row"]));
        assert_eq!(twins[5], twins[6]);
        let (twins, _) = spoiled("differing@1970-01-01T00:03:00", 100);
        assert_eq!(twins.len(), 10);
        assert_eq!(twins[6], r#"{"market":"A","t":180000,"o":10.0,"h":12.5,"l":9,"c":10.0,"v":1}"#);
        for seed in 0..50 {
            let faults = Faults { doubled_row: 1.0, ..Faults::default() };
            let mut page = rows();
            let around = CorruptionContext { columns: COLUMNS, other_market: "B", most: 9, now_ms: 0 };
            PageFaultPlan::draw(&faults, &[], seed, PageKind::Candles, 1).corrupt_rows(&mut page, &around);
            page.dedup();
            assert_eq!(page.len(), 8, "a twin never falls off the end");
        }
    }

    #[test]
    fn what_a_script_does_not_name_is_left_alone() {
        let script =
            ScriptedFault::parse_list("empty@candles:2,stale:5@trades:1,zero@1970-01-01T00:03:00").unwrap();
        let plan = |page, number| PageFaultPlan::draw(&Faults::default(), &script, 1, page, number);
        assert!(
            plan(PageKind::Candles, 2).empty
                && !plan(PageKind::Candles, 1).empty
                && !plan(PageKind::Trades, 2).empty
        );
        assert_eq!((plan(PageKind::Trades, 1).lag_ms(), plan(PageKind::Trades, 2).is_delayed()), (5, false));
        assert!(!plan(PageKind::Tickers, 1).corrupts_rows(), "a slot is one of candles");
    }
}

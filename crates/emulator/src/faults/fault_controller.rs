//! The current faults, the script, and the number of the next page of each kind.

use std::sync::{Mutex, PoisonError};

use super::{FaultTarget, Faults, PageFault, PageFaultPlan, PageKind, ScriptedFault, TimestampSkew};

/// The current faults.
#[derive(Debug)]
pub(crate) struct FaultController(Mutex<FaultState>);

#[derive(Debug)]
struct FaultState {
    faults: Faults,
    script: Vec<ScriptedFault>,
    /// The number of pages of each kind so far.
    pages: [u64; PageKind::COUNT],
    /// The time of the first refused socket.
    refused_since_ms: Option<i64>,
    /// The skew of the first live trades from this moment on.
    ahead: Option<(i64, i64)>,
}

impl FaultController {
    pub(crate) fn new(faults: Faults, script: Vec<ScriptedFault>) -> Self {
        let pages = [0; PageKind::COUNT];
        Self(Mutex::new(FaultState { faults, script, pages, refused_since_ms: None, ahead: None }))
    }

    pub(crate) fn get(&self) -> Faults {
        self.with(|state| state.faults)
    }

    pub(crate) fn set(&self, faults: Faults) {
        self.with(|state| {
            if state.faults.refuse_ws_ms != faults.refuse_ws_ms {
                state.refused_since_ms = None;
            }
            state.faults = faults;
        });
    }

    /// Resets the faults and the script: pages are counted from 1 again.
    pub(crate) fn reset(&self, faults: Faults, script: &[ScriptedFault]) {
        self.set(faults);
        self.with(|state| {
            state.script = script.to_vec();
            state.pages = [0; PageKind::COUNT];
            (state.refused_since_ms, state.ahead) = (None, None);
        });
    }

    pub(crate) fn set_script(&self, script: Vec<ScriptedFault>) {
        self.with(|state| state.script = script);
    }

    /// Adds a fault for the next page of a kind that the script does not mention.
    pub(crate) fn corrupt_next_page(&self, page: PageKind, fault: PageFault) {
        self.with(|state| {
            let is_taken =
                |nth: u64| state.script.iter().any(|one| one.target == FaultTarget::NthPage(page, nth));
            let mut nth = state.pages[page as usize] + 1;
            while is_taken(nth) {
                nth += 1;
            }
            state.script.push(ScriptedFault { target: FaultTarget::NthPage(page, nth), fault });
        });
    }

    /// Stamps the first live trade of each market from `from_ms` on `ahead_ms` ahead.
    pub(crate) fn stamp_ahead(&self, from_ms: i64, ahead_ms: i64) {
        self.with(|state| state.ahead = Some((from_ms, ahead_ms)));
    }

    pub(crate) fn timestamp_skew(&self) -> TimestampSkew {
        self.with(|state| TimestampSkew {
            share: state.faults.future_trade,
            ahead_ms: i64::try_from(state.faults.future_ms).unwrap_or(i64::MAX / 2),
            first: state.ahead,
        })
    }

    /// Returns the faults of the next page of a kind.
    pub(crate) fn next_page_plan(&self, seed: u64, page: PageKind) -> PageFaultPlan {
        self.with(|state| {
            let count = &mut state.pages[page as usize];
            *count += 1;
            PageFaultPlan::draw(&state.faults, &state.script, seed, page, *count)
        })
    }

    /// Returns whether a socket that connects now is refused because it is too early.
    pub(crate) fn refuses_socket(&self, now_ms: i64) -> bool {
        self.with(|state| {
            let Ok(for_ms @ 1..) = i64::try_from(state.faults.refuse_ws_ms) else { return false };
            now_ms - *state.refused_since_ms.get_or_insert(now_ms) < for_ms
        })
    }

    /// Changes only the fields that a JSON object names; the error is meant for the caller.
    pub(crate) fn patch(&self, json: &[u8]) -> Result<Faults, String> {
        let patch: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut whole = serde_json::to_value(self.get()).map_err(|error| error.to_string())?;
        if let Some(fields) = whole.as_object_mut() {
            fields.extend(patch);
        }
        let faults: Faults = serde_json::from_value(whole).map_err(|error| error.to_string())?;
        self.set(faults);
        Ok(faults)
    }

    fn with<T>(&self, act: impl FnOnce(&mut FaultState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let board = FaultController::new(Faults { latency_ms: 40, ..Faults::default() }, Vec::new());
        board.patch(br#"{"cut":0.5}"#).unwrap();
        assert_eq!(board.get(), Faults { latency_ms: 40, cut: 0.5, ..Faults::default() });
        assert!(board.patch(br#"{"cutt":0.5}"#).is_err());
        assert!(board.patch(b"[]").is_err());
    }

    #[test]
    fn each_next_page_is_another() {
        let board = FaultController::new(Faults::default(), Vec::new());
        board.next_page_plan(1, PageKind::Trades);
        board.corrupt_next_page(PageKind::Trades, PageFault::Empty);
        board.corrupt_next_page(PageKind::Trades, PageFault::Empty);
        let empty = [(); 4].map(|()| board.next_page_plan(1, PageKind::Trades).empty);
        assert_eq!(empty, [true, true, false, false]);
    }

    #[test]
    fn sockets_are_refused_from_the_first_that_asks() {
        let board = FaultController::new(Faults { refuse_ws_ms: 100, ..Faults::default() }, Vec::new());
        let asked = [5_000, 5_099, 5_100, 9_000].map(|now_ms| board.refuses_socket(now_ms));
        assert_eq!(asked, [true, true, false, false]);
        board.set(Faults { refuse_ws_ms: 50, ..Faults::default() });
        assert_eq!([9_001, 9_051].map(|now_ms| board.refuses_socket(now_ms)), [true, false]);
        board.set(Faults::default());
        assert!(!board.refuses_socket(9_060));
    }
}

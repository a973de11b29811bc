//! The open sockets, so that a test can cut one at a chosen moment.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The open sockets by number; numbers count from 1 and are never reused.
#[derive(Debug, Default)]
pub(crate) struct SocketRegistry(Mutex<SocketRegistryState>);

#[derive(Debug, Default)]
struct SocketRegistryState {
    opened: u64,
    open: BTreeMap<u64, CancellationToken>,
}

impl SocketRegistry {
    /// Registers a socket. Returns its number, and the token that tells it to close.
    pub(crate) fn register(&self) -> (u64, CancellationToken) {
        self.with(|state| {
            state.opened += 1;
            let cut = CancellationToken::new();
            state.open.insert(state.opened, cut.clone());
            (state.opened, cut)
        })
    }

    /// Removes a socket.
    pub(crate) fn deregister(&self, number: u64) {
        self.with(|state| state.open.remove(&number));
    }

    /// Returns the numbers of open sockets, the oldest first.
    pub(crate) fn open(&self) -> Vec<u64> {
        self.with(|state| state.open.keys().copied().collect())
    }

    /// Cuts one socket, or all. Returns how many there were.
    pub(crate) fn disconnect(&self, which: Option<u64>) -> usize {
        self.with(|state| {
            let chosen = state
                .open
                .iter()
                .filter(|(number, cut)| which.is_none_or(|which| which == **number) && !cut.is_cancelled());
            chosen.map(|(_, cut)| cut.cancel()).count()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut SocketRegistryState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_all_are_cut_and_none_twice() {
        let sockets = SocketRegistry::default();
        let cuts: Vec<CancellationToken> = (1..=3).map(|_| sockets.register().1).collect();
        sockets.deregister(1);
        assert_eq!(sockets.open(), [2, 3]);
        assert_eq!(
            (sockets.disconnect(Some(1)), sockets.disconnect(Some(2)), sockets.disconnect(Some(2))),
            (0, 1, 0)
        );
        assert_eq!(
            cuts.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert_eq!(sockets.disconnect(None), 1);
        assert_eq!(sockets.register().0, 4);
    }
}

//! Subscribed markets that are silent from the start: venues ignore codes they do not know, without an error.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Channel, Symbol};
use tokio::time::Instant;

/// The markets found unanswered so far.
#[derive(Debug, Default)]
pub(super) struct UnansweredMarkets(Mutex<BTreeSet<Symbol>>);

impl UnansweredMarkets {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Symbol>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports `symbol`, once.
    pub(super) fn report(&self, symbol: &Symbol) {
        if self.lock().insert(symbol.clone()) {
            tracing::warn!(%symbol, "no data arrived for this market; the venue may not know it");
        }
    }

    /// Removes a market that answered after all.
    pub(super) fn mark_answered(&self, symbol: &Symbol) {
        self.lock().remove(symbol);
    }

    /// Forgets markets without a channel that is still `followed` (sorted).
    pub(super) fn retain(&self, followed: &[Channel]) {
        let is_followed = |symbol: &Symbol| {
            let at = followed.partition_point(|channel| channel.symbol < *symbol);
            followed.get(at).is_some_and(|channel| channel.symbol == *symbol)
        };
        self.lock().retain(is_followed);
    }

    /// Returns all reported markets.
    pub(super) fn list(&self) -> Vec<Symbol> {
        self.lock().iter().cloned().collect()
    }
}

/// The markets whose first answer on this connection is still awaited.
#[derive(Debug)]
pub(super) struct AwaitedMarkets {
    timeout: Duration,
    /// The markets in the order in which they were subscribed to.
    pending: VecDeque<(Instant, Symbol)>,
}

impl AwaitedMarkets {
    pub(super) fn new(patience: Duration) -> Self {
        Self { timeout: patience, pending: VecDeque::new() }
    }

    /// Expects an answer of `symbol`, subscribed to at `now`.
    pub(super) fn expect(&mut self, symbol: &Symbol, now: Instant) {
        self.pending.push_back((now, symbol.clone()));
    }

    /// Returns when the next market becomes overdue.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending.front().map(|(asked, _)| *asked + self.timeout)
    }

    /// Removes and returns a market that is overdue by `now`.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Symbol> {
        self.deadline().filter(|due| *due <= now)?;
        self.pending.pop_front().map(|(_, symbol)| symbol)
    }
}

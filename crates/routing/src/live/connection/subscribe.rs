//! What a connection asks for, and how it learns that it gets it.

use market_backbone_core::{Channel, SourceError, Symbol};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::Connection;
use super::ending::Loss;
use crate::Permit;

impl Connection {
    /// What is wanted of it has changed.
    pub(super) fn wishes_changed(&mut self) {
        let now = Instant::now();
        self.reconcile.look_at(now + self.state.config.debounce);
        let unwanted = self.target.borrow_and_update().channels.is_empty();
        self.unwanted = unwanted.then(|| self.unwanted.unwrap_or(now));
    }

    /// Uses a turn to send what brings the connection nearer to what is wanted.
    pub(super) async fn subscribe(&mut self, turn: Result<Vec<Permit>, SourceError>) -> Result<(), Loss> {
        let permits = match turn {
            Ok(permits) => permits,
            Err(error) => {
                tracing::warn!(%error, "no turn to subscribe; trying again");
                self.reconcile.put_off(Instant::now());
                return Ok(());
            }
        };
        let wanted = self.target.borrow().clone();
        if let Some(message) = self.reconcile.message(&*self.state.venue, &wanted) {
            self.decoder.expect(self.reconcile.target());
            self.send(Message::text(message)).await?;
            self.state.counters.subscriptions_sent.add(1);
        }
        drop(permits);
        let now = Instant::now();
        let wanted = self.target.borrow().clone();
        if let Some((added, gone)) = self.reconcile.advance(&wanted, now + self.state.config.debounce) {
            self.asked(&added, &gone, now);
        }
        Ok(())
    }

    /// The venue was told: it now sends `added`, and no more `gone`.
    fn asked(&mut self, added: &[Channel], gone: &[Channel], now: Instant) {
        let state = &self.state;
        state.cache.ask_again(added, self.link.number);
        state.cache.ask_again(gone, self.link.number);
        state.desired.settle(&state.cache);
        state.served.end(gone, self.link.number);
        state.begins(added, self.link.number);
        self.confirms.drop_grants(gone);
        self.confirms.ask(added, now);
        for (index, channel) in added.iter().enumerate() {
            // Sorted: the channels of a market follow each other.
            if index == 0 || added[index - 1].symbol != channel.symbol {
                self.awaited.ask(&channel.symbol, now);
            }
        }
    }

    /// The venue says that it sends these; where one stands for all markets, every one of its kind.
    pub(super) fn confirmed(&mut self, channels: &[Channel]) {
        let now = self.state.clock.now();
        for channel in channels {
            self.confirms.grant(channel);
            let alone = std::slice::from_ref(channel);
            let included = if channel.symbol.is_any() { self.reconcile.has() } else { alone };
            for one in included.iter().filter(|one| one.kind == channel.kind) {
                if self.confirms.confirm(one) {
                    self.state.fanout.confirm(&one.symbol, one.kind, now);
                }
            }
            self.state.unanswered.answered(&channel.symbol);
        }
    }

    /// Says once more of what arrives that it does.
    pub(super) fn confirm_again(&self) {
        let now = self.state.clock.now();
        let confirmed = self.reconcile.has().iter().filter(|channel| !self.confirms.is_pending(channel));
        for channel in confirmed {
            self.state.fanout.confirm(&channel.symbol, channel.kind, now);
        }
    }

    /// What was not refused for long enough counts as arriving.
    pub(super) fn confirm_by_time(&mut self, now: Instant) {
        let received = self.state.clock.now();
        for channel in self.confirms.overdue(now) {
            self.state.fanout.confirm(&channel.symbol, channel.kind, received);
        }
    }

    /// Reports a market none of whose channels was ever heard; where the venue says what it sends, one of whose channels
    /// it neither spoke of nor sent.
    pub(super) fn judge(&self, symbol: &Symbol) {
        let has = self.reconcile.has();
        let all = |kind| Channel { symbol: Symbol::any(symbol.venue()), kind };
        let silent = |channel: &Channel| {
            let granted = self.confirms.is_granted(channel) || self.confirms.is_granted(&all(channel.kind));
            !granted && self.state.cache.heard_in(channel) == 0
        };
        let mut its = has.iter().filter(|channel| channel.symbol == *symbol).peekable();
        let is_wanted = its.peek().is_some();
        let unanswered = if self.confirms.is_told() { its.any(silent) } else { its.all(silent) };
        if is_wanted && unanswered {
            self.state.unanswered.report(symbol);
        }
    }
}

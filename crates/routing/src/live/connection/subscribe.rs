//! The subscriptions of a connection, and their confirmation.

use market_backbone_core::{Channel, SourceError, Symbol};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::Connection;
use super::end::ConnectionLoss;
use crate::Permit;

impl Connection {
    /// Handles a change of the target channels.
    pub(super) fn target_changed(&mut self) {
        let now = Instant::now();
        self.reconciler.schedule_check(now + self.state.config.debounce);
        let unwanted = self.target.borrow_and_update().channels.is_empty();
        self.idle_since = unwanted.then(|| self.idle_since.unwrap_or(now));
    }

    /// Uses a permit to send the next message towards the target.
    pub(super) async fn subscribe(
        &mut self,
        turn: Result<Vec<Permit>, SourceError>,
    ) -> Result<(), ConnectionLoss> {
        let permits = match turn {
            Ok(permits) => permits,
            Err(error) => {
                tracing::warn!(%error, "no permit to subscribe; trying again");
                self.reconciler.postpone(Instant::now());
                return Ok(());
            }
        };
        let wanted = self.target.borrow().clone();
        if let Some(message) = self.reconciler.next_message(&*self.state.venue, &wanted) {
            self.decoder.add_symbols(self.reconciler.target());
            self.send(Message::text(message)).await?;
            self.state.counters.subscriptions_sent.add(1);
        }
        drop(permits);
        let now = Instant::now();
        let wanted = self.target.borrow().clone();
        if let Some((added, gone)) = self.reconciler.advance(&wanted, now + self.state.config.debounce) {
            self.subscription_changed(&added, &gone, now);
        }
        Ok(())
    }

    /// Updates the state after a subscription message: the venue now sends `added`, and no longer `gone`.
    fn subscription_changed(&mut self, added: &[Channel], gone: &[Channel], now: Instant) {
        let state = &self.state;
        state.cache.clear_received(added, self.link.number);
        state.cache.clear_received(gone, self.link.number);
        state.desired.evict_unwanted(&state.cache);
        state.served.release(gone, self.link.number);
        state.mark_subscribed(added, self.link.number);
        self.confirmations.drop_acknowledgements(gone);
        self.confirmations.expect(added, now);
        for (index, channel) in added.iter().enumerate() {
            // Sorted: the channels of a market are adjacent.
            if index == 0 || added[index - 1].symbol != channel.symbol {
                self.awaited.expect(&channel.symbol, now);
            }
        }
    }

    /// Handles an acknowledgement of channels; a wildcard acknowledges every channel of its kind.
    pub(super) fn handle_confirmed(&mut self, channels: &[Channel]) {
        let now = self.state.clock.now();
        for channel in channels {
            self.confirmations.acknowledge(channel);
            let alone = std::slice::from_ref(channel);
            let included = if channel.symbol.is_any() { self.reconciler.subscribed() } else { alone };
            for one in included.iter().filter(|one| one.kind == channel.kind) {
                if self.confirmations.confirm(one) {
                    self.state.fanout.confirm(&one.symbol, one.kind, now);
                }
            }
            self.state.unanswered.mark_answered(&channel.symbol);
        }
    }

    /// Reports again the channels that are confirmed.
    pub(super) fn reconfirm(&self) {
        let now = self.state.clock.now();
        let confirmed =
            self.reconciler.subscribed().iter().filter(|channel| !self.confirmations.is_pending(channel));
        for channel in confirmed {
            self.state.fanout.confirm(&channel.symbol, channel.kind, now);
        }
    }

    /// Confirms channels whose subscription was not refused for long enough.
    pub(super) fn confirm_by_time(&mut self, now: Instant) {
        let received = self.state.clock.now();
        for channel in self.confirmations.take_overdue(now) {
            self.state.fanout.confirm(&channel.symbol, channel.kind, received);
        }
    }

    /// Reports a market without any data.
    ///
    /// Where the venue acknowledges subscriptions, reports a market with a channel that it neither
    /// acknowledged nor sent.
    pub(super) fn check_unanswered(&self, symbol: &Symbol) {
        let has = self.reconciler.subscribed();
        let all = |kind| Channel { symbol: Symbol::any(symbol.venue()), kind };
        let silent = |channel: &Channel| {
            let granted = self.confirmations.is_acknowledged(channel)
                || self.confirmations.is_acknowledged(&all(channel.kind));
            !granted && self.state.cache.received_on(channel) == 0
        };
        let mut its = has.iter().filter(|channel| channel.symbol == *symbol).peekable();
        let is_wanted = its.peek().is_some();
        let unanswered =
            if self.confirmations.has_acknowledgements() { its.any(silent) } else { its.all(silent) };
        if is_wanted && unanswered {
            self.state.unanswered.report(symbol);
        }
    }
}

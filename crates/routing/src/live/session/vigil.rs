//! Watches over the rhythm of every channel, and has those in doubt looked up.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use market_backbone_core::{Channel, StreamKind, Symbol, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::{Instant, sleep, timeout};

use super::pulse::Pulse;
use crate::live::probe::{Probe, is_behind};
use crate::live::state::State;

/// One look-up asks about this many markets at the most: what one request can name.
const MARKETS: usize = 100;
/// So many markets are asked about where all are followed under one name.
const SPEAKERS: usize = 20;
/// How long a look-up may take.
const WITHIN: Duration = Duration::from_secs(15);

/// What became of the channels that were looked up.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The venue has something newer: they are dead.
    pub(super) dead: Vec<Channel>,
    /// The venue has nothing newer.
    pub(super) quiet: Vec<Channel>,
}

/// What a look-up asked about, and what it was told.
type Answer = (Vec<Channel>, Vec<(Symbol, Timestamp)>);

/// Who watches.
#[derive(Default)]
pub(super) struct Vigil {
    pulses: FxHashMap<Channel, Pulse>,
    /// The channels that were found dead, asked for anew and not heard since.
    asked_again: FxHashSet<Channel>,
    last_round: Option<Instant>,
    round: Option<BoxFuture<'static, Option<Answer>>>,
}

impl Vigil {
    /// Looks at all `channels` of a connection; returns those in doubt. `in_silence` says that none of them speaks.
    pub(super) fn look(
        &mut self,
        state: &State,
        channels: &[Channel],
        in_silence: bool,
        now: Instant,
    ) -> Vec<Channel> {
        let config = &state.config.liveness;
        let mut doubtful = Vec::new();
        for channel in channels {
            let mark = state.cache.heard_at(channel);
            let pulse = self.pulses.entry(channel.clone()).or_insert_with(|| Pulse::new(mark, now));
            if pulse.look(mark, now) {
                self.asked_again.remove(channel);
            }
            // A band is silent while prices rest, which no look-up would explain.
            let has_rhythm = channel.kind != StreamKind::Band;
            // Of a channel never heard nothing can be said but that; it is reported as unanswered.
            if mark != 0 && (in_silence || has_rhythm && pulse.in_doubt(now, config)) {
                if channel.symbol.is_any() {
                    // Nobody can be asked about all; those that spoke last speak for them.
                    doubtful.extend(state.cache.unnamed_lately(channel.kind, SPEAKERS));
                } else {
                    doubtful.push(channel.clone());
                }
            }
        }
        doubtful
    }

    /// Forgets all channels but these.
    pub(super) fn retain(&mut self, wanted: &[Channel]) {
        let is_wanted = |channel: &Channel| wanted.binary_search(channel).is_ok();
        self.pulses.retain(|channel, _| is_wanted(channel));
        self.asked_again.retain(is_wanted);
    }

    /// The rhythm of channels that are asked for on a fresh connection begins anew.
    pub(super) fn restart(&mut self, channels: &[Channel], now: Instant) {
        for channel in channels {
            if let Some(pulse) = self.pulses.get_mut(channel) {
                pulse.restart(now);
            }
        }
    }

    /// Begins to look up what is in doubt, unless that is under way or was done a moment ago.
    pub(super) fn look_up(&mut self, state: &State, mut doubtful: Vec<Channel>, now: Instant) {
        let Some(probe) = state.probe() else { return };
        let config = &state.config.liveness;
        let lately = self.last_round.is_some_and(|last| now - last < config.probe_every);
        if doubtful.is_empty() || lately || self.round.is_some() {
            return;
        }
        // The most talkative first: they say most about a connection.
        doubtful.sort_by_cached_key(|channel| self.pulses.get(channel).map(|pulse| pulse.limit(config)));
        let mut symbols: Vec<Symbol> = Vec::new();
        doubtful.retain(|channel| {
            let named = symbols.contains(&channel.symbol);
            let room = named || symbols.len() < MARKETS;
            if room && !named {
                symbols.push(channel.symbol.clone());
            }
            room
        });
        tracing::debug!(channels = doubtful.len(), markets = symbols.len(), "looking up what is silent");
        self.last_round = Some(now);
        self.round = Some(ask(probe, doubtful, symbols, config.grace).boxed());
        state.counters.probes.add(1);
    }

    /// Waits for the verdict on what is being looked up; for ever, if nothing is. May be dropped and called again.
    pub(super) async fn verdict(&mut self, state: &State) -> Verdict {
        let Some(round) = &mut self.round else { return std::future::pending().await };
        let answer = round.await;
        self.round = None;
        let mut verdict = Verdict::default();
        let Some((channels, traded)) = answer else { return verdict };
        for channel in channels {
            let of_it = traded.iter().find(|(symbol, _)| *symbol == channel.symbol);
            let now = state.clock.now();
            let behind = of_it.and_then(|(_, traded)| is_behind(&state.cache, &channel, *traded, now));
            let channel = if self.pulses.contains_key(&channel) { channel } else { all_like(&channel) };
            match behind {
                Some(true) if !verdict.dead.contains(&channel) => verdict.dead.push(channel),
                Some(false) if !verdict.quiet.contains(&channel) => verdict.quiet.push(channel),
                _ => {}
            }
        }
        for channel in &verdict.quiet {
            if let Some(pulse) = self.pulses.get_mut(channel) {
                pulse.be_patient();
            }
        }
        verdict
    }

    /// These are asked for anew at `now`; whether any was before, and has not spoken since.
    pub(super) fn ask_again(&mut self, channels: &[Channel], now: Instant) -> bool {
        self.restart(channels, now);
        let known = channels.iter().any(|channel| self.asked_again.contains(channel));
        self.asked_again.extend(channels.iter().cloned());
        known
    }
}

/// The channel of all markets that includes this one.
fn all_like(channel: &Channel) -> Channel {
    Channel { symbol: Symbol::any(channel.symbol.venue()), kind: channel.kind }
}

/// Asks, and gives what the venue has the time to arrive over the socket too.
async fn ask(
    probe: Arc<dyn Probe>,
    channels: Vec<Channel>,
    symbols: Vec<Symbol>,
    grace: Duration,
) -> Option<Answer> {
    match timeout(WITHIN, probe.last_traded(&symbols)).await {
        Ok(Ok(traded)) => {
            sleep(grace).await;
            Some((channels, traded))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "cannot look up what is silent");
            None
        }
        Err(_) => None,
    }
}

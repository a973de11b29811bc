//! Watches over the rhythm of every channel, and has those in doubt looked up.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use market_backbone_core::{Channel, StreamKind, Symbol, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::{Instant, sleep, timeout};

use super::channel_cadence::ChannelCadence;
use crate::live::probe::{Probe, is_behind};
use crate::live::state::LiveState;

/// One look-up asks about this many markets at the most: what one request can name.
const MAX_PROBED_MARKETS: usize = 100;
/// So many markets are asked about where all are followed under one name.
const WILDCARD_SAMPLE: usize = 20;
/// How long a look-up may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);

/// What became of the channels that were looked up.
#[derive(Debug, Default)]
pub(super) struct ProbeResult {
    /// The venue has something newer: they are dead.
    pub(super) dead: Vec<Channel>,
    /// The venue has nothing newer.
    pub(super) quiet: Vec<Channel>,
}

/// What a look-up asked about, and what it was told.
type ProbeAnswer = (Vec<Channel>, Vec<(Symbol, Timestamp)>);

/// Who watches.
#[derive(Default)]
pub(super) struct LivenessMonitor {
    cadences: FxHashMap<Channel, ChannelCadence>,
    /// The channels that were found dead, asked for anew and not heard since.
    resubscribed: FxHashSet<Channel>,
    last_probe: Option<Instant>,
    probe: Option<BoxFuture<'static, Option<ProbeAnswer>>>,
}

impl LivenessMonitor {
    /// Looks at all `channels` of a connection; returns those in doubt. `in_silence` says that none of them speaks.
    pub(super) fn find_overdue(
        &mut self,
        state: &LiveState,
        channels: &[Channel],
        in_silence: bool,
        now: Instant,
    ) -> Vec<Channel> {
        let config = &state.config.liveness;
        let mut doubtful = Vec::new();
        for channel in channels {
            let mark = state.cache.received_at_millis(channel);
            let pulse =
                self.cadences.entry(channel.clone()).or_insert_with(|| ChannelCadence::new(mark, now));
            if pulse.observe(mark, now) {
                self.resubscribed.remove(channel);
            }
            // A band is silent while prices rest, which no look-up would explain.
            let has_rhythm = channel.kind != StreamKind::Band;
            // Of a channel never heard nothing can be said but that; it is reported as unanswered.
            if mark != 0 && (in_silence || has_rhythm && pulse.is_overdue(now, config)) {
                if channel.symbol.is_any() {
                    // Nobody can be asked about all; those that spoke last speak for them.
                    doubtful.extend(state.cache.recent_wildcard_channels(channel.kind, WILDCARD_SAMPLE));
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
        self.cadences.retain(|channel, _| is_wanted(channel));
        self.resubscribed.retain(is_wanted);
    }

    /// The rhythm of channels that are asked for on a fresh connection begins anew.
    pub(super) fn restart(&mut self, channels: &[Channel], now: Instant) {
        for channel in channels {
            if let Some(pulse) = self.cadences.get_mut(channel) {
                pulse.restart(now);
            }
        }
    }

    /// Begins to look up what is in doubt, unless that is under way or was done a moment ago.
    pub(super) fn start_probe(&mut self, state: &LiveState, mut doubtful: Vec<Channel>, now: Instant) {
        let Some(probe) = state.probe() else { return };
        let config = &state.config.liveness;
        let lately = self.last_probe.is_some_and(|last| now - last < config.probe_interval);
        if doubtful.is_empty() || lately || self.probe.is_some() {
            return;
        }
        // The most talkative first: they say most about a connection.
        doubtful.sort_by_cached_key(|channel| {
            self.cadences.get(channel).map(|pulse| pulse.silence_limit(config))
        });
        let mut symbols: Vec<Symbol> = Vec::new();
        doubtful.retain(|channel| {
            let named = symbols.contains(&channel.symbol);
            let room = named || symbols.len() < MAX_PROBED_MARKETS;
            if room && !named {
                symbols.push(channel.symbol.clone());
            }
            room
        });
        tracing::debug!(channels = doubtful.len(), markets = symbols.len(), "looking up what is silent");
        self.last_probe = Some(now);
        self.probe = Some(run_probe(probe, doubtful, symbols, config.delivery_grace).boxed());
        state.counters.probes.add(1);
    }

    /// Waits for the verdict on what is being looked up; for ever, if nothing is. May be dropped and called again.
    pub(super) async fn probe_result(&mut self, state: &LiveState) -> ProbeResult {
        let Some(round) = &mut self.probe else { return std::future::pending().await };
        let answer = round.await;
        self.probe = None;
        let mut verdict = ProbeResult::default();
        let Some((channels, traded)) = answer else { return verdict };
        for channel in channels {
            let of_it = traded.iter().find(|(symbol, _)| *symbol == channel.symbol);
            let now = state.clock.now();
            let behind = of_it.and_then(|(_, traded)| is_behind(&state.cache, &channel, *traded, now));
            let channel = if self.cadences.contains_key(&channel) { channel } else { wildcard_of(&channel) };
            match behind {
                Some(true) if !verdict.dead.contains(&channel) => verdict.dead.push(channel),
                Some(false) if !verdict.quiet.contains(&channel) => verdict.quiet.push(channel),
                _ => {}
            }
        }
        for channel in &verdict.quiet {
            if let Some(pulse) = self.cadences.get_mut(channel) {
                pulse.extend_patience();
            }
        }
        verdict
    }

    /// These are asked for anew at `now`; whether any was before, and has not spoken since.
    pub(super) fn mark_resubscribed(&mut self, channels: &[Channel], now: Instant) -> bool {
        self.restart(channels, now);
        let known = channels.iter().any(|channel| self.resubscribed.contains(channel));
        self.resubscribed.extend(channels.iter().cloned());
        known
    }
}

/// The channel of all markets that includes this one.
fn wildcard_of(channel: &Channel) -> Channel {
    Channel { symbol: Symbol::any(channel.symbol.venue()), kind: channel.kind }
}

/// Asks, and gives what the venue has the time to arrive over the socket too.
async fn run_probe(
    probe: Arc<dyn Probe>,
    channels: Vec<Channel>,
    symbols: Vec<Symbol>,
    grace: Duration,
) -> Option<ProbeAnswer> {
    match timeout(PROBE_TIMEOUT, probe.last_traded(&symbols)).await {
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

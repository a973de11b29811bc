//! Monitors the cadence of every channel, and probes uncertain ones.

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

/// The largest number of markets in one probe: what one request can name.
const MAX_PROBED_MARKETS: usize = 100;
/// The number of markets probed where all are followed under the wildcard.
const WILDCARD_SAMPLE: usize = 20;
/// The longest that a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(15);

/// The result of a probe.
#[derive(Debug, Default)]
pub(super) struct ProbeResult {
    /// The channels for which the venue has something newer: they are dead.
    pub(super) dead: Vec<Channel>,
    /// The channels for which the venue has nothing newer.
    pub(super) quiet: Vec<Channel>,
}

/// The probed channels, and the answer.
type ProbeAnswer = (Vec<Channel>, Vec<(Symbol, Timestamp)>);

/// The monitor of all channels.
#[derive(Default)]
pub(super) struct LivenessMonitor {
    cadences: FxHashMap<Channel, ChannelCadence>,
    /// The channels that were found dead and subscribed again, without data since.
    resubscribed: FxHashSet<Channel>,
    last_probe: Option<Instant>,
    probe: Option<BoxFuture<'static, Option<ProbeAnswer>>>,
}

impl LivenessMonitor {
    /// Checks all `channels` of a connection; returns the uncertain ones. `in_silence` says that none of them
    /// delivers.
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
            // A band is silent while prices rest, which no probe would explain.
            let has_rhythm = channel.kind != StreamKind::Band;
            // Of a channel without any data nothing else is known; it is reported as unanswered.
            if mark != 0 && (in_silence || has_rhythm && pulse.is_overdue(now, config)) {
                if channel.symbol.is_any() {
                    // Not all markets can be probed; those that were active last represent them.
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

    /// Restarts the cadence of channels that are subscribed on a fresh connection.
    pub(super) fn restart(&mut self, channels: &[Channel], now: Instant) {
        for channel in channels {
            if let Some(pulse) = self.cadences.get_mut(channel) {
                pulse.restart(now);
            }
        }
    }

    /// Starts a probe of the uncertain channels, unless one is in flight or was made a moment ago.
    pub(super) fn start_probe(&mut self, state: &LiveState, mut doubtful: Vec<Channel>, now: Instant) {
        let Some(probe) = state.probe() else { return };
        let config = &state.config.liveness;
        let lately = self.last_probe.is_some_and(|last| now - last < config.probe_interval);
        if doubtful.is_empty() || lately || self.probe.is_some() {
            return;
        }
        // The most active first: they say most about a connection.
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
        tracing::debug!(channels = doubtful.len(), markets = symbols.len(), "probing silent channels");
        self.last_probe = Some(now);
        self.probe = Some(run_probe(probe, doubtful, symbols, config.delivery_grace).boxed());
        state.counters.probes.add(1);
    }

    /// Waits for the result of the probe; for ever, if none is in flight. May be dropped and called again.
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

    /// Records that `channels` are subscribed again at `now`. Returns whether any of them was before, without
    /// data since.
    pub(super) fn mark_resubscribed(&mut self, channels: &[Channel], now: Instant) -> bool {
        self.restart(channels, now);
        let known = channels.iter().any(|channel| self.resubscribed.contains(channel));
        self.resubscribed.extend(channels.iter().cloned());
        known
    }
}

/// Returns the wildcard channel that includes this one.
fn wildcard_of(channel: &Channel) -> Channel {
    Channel { symbol: Symbol::any(channel.symbol.venue()), kind: channel.kind }
}

/// Sends the probe, then waits for data of the venue to arrive over the socket too.
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
            tracing::debug!(%error, "cannot probe silent channels");
            None
        }
        Err(_) => None,
    }
}

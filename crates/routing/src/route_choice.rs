//! Chooses the route by which a live value comes, and gives the reason.
//!
//! Hard rules come first: past data is available over REST only, and a value that the socket delivers anyway
//! is taken from the cache. Beyond those the question is whether following a market pays. It does for a
//! caller that asks every other second; it does not for one that asks once. So the gaps between the last
//! requests decide, with a hysteresis between "worth it" and "not worth it" in which the state stays as it
//! is.

mod frequency;
mod reason;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Channel, Priority};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use frequency::RequestFrequency;
pub(crate) use reason::RouteReasonCounts;
pub use reason::{Route, RouteReason};

/// The settings that say when following a market pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChoiceConfig {
    pub(crate) max_samples: usize,
    pub(crate) min_samples: usize,
    pub(crate) start_below: Duration,
    pub(crate) keep_below: Duration,
    pub(crate) idle: Duration,
    pub(crate) batch: usize,
    pub(crate) join_grace: Duration,
}

market_backbone_core::setters!(ChoiceConfig {
    /// The number of latest requests that are considered.
    #[getter(get_max_samples)]
    max_samples: usize,
    /// The smallest number of requests from which anything is concluded.
    #[getter(get_min_samples)]
    min_samples: usize,
    /// The mean gap between requests below which a market is followed.
    #[getter(get_start_below)]
    start_below: Duration,
    /// The mean gap between requests below which a followed market stays followed.
    #[getter(get_keep_below)]
    keep_below: Duration,
    /// The time without a request after which a market is no longer followed.
    #[getter(get_idle)]
    idle: Duration,
    /// The number of markets at which an urgent request counts as a screener's: they are followed from the
    /// first request on.
    #[getter(get_batch)]
    batch: usize,
    /// The time after the start of a subscription for which its first value is waited for, where that saves a
    /// request.
    #[getter(get_join_grace)]
    join_grace: Duration,
});

impl Default for ChoiceConfig {
    fn default() -> Self {
        Self {
            max_samples: 20,
            min_samples: 3,
            start_below: Duration::from_secs(2),
            keep_below: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            batch: 20,
            join_grace: Duration::from_secs(2),
        }
    }
}

/// The state of a market at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FollowState {
    /// The market is not worth following.
    Rare,
    /// The market has been followed for a while.
    Followed,
    /// The market has been followed since a moment ago.
    Joining,
    /// The market is followed from now on.
    Starting,
}

impl From<FollowState> for RouteReason {
    /// Returns why REST is asked for a market in this state that the socket does not deliver.
    fn from(standing: FollowState) -> Self {
        match standing {
            FollowState::Rare => Self::Rare,
            FollowState::Followed | FollowState::Joining => Self::NotDelivering,
            FollowState::Starting => Self::Starting,
        }
    }
}

/// Records how often each channel is requested. `F` keeps a channel followed as long as it lives.
pub(crate) struct RouteChooser<F> {
    config: ChoiceConfig,
    histories: Mutex<FxHashMap<Channel, RequestHistory<F>>>,
}

struct RequestHistory<F> {
    times: VecDeque<Instant>,
    /// The start of following, and its guard.
    follow: Option<(Instant, F)>,
}

impl<F> RequestHistory<F> {
    fn follow_state(&self, now: Instant, config: &ChoiceConfig) -> FollowState {
        match &self.follow {
            None => FollowState::Rare,
            Some((since, _)) if now - *since < config.join_grace => FollowState::Joining,
            Some(_) => FollowState::Followed,
        }
    }
}

impl<F> RouteChooser<F> {
    pub(crate) fn new(config: ChoiceConfig) -> Self {
        Self { config, histories: Mutex::default() }
    }

    /// Records a request for `channel`, and follows it if that pays.
    pub(crate) fn record_request(
        &self,
        channel: &Channel,
        now: Instant,
        follow: impl FnOnce() -> F,
    ) -> FollowState {
        let mut habits = self.lock();
        let habit = history_mut(&mut habits, channel);
        push_time(habit, now, &self.config);
        match (RequestFrequency::of(&habit.times, &self.config), habit.follow.is_some()) {
            (Some(RequestFrequency::Often), false) => {
                habit.follow = Some((now, follow()));
                FollowState::Starting
            }
            (Some(RequestFrequency::Rare), true) => {
                habit.follow = None;
                FollowState::Rare
            }
            _ => habit.follow_state(now, &self.config),
        }
    }

    /// Records a request for `channel`, which is followed however rare its requests are.
    pub(crate) fn force_follow(
        &self,
        channel: &Channel,
        now: Instant,
        follow: impl FnOnce() -> F,
    ) -> FollowState {
        let mut habits = self.lock();
        let habit = history_mut(&mut habits, channel);
        if habit.times.back() != Some(&now) {
            push_time(habit, now, &self.config);
        }
        if habit.follow.is_some() {
            return habit.follow_state(now, &self.config);
        }
        habit.follow = Some((now, follow()));
        FollowState::Starting
    }

    /// Returns whether a request for so many channels at this priority is a screener's.
    pub(crate) fn is_batch(&self, channels: usize, priority: Priority) -> bool {
        priority <= Priority::High && channels >= self.config.batch
    }

    /// Stops following channels without recent requests.
    pub(crate) fn sweep(&self, now: Instant) {
        let idle = self.config.idle;
        self.lock().retain(|_, habit| habit.times.back().is_some_and(|last| now - *last < idle));
    }

    /// Stops following all channels.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Returns the number of followed channels.
    pub(crate) fn followed(&self) -> usize {
        self.lock().values().filter(|habit| habit.follow.is_some()).count()
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Channel, RequestHistory<F>>> {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn history_mut<'a, F>(
    habits: &'a mut FxHashMap<Channel, RequestHistory<F>>,
    channel: &Channel,
) -> &'a mut RequestHistory<F> {
    habits.entry(channel.clone()).or_insert_with(|| RequestHistory { times: VecDeque::new(), follow: None })
}

fn push_time<F>(habit: &mut RequestHistory<F>, now: Instant, config: &ChoiceConfig) {
    if habit.times.len() >= config.max_samples.max(1) {
        habit.times.pop_front();
    }
    habit.times.push_back(now);
}

impl<F> fmt::Debug for RouteChooser<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chooser").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use market_backbone_core::{StreamKind, Symbol, VenueId};

    use super::*;

    fn channel() -> Channel {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        Channel { symbol, kind: StreamKind::Ticker }
    }

    fn ask(
        chooser: &RouteChooser<Arc<()>>,
        start: Instant,
        secs: impl IntoIterator<Item = u64>,
    ) -> Vec<FollowState> {
        let at = |secs| start + Duration::from_secs(secs);
        secs.into_iter().map(|secs| chooser.record_request(&channel(), at(secs), Arc::default)).collect()
    }

    #[test]
    fn who_asks_every_second_is_served_by_following_from_the_third_time_on() {
        let chooser = RouteChooser::new(ChoiceConfig::default());
        let seen = ask(&chooser, Instant::now(), 0..5);
        use FollowState::{Followed, Joining, Rare, Starting};
        assert_eq!(seen, [Rare, Rare, Starting, Joining, Followed]);
    }

    #[test]
    fn between_often_and_rarely_things_stay_as_they_are() {
        let start = Instant::now();
        let never = RouteChooser::new(ChoiceConfig::default());
        assert!(ask(&never, start, (0..10).map(|i| i * 5)).iter().all(|seen| *seen == FollowState::Rare));
        let already = RouteChooser::new(ChoiceConfig::default());
        ask(&already, start, 0..3);
        assert!(
            ask(&already, start, (1..10).map(|i| i * 5)).iter().all(|seen| *seen == FollowState::Followed)
        );
    }

    #[test]
    fn who_asks_rarely_is_not_followed_any_more() {
        let start = Instant::now();
        let chooser = RouteChooser::new(ChoiceConfig::default());
        ask(&chooser, start, 0..3);
        assert_eq!(chooser.followed(), 1);
        ask(&chooser, start, (1..30).map(|i| i * 15));
        assert_eq!(chooser.followed(), 0);
    }

    #[test]
    fn an_idle_follow_ends_after_its_time() {
        let start = Instant::now();
        let chooser = RouteChooser::new(ChoiceConfig::default());
        let guard = Arc::new(());
        assert_eq!(chooser.force_follow(&channel(), start, || Arc::clone(&guard)), FollowState::Starting);
        chooser.sweep(start + Duration::from_secs(29));
        assert_eq!(Arc::strong_count(&guard), 2);
        chooser.sweep(start + Duration::from_secs(30));
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}

//! Which channel a live value comes by, and why.
//!
//! Hard rules come first: history is had over REST alone, and a value that the socket delivers anyway is
//! taken from its memory. Beyond those the question is whether following a market pays: it does for who
//! asks every other second, it does not for who asks once. So the gaps between the last requests decide,
//! with a stretch between "worth it" and "not worth it" in which things stay as they are.

mod frequency;
mod reason;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use market_backbone_core::{Channel, Priority};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use frequency::Frequency;
pub(crate) use reason::Tally;
pub use reason::{Reason, Route};

/// When following a market pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChoiceConfig {
    /// How many of the latest requests are looked at.
    pub requests: usize,
    /// With fewer than these nothing is concluded.
    pub at_least: usize,
    /// A smaller mean gap than this is worth following.
    pub often: Duration,
    /// A smaller mean gap than this is worth staying with.
    pub sometimes: Duration,
    /// A market nobody asked for in this long is not followed any more.
    pub idle: Duration,
    /// Who asks for so many markets at once and urgently is a screener, and will ask again: they are followed
    /// from the first time on.
    pub batch: usize,
    /// How long after it was begun to be followed a market may be waited for, where that saves a request.
    pub joining: Duration,
}

impl Default for ChoiceConfig {
    fn default() -> Self {
        Self {
            requests: 20,
            at_least: 3,
            often: Duration::from_secs(2),
            sometimes: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            batch: 20,
            joining: Duration::from_secs(2),
        }
    }
}

/// What a request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Not worth following.
    Rare,
    /// Followed for a while already.
    Followed,
    /// Followed since a moment ago.
    Joining,
    /// Followed from now on.
    Starting,
}

impl From<Standing> for Reason {
    /// Why REST is asked for something that stands so and is not delivered.
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Rare => Self::Rare,
            Standing::Followed | Standing::Joining => Self::NotDelivering,
            Standing::Starting => Self::Starting,
        }
    }
}

/// Watches who asks for what how often. `F` keeps a channel followed as long as it lives.
pub(crate) struct Chooser<F> {
    config: ChoiceConfig,
    habits: Mutex<FxHashMap<Channel, Habit<F>>>,
}

struct Habit<F> {
    asked: VecDeque<Instant>,
    /// Since when.
    follow: Option<(Instant, F)>,
}

impl<F> Habit<F> {
    fn standing(&self, now: Instant, config: &ChoiceConfig) -> Standing {
        match &self.follow {
            None => Standing::Rare,
            Some((since, _)) if now - *since < config.joining => Standing::Joining,
            Some(_) => Standing::Followed,
        }
    }
}

impl<F> Chooser<F> {
    pub(crate) fn new(config: ChoiceConfig) -> Self {
        Self { config, habits: Mutex::default() }
    }

    /// Takes note of a request for `channel`, and follows it if that pays.
    pub(crate) fn asked(&self, channel: &Channel, now: Instant, follow: impl FnOnce() -> F) -> Standing {
        let mut habits = self.lock();
        let habit = habit(&mut habits, channel);
        note(habit, now, &self.config);
        match (Frequency::of(&habit.asked, &self.config), habit.follow.is_some()) {
            (Some(Frequency::Often), false) => {
                habit.follow = Some((now, follow()));
                Standing::Starting
            }
            (Some(Frequency::Rare), true) => {
                habit.follow = None;
                Standing::Rare
            }
            _ => habit.standing(now, &self.config),
        }
    }

    /// Takes note of a request for `channel`, which is followed however seldom that happens.
    pub(crate) fn insist(&self, channel: &Channel, now: Instant, follow: impl FnOnce() -> F) -> Standing {
        let mut habits = self.lock();
        let habit = habit(&mut habits, channel);
        if habit.asked.back() != Some(&now) {
            note(habit, now, &self.config);
        }
        if habit.follow.is_some() {
            return habit.standing(now, &self.config);
        }
        habit.follow = Some((now, follow()));
        Standing::Starting
    }

    /// Whether who asks for so many so urgently is a screener.
    pub(crate) fn is_batch(&self, channels: usize, priority: Priority) -> bool {
        priority <= Priority::High && channels >= self.config.batch
    }

    /// Stops following what nobody has asked for lately.
    pub(crate) fn sweep(&self, now: Instant) {
        let idle = self.config.idle;
        self.lock().retain(|_, habit| habit.asked.back().is_some_and(|last| now - *last < idle));
    }

    /// Stops following anything.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// How many channels are followed.
    pub(crate) fn followed(&self) -> usize {
        self.lock().values().filter(|habit| habit.follow.is_some()).count()
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Channel, Habit<F>>> {
        self.habits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn habit<'a, F>(habits: &'a mut FxHashMap<Channel, Habit<F>>, channel: &Channel) -> &'a mut Habit<F> {
    habits.entry(channel.clone()).or_insert_with(|| Habit { asked: VecDeque::new(), follow: None })
}

fn note<F>(habit: &mut Habit<F>, now: Instant, config: &ChoiceConfig) {
    if habit.asked.len() >= config.requests.max(1) {
        habit.asked.pop_front();
    }
    habit.asked.push_back(now);
}

impl<F> fmt::Debug for Chooser<F> {
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

    fn ask(chooser: &Chooser<Arc<()>>, start: Instant, secs: impl IntoIterator<Item = u64>) -> Vec<Standing> {
        let at = |secs| start + Duration::from_secs(secs);
        secs.into_iter().map(|secs| chooser.asked(&channel(), at(secs), Arc::default)).collect()
    }

    #[test]
    fn who_asks_every_second_is_served_by_following_from_the_third_time_on() {
        let chooser = Chooser::new(ChoiceConfig::default());
        let seen = ask(&chooser, Instant::now(), 0..5);
        use Standing::{Followed, Joining, Rare, Starting};
        assert_eq!(seen, [Rare, Rare, Starting, Joining, Followed]);
    }

    #[test]
    fn between_often_and_rarely_things_stay_as_they_are() {
        let start = Instant::now();
        let never = Chooser::new(ChoiceConfig::default());
        assert!(ask(&never, start, (0..10).map(|i| i * 5)).iter().all(|seen| *seen == Standing::Rare));
        let already = Chooser::new(ChoiceConfig::default());
        ask(&already, start, 0..3);
        assert!(ask(&already, start, (1..10).map(|i| i * 5)).iter().all(|seen| *seen == Standing::Followed));
    }

    #[test]
    fn who_asks_rarely_is_not_followed_any_more() {
        let start = Instant::now();
        let chooser = Chooser::new(ChoiceConfig::default());
        ask(&chooser, start, 0..3);
        assert_eq!(chooser.followed(), 1);
        ask(&chooser, start, (1..30).map(|i| i * 15));
        assert_eq!(chooser.followed(), 0);
    }

    #[test]
    fn an_idle_follow_ends_after_its_time() {
        let start = Instant::now();
        let chooser = Chooser::new(ChoiceConfig::default());
        let guard = Arc::new(());
        assert_eq!(chooser.insist(&channel(), start, || Arc::clone(&guard)), Standing::Starting);
        chooser.sweep(start + Duration::from_secs(29));
        assert_eq!(Arc::strong_count(&guard), 2);
        chooser.sweep(start + Duration::from_secs(30));
        assert_eq!(Arc::strong_count(&guard), 1);
    }
}

//! Those who wait for a turn, and who of them is next.

use std::collections::VecDeque;
use std::sync::Arc;

use market_backbone_core::Priority;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::LimiterConfig;

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: u64,
    pub(super) since: Instant,
    pub(super) alarm: Arc<Notify>,
}

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextWaiter {
    pub(super) id: u64,
    pub(super) priority: Priority,
    /// Overtakes others because it has waited too long.
    starving: bool,
}

/// The line: one row for each class.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    queues: [VecDeque<Waiter>; Priority::ALL.len()],
    // Turns in a row that passed over somebody starving.
    passed_over: u32,
}

impl WaitQueue {
    pub(super) fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// How many turns will be given before one of `priority` that joined at `now` has had `requests`, at most.
    pub(super) fn ahead(
        &self,
        priority: Priority,
        requests: u64,
        now: Instant,
        config: &LimiterConfig,
    ) -> u64 {
        let ahead: usize = self.queues[..=priority as usize].iter().map(VecDeque::len).sum();
        let overtaken = self.starving(now, priority, config).is_some();
        let others = u64::from(config.starving_every).saturating_sub(1).max(1);
        let for_the_starving = if overtaken { (ahead as u64 + requests).div_ceil(others) } else { 0 };
        ahead as u64 + for_the_starving
    }

    /// How many turns it takes until the one with this id has one, its own included.
    pub(super) fn position(&self, id: u64, priority: Priority) -> Option<u64> {
        let row = &self.queues[priority as usize];
        let place = row.binary_search_by_key(&id, |waiter| waiter.id).ok()?;
        let before: usize = self.queues[..priority as usize].iter().map(VecDeque::len).sum();
        Some((before + place + 1) as u64)
    }

    pub(super) fn push(&mut self, priority: Priority, waiter: Waiter) {
        self.queues[priority as usize].push_back(waiter);
    }

    /// Takes somebody out of the line; `false` if they are not in it.
    pub(super) fn remove(&mut self, id: u64) -> bool {
        for row in &mut self.queues {
            // Ids rise along a row.
            if let Ok(place) = row.binary_search_by_key(&id, |waiter| waiter.id) {
                row.remove(place);
                return true;
            }
        }
        false
    }

    /// Everybody; the line is empty then.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> + '_ {
        self.queues.iter_mut().flat_map(|row| row.drain(..))
    }

    /// Who is next at `now`, and who is if there is no room for them: somebody starving must not hold up the
    /// urgent, who may have room that is kept for them alone.
    pub(super) fn next(&self, now: Instant, config: &LimiterConfig) -> [Option<NextWaiter>; 2] {
        let first = Priority::ALL.into_iter().find_map(|priority| self.head(priority, false));
        let starving = first
            .filter(|_| self.passed_over + 1 >= config.starving_every)
            .and_then(|first| self.starving(now, first.priority, config));
        [starving, first]
    }

    /// The one behind `priority` who has waited longest beyond their class's bound.
    fn starving(&self, now: Instant, priority: Priority, config: &LimiterConfig) -> Option<NextWaiter> {
        let overdue = |class: &Priority| {
            let waiter = self.queues[*class as usize].front()?;
            (now - waiter.since).checked_sub(config.starvation_bound(*class)?)
        };
        let behind = Priority::ALL.into_iter().filter(|class| *class > priority);
        let class = behind.filter(|class| overdue(class).is_some()).max_by_key(overdue)?;
        self.head(class, true)
    }

    fn head(&self, priority: Priority, starving: bool) -> Option<NextWaiter> {
        let waiter = self.queues[priority as usize].front()?;
        Some(NextWaiter { id: waiter.id, priority, starving })
    }

    /// Takes `next` out of the line to be served at `now`.
    pub(super) fn pop(&mut self, next: NextWaiter, now: Instant, config: &LimiterConfig) -> Option<Waiter> {
        let waiter = self.queues[next.priority as usize].pop_front();
        let passes_over = !next.starving && self.starving(now, next.priority, config).is_some();
        self.passed_over = if passes_over { self.passed_over.saturating_add(1) } else { 0 };
        waiter
    }

    /// The alarm of the one whose id this is, if at the head of a row.
    pub(super) fn alarm(&self, next: NextWaiter) -> Option<&Notify> {
        self.queues[next.priority as usize].front().map(|waiter| &*waiter.alarm)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn line(start: Instant, waiters: &[(u64, Priority)]) -> WaitQueue {
        let mut line = WaitQueue::default();
        for (id, priority) in waiters {
            line.push(*priority, Waiter { id: *id, since: start, alarm: Arc::default() });
        }
        line
    }

    fn order(line: &mut WaitQueue, now: Instant, config: &LimiterConfig) -> Vec<u64> {
        std::iter::from_fn(|| {
            let next = line.next(now, config).into_iter().flatten().next()?;
            line.pop(next, now, config).map(|waiter| waiter.id)
        })
        .collect()
    }

    #[test]
    fn the_urgent_go_first_and_within_a_class_who_came_first() {
        use Priority::{Critical, High, Low, Normal};
        let start = Instant::now();
        let mut line = line(start, &[(0, Low), (1, Normal), (2, High), (3, Normal), (4, Critical)]);
        assert_eq!(order(&mut line, start, &LimiterConfig::default()), [4, 2, 1, 3, 0]);
    }

    #[test]
    fn every_tenth_turn_goes_to_one_who_starves() {
        let start = Instant::now();
        let mut waiters = vec![(0, Priority::Low), (1, Priority::Low)];
        waiters.extend((2..40).map(|id| (id, Priority::Critical)));
        let mut line = line(start, &waiters);
        let served = order(&mut line, start + Duration::from_secs(6), &LimiterConfig::default());
        let places: Vec<_> = [0, 1].iter().map(|id| served.iter().position(|found| found == id)).collect();
        assert_eq!(places, [Some(9), Some(19)]);
    }

    #[test]
    fn nobody_starves_before_their_bound() {
        let start = Instant::now();
        let mut waiters = vec![(0, Priority::Low)];
        waiters.extend((1..40).map(|id| (id, Priority::High)));
        let mut line = line(start, &waiters);
        let served = order(&mut line, start + Duration::from_secs(4), &LimiterConfig::default());
        assert_eq!(served.last(), Some(&0));
    }

    #[test]
    fn who_leaves_is_gone() {
        let start = Instant::now();
        let mut line = line(start, &[(0, Priority::Low), (1, Priority::Low), (2, Priority::Low)]);
        assert!(line.remove(1) && !line.remove(1));
        assert_eq!(order(&mut line, start, &LimiterConfig::default()), [0, 2]);
    }
}

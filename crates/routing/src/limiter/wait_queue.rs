//! The queue of requests that wait for a permit, and the order in which they get one.

use std::collections::VecDeque;
use std::sync::Arc;

use market_backbone_core::Priority;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::LimiterConfig;
use super::estimate::Workload;

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: u64,
    pub(super) weight: u32,
    pub(super) since: Instant,
    pub(super) alarm: Arc<Notify>,
}

/// The request that is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NextWaiter {
    pub(super) id: u64,
    pub(super) weight: u32,
    pub(super) priority: Priority,
    /// True if it overtakes others because it has waited too long.
    starving: bool,
}

/// The queue: one row for each priority, first come first served within a row.
///
/// A heavy request at the head of its row is not overtaken by lighter ones behind it, or it might never leave.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    queues: [VecDeque<Waiter>; Priority::ALL.len()],
    // The number of permits in a row that passed over a starving request.
    passed_over: u32,
}

impl WaitQueue {
    pub(super) fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    /// Returns at most how much work there is until one of `priority` that joined at `now` has had `requests`
    /// of `weight` each.
    pub(super) fn work_until(
        &self,
        priority: Priority,
        (requests, weight): (u64, u32),
        now: Instant,
        config: &LimiterConfig,
    ) -> Workload {
        let ahead = self.weights(..=priority as usize);
        let overtaken = self.starving(now, priority, config).is_some();
        let others = u64::from(config.starving_every).saturating_sub(1).max(1);
        let for_the_starving = if overtaken { (ahead.len() as u64 + requests).div_ceil(others) } else { 0 };
        // The weights of starving requests are not looked up: they are taken to be like the others.
        Workload { ahead, requests: requests + for_the_starving, weight }
    }

    /// Returns the work until the request with this id has its permit, itself included; `None` if it does not wait.
    pub(super) fn work_before(&self, id: u64, priority: Priority) -> Option<Workload> {
        let row = &self.queues[priority as usize];
        let place = row.binary_search_by_key(&id, |waiter| waiter.id).ok()?;
        let mut ahead = self.weights(..priority as usize);
        ahead.extend(row.range(..place).map(|waiter| waiter.weight));
        Some(Workload { ahead, requests: 1, weight: row[place].weight })
    }

    fn weights<R>(&self, rows: R) -> Vec<u32>
    where
        R: std::slice::SliceIndex<[VecDeque<Waiter>], Output = [VecDeque<Waiter>]>,
    {
        self.queues[rows].iter().flatten().map(|waiter| waiter.weight).collect()
    }

    pub(super) fn push(&mut self, priority: Priority, waiter: Waiter) {
        self.queues[priority as usize].push_back(waiter);
    }

    /// Removes a request from the queue; `false` if it is not in it.
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

    /// Removes all requests.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiter> + '_ {
        self.queues.iter_mut().flat_map(|row| row.drain(..))
    }

    /// Returns the request that is next at `now`, and the one that is next if there is no room for the first: a starving
    /// request must not hold up an urgent one, for which room may be reserved.
    pub(super) fn next(&self, now: Instant, config: &LimiterConfig) -> [Option<NextWaiter>; 2] {
        let first = Priority::ALL.into_iter().find_map(|priority| self.head(priority, false));
        let starving = first
            .filter(|_| self.passed_over + 1 >= config.starving_every)
            .and_then(|first| self.starving(now, first.priority, config));
        [starving, first]
    }

    /// Returns the request behind `priority` that has waited longest beyond the bound of its priority.
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
        Some(NextWaiter { id: waiter.id, weight: waiter.weight, priority, starving })
    }

    /// Removes `next` from the queue to be served at `now`.
    pub(super) fn pop(&mut self, next: NextWaiter, now: Instant, config: &LimiterConfig) -> Option<Waiter> {
        let waiter = self.queues[next.priority as usize].pop_front();
        let passes_over = !next.starving && self.starving(now, next.priority, config).is_some();
        self.passed_over = if passes_over { self.passed_over.saturating_add(1) } else { 0 };
        waiter
    }

    /// Returns the alarm of this request, which is at the head of its row.
    pub(super) fn alarm(&self, next: NextWaiter) -> Option<&Notify> {
        self.queues[next.priority as usize].front().map(|waiter| &*waiter.alarm)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue_of(start: Instant, waiters: &[(u64, Priority)]) -> WaitQueue {
        let mut queue = WaitQueue::default();
        for (id, priority) in waiters {
            queue.push(*priority, Waiter { id: *id, weight: 1, since: start, alarm: Arc::default() });
        }
        queue
    }

    fn order(queue: &mut WaitQueue, now: Instant, config: &LimiterConfig) -> Vec<u64> {
        std::iter::from_fn(|| {
            let next = queue.next(now, config).into_iter().flatten().next()?;
            queue.pop(next, now, config).map(|waiter| waiter.id)
        })
        .collect()
    }

    #[test]
    fn the_urgent_go_first_and_within_a_class_who_came_first() {
        use Priority::{Critical, High, Low, Normal};
        let start = Instant::now();
        let mut queue = queue_of(start, &[(0, Low), (1, Normal), (2, High), (3, Normal), (4, Critical)]);
        assert_eq!(order(&mut queue, start, &LimiterConfig::default()), [4, 2, 1, 3, 0]);
    }

    #[test]
    fn every_tenth_permit_goes_to_one_who_starves() {
        let start = Instant::now();
        let mut waiters = vec![(0, Priority::Low), (1, Priority::Low)];
        waiters.extend((2..40).map(|id| (id, Priority::Critical)));
        let mut queue = queue_of(start, &waiters);
        let served = order(&mut queue, start + Duration::from_secs(6), &LimiterConfig::default());
        let places: Vec<_> = [0, 1].iter().map(|id| served.iter().position(|found| found == id)).collect();
        assert_eq!(places, [Some(9), Some(19)]);
    }

    #[test]
    fn nobody_starves_before_their_bound() {
        let start = Instant::now();
        let mut waiters = vec![(0, Priority::Low)];
        waiters.extend((1..40).map(|id| (id, Priority::High)));
        let mut queue = queue_of(start, &waiters);
        let served = order(&mut queue, start + Duration::from_secs(4), &LimiterConfig::default());
        assert_eq!(served.last(), Some(&0));
    }

    #[test]
    fn who_leaves_is_gone() {
        let start = Instant::now();
        let mut queue = queue_of(start, &[(0, Priority::Low), (1, Priority::Low), (2, Priority::Low)]);
        assert!(queue.remove(1) && !queue.remove(1));
        assert_eq!(order(&mut queue, start, &LimiterConfig::default()), [0, 2]);
    }

    #[test]
    fn what_comes_before_is_reported_with_its_weight() {
        let start = Instant::now();
        let mut queue = WaitQueue::default();
        for (id, weight, priority) in [
            (1, 5, Priority::Normal),
            (2, 7, Priority::Low),
            (3, 2, Priority::Critical),
            (4, 3, Priority::Normal),
        ] {
            queue.push(priority, Waiter { id, weight, since: start, alarm: Arc::default() });
        }
        let load = |ahead: &[u32], requests, weight| Workload { ahead: ahead.to_vec(), requests, weight };
        assert_eq!(queue.work_before(4, Priority::Normal), Some(load(&[2, 5], 1, 3)));
        assert_eq!(queue.work_before(9, Priority::Normal), None);
        let config = LimiterConfig::default();
        assert_eq!(queue.work_until(Priority::High, (9, 4), start, &config), load(&[2], 9, 4));
        assert_eq!(queue.work_until(Priority::Normal, (9, 4), start, &config), load(&[2, 5, 3], 9, 4));
        // The LOW one starves after a while, and gets every tenth permit.
        let later = start + Duration::from_secs(6);
        assert_eq!(queue.work_until(Priority::High, (9, 4), later, &config), load(&[2], 11, 4));
    }
}

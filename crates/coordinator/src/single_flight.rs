//! Identical pages under way share one request, and one that has landed serves every query that was put before it landed.
//!
//! The latter because equal questions put at once do not stay in step: one has its first page stored and asks for the
//! second while another is still storing the first, and then finds the second landed already. Or one looks at what is
//! stored just before what the other has fetched is, which is why who looks first says when the question was
//! put ([`CandleQuery::put`]). A query that was put later asks for itself: what it is told was observed after it was put.
//!
//! [`CandleQuery::put`]: market_backbone_core::CandleQuery::put
//!
//! The work belongs to whoever waits for it: each waiter holds the shared future and polls it, the table holds
//! it weakly. So it goes on as long as anybody waits, ends with the last of them, and no task is left behind.
//! The table is bounded by the pages under way: an entry goes when its future does; what has landed, by [`MAX_RECENT_PAGES`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use market_backbone_core::{
    CandlePage, CandlePageRequest, PageSource, Priority, SourceError, SourceErrorKind, Timestamp,
};
use rustc_hash::FxHashMap;

use crate::metrics::CoordinatorCounters;

/// How many landed pages are kept,
const MAX_RECENT_PAGES: usize = 64;
/// and how many rows of them, at some 70 bytes each: pages of some venues are large.
const MAX_RECENT_ROWS: usize = 100_000;

/// What is asked. The slot in progress belongs to it where the answer depends on it: a page asked before a
/// slot ended must not be passed off as one asked after.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub(crate) request: CandlePageRequest,
    pub(crate) slot: Option<Timestamp>,
}

/// A page under way; await it.
pub(crate) type PageFuture = Shared<BoxFuture<'static, Arc<PageResult>>>;

/// What came of a flight, for all who waited.
#[derive(Debug)]
pub(crate) struct PageResult {
    pub(crate) result: Result<CandlePage, SourceError>,
    counted: AtomicBool,
}

impl PageResult {
    /// The requests it took, for the first who asks; nothing for the others, lest they be counted twice.
    /// A failure counts as one: how often the venue was asked before it was given up, nobody says.
    pub(crate) fn take_request_count(&self) -> u64 {
        if self.counted.swap(true, Ordering::Relaxed) {
            return 0;
        }
        self.result.as_ref().map_or(1, |page| u64::from(page.attempts))
    }

    fn rows(&self) -> usize {
        self.result.as_ref().map_or(0, |page| page.candles.len())
    }

    /// Only what nothing will change: not a page that holds a slot which has not settled. And one that proves nothing is
    /// asked again, and must then really be.
    fn is_shareable(&self, key: &PageKey) -> bool {
        let is_valid = |page: &CandlePage| page.rejected.is_empty() && page.proof.covered.is_some();
        key.slot.is_none() && self.result.as_ref().is_ok_and(is_valid)
    }
}

/// The pages under way.
pub(crate) struct PageSingleFlight {
    pages: Arc<dyn PageSource>,
    deadline: Duration,
    counters: Arc<CoordinatorCounters>,
    table: Arc<PageFlightTable>,
    recent: Arc<SharedRecentPages>,
    next_number: AtomicU64,
}

type PageFlightTable = Mutex<FxHashMap<PageKey, PageFlightEntry>>;
type SharedRecentPages = Mutex<RecentPages>;

/// What has landed lately, numbered in the order of landing.
#[derive(Default)]
struct RecentPages {
    count: u64,
    latest: VecDeque<(u64, PageKey, Arc<PageResult>)>,
    rows: usize,
}

impl RecentPages {
    fn keep(&mut self, key: PageKey, landed: Arc<PageResult>) {
        self.count += 1;
        self.rows += landed.rows();
        self.latest.push_back((self.count, key, landed));
        while (self.latest.len() > MAX_RECENT_PAGES || self.rows > MAX_RECENT_ROWS)
            && let Some((_, _, oldest)) = self.latest.pop_front()
        {
            self.rows -= oldest.rows();
        }
    }
}

struct PageFlightEntry {
    number: u64,
    priority: Priority,
    future: WeakShared<BoxFuture<'static, Arc<PageResult>>>,
}

impl fmt::Debug for PageSingleFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl PageSingleFlight {
    pub(crate) fn new(
        pages: Arc<dyn PageSource>,
        deadline: Duration,
        counters: Arc<CoordinatorCounters>,
    ) -> Self {
        let (table, recent) = (Arc::default(), Arc::default());
        Self { pages, deadline, counters, table, recent, next_number: AtomicU64::new(0) }
    }

    /// The flight of a page: one under way if it is at least as urgent, else a new one, which later ones then join.
    pub(crate) fn get_or_spawn(&self, key: &PageKey, priority: Priority, began: u64) -> PageFuture {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = table.get(key).filter(|entry| entry.priority <= priority);
        if let Some(flight) = under_way.and_then(|entry| entry.future.upgrade()) {
            self.counters.shared.increment();
            return flight;
        }
        if let Some(landed) = self.completed_since(began, key) {
            self.counters.shared.increment();
            return futures::future::ready(landed).boxed().shared();
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let flight = self.launch(key, priority, number);
        if let Some(weak) = flight.downgrade() {
            table.insert(key.clone(), PageFlightEntry { number, priority, future: weak });
        }
        flight
    }

    fn completed_since(&self, began: u64, key: &PageKey) -> Option<Arc<PageResult>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut since = recent.latest.iter().rev().take_while(|(number, _, _)| *number > began);
        since.find(|(_, landed, _)| landed == key).map(|(_, _, landed)| Arc::clone(landed))
    }

    /// How many pages have landed that serve others: a query remembers it when it is put.
    pub(crate) fn completed_count(&self) -> u64 {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    fn launch(&self, key: &PageKey, priority: Priority, number: u64) -> PageFuture {
        self.counters.pages.increment();
        let guard = PageFlightGuard { table: Arc::clone(&self.table), key: key.clone(), number };
        let (pages, deadline) = (Arc::clone(&self.pages), self.deadline);
        let recent = Arc::clone(&self.recent);
        async move {
            let request = &guard.key.request;
            let result = match tokio::time::timeout(deadline, pages.candle_page(request, priority)).await {
                Ok(result) => result,
                Err(_) => Err(timed_out(pages.as_ref(), request, deadline)),
            };
            let landed = Arc::new(PageResult { result, counted: AtomicBool::new(false) });
            if landed.is_shareable(&guard.key) {
                let mut recent_pages = recent.lock().unwrap_or_else(PoisonError::into_inner);
                recent_pages.keep(guard.key.clone(), Arc::clone(&landed));
            }
            landed
        }
        .boxed()
        .shared()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn timed_out(pages: &dyn PageSource, request: &CandlePageRequest, deadline: Duration) -> SourceError {
    let message = format!("no page of {} came within {} s", request.series, deadline.as_secs());
    SourceError::new(SourceErrorKind::TimedOut, message).at_venue(pages.capabilities().venue)
}

/// Takes the flight off the table when its future ends, be it that it landed or that nobody waits any more.
struct PageFlightGuard {
    table: Arc<PageFlightTable>,
    key: PageKey,
    number: u64,
}

impl Drop for PageFlightGuard {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.get(&self.key).is_some_and(|entry| entry.number == self.number) {
            table.remove(&self.key);
        }
    }
}

//! Identical pages under way share one request, and one that has landed serves every query that was put before it landed.
//!
//! The latter because equal questions put at once do not stay in step: one has its first page stored and asks for the
//! second while another is still storing the first, and then finds the second landed already. Or one looks at what is
//! stored just before what the other has fetched is, which is why who looks first says when the question was
//! put ([`CandleQuery::put`]). A query that was put later asks for itself: what it is told was observed after it was put.
//!
//! [`CandleQuery::put`]: market_backbone_core::CandleQuery::put
//!
//! What has landed is bounded by [`MAX_RECENT_PAGES`], what is under way by who waits ([`SingleFlight`]).

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::ready;
use market_backbone_core::{
    CandlePage, CandlePageRequest, PageSource, Priority, SharedFuture, SingleFlight, SourceError,
    SourceErrorKind, Timestamp,
};

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
pub(crate) type PageFuture = SharedFuture<Arc<PageResult>>;

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
    in_flight: SingleFlight<PageKey, Arc<PageResult>>,
    recent: Arc<SharedRecentPages>,
}

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

impl fmt::Debug for PageSingleFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageSingleFlight").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl PageSingleFlight {
    pub(crate) fn new(
        pages: Arc<dyn PageSource>,
        deadline: Duration,
        counters: Arc<CoordinatorCounters>,
    ) -> Self {
        Self { pages, deadline, counters, in_flight: SingleFlight::default(), recent: Arc::default() }
    }

    /// The flight of a page: one under way if it is at least as urgent, else a new one, which later ones then join.
    pub(crate) fn get_or_spawn(&self, key: &PageKey, priority: Priority, began: u64) -> PageFuture {
        let mut joined = true;
        let flight = self.in_flight.get_or_start(key, priority, || match self.completed_since(began, key) {
            Some(landed) => ready(landed).left_future(),
            None => {
                joined = false;
                self.fetch(key, priority).right_future()
            }
        });
        if joined {
            self.counters.shared.increment();
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

    fn fetch(
        &self,
        key: &PageKey,
        priority: Priority,
    ) -> impl Future<Output = Arc<PageResult>> + Send + 'static {
        self.counters.pages.increment();
        let (pages, deadline) = (Arc::clone(&self.pages), self.deadline);
        let (recent, key) = (Arc::clone(&self.recent), key.clone());
        async move {
            let request = &key.request;
            let result = match tokio::time::timeout(deadline, pages.candle_page(request, priority)).await {
                Ok(result) => result,
                Err(_) => Err(timed_out(pages.as_ref(), request, deadline)),
            };
            let landed = Arc::new(PageResult { result, counted: AtomicBool::new(false) });
            if landed.is_shareable(&key) {
                let mut recent_pages = recent.lock().unwrap_or_else(PoisonError::into_inner);
                recent_pages.keep(key.clone(), Arc::clone(&landed));
            }
            landed
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.in_flight.len()
    }
}

fn timed_out(pages: &dyn PageSource, request: &CandlePageRequest, deadline: Duration) -> SourceError {
    let message = format!("no page of {} came within {} s", request.series, deadline.as_secs());
    SourceError::new(SourceErrorKind::TimedOut, message).at_venue(pages.capabilities().venue)
}

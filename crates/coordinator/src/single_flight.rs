//! Single-flight for pages: identical pages in flight share one request, and a completed page serves every
//! query that was made before it completed.
//!
//! The latter is needed because equal queries made at once do not stay in step: one has stored its first page
//! and asks for the second while another is still storing the first, and then finds the second completed
//! already. Or one reads the store just before another stores what it fetched; that is why a caller who reads
//! first passes on the moment of the query ([`CandleQuery::pages_since`]). A query that was made later fetches
//! for itself: its data was observed after it was made.
//!
//! [`CandleQuery::pages_since`]: market_backbone_core::CandleQuery::pages_since
//!
//! Completed pages are bounded by [`MAX_RECENT_PAGES`], pages in flight by their waiters ([`SingleFlight`]).

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

/// The most completed pages that are kept.
const MAX_RECENT_PAGES: usize = 64;
/// The most rows in all completed pages, at about 70 bytes each: pages of some venues are large.
const MAX_RECENT_ROWS: usize = 100_000;

/// The key of a page. The forming slot belongs to it where the answer depends on it: a page requested before a
/// slot ended must not be used as one requested after.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    pub(crate) request: CandlePageRequest,
    pub(crate) slot: Option<Timestamp>,
}

/// A page in flight; await it.
pub(crate) type PageFuture = SharedFuture<Arc<PageResult>>;

/// The result of a flight, for all who waited.
#[derive(Debug)]
pub(crate) struct PageResult {
    pub(crate) result: Result<CandlePage, SourceError>,
    counted: AtomicBool,
}

impl PageResult {
    /// Returns the number of requests for the first caller, and 0 for the others, so that they are not counted
    /// twice. A failure counts as one: the number of attempts before it is not known.
    pub(crate) fn take_request_count(&self) -> u64 {
        if self.counted.swap(true, Ordering::Relaxed) {
            return 0;
        }
        self.result.as_ref().map_or(1, |page| u64::from(page.attempts))
    }

    fn rows(&self) -> usize {
        self.result.as_ref().map_or(0, |page| page.candles.len())
    }

    /// Returns whether the page can serve others. A page with a slot that may still change cannot. Nor can one
    /// that proves nothing, because it has to be really fetched again.
    fn is_shareable(&self, key: &PageKey) -> bool {
        let is_valid = |page: &CandlePage| page.rejected.is_empty() && page.proof.covered.is_some();
        key.slot.is_none() && self.result.as_ref().is_ok_and(is_valid)
    }
}

/// The pages in flight.
pub(crate) struct PageSingleFlight {
    pages: Arc<dyn PageSource>,
    deadline: Duration,
    counters: Arc<CoordinatorCounters>,
    in_flight: SingleFlight<PageKey, Arc<PageResult>>,
    recent: Arc<SharedRecentPages>,
}

type SharedRecentPages = Mutex<RecentPages>;

/// The recently completed pages, numbered in the order of completion.
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

    /// Returns the flight of a page: one in flight if it is at least as urgent, otherwise a new one, which
    /// later ones then join.
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

    /// Returns the number of completed pages that can serve others. A query remembers it when it is made.
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

    /// Returns the number of pages in flight.
    pub(crate) fn len(&self) -> usize {
        self.in_flight.len()
    }
}

fn timed_out(pages: &dyn PageSource, request: &CandlePageRequest, deadline: Duration) -> SourceError {
    let message = format!("no page of {} came within {} s", request.series, deadline.as_secs());
    SourceError::new(SourceErrorKind::TimedOut, message).at_venue(pages.capabilities().venue)
}

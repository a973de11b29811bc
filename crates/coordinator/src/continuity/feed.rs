//! A feed: polls the live side, the fetches and the clock, and delivers one event after the other.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use market_backbone_core::{FeedEvent, GapCause, GapState, LiveSource, LiveStream, Priority, SourceError};
use tokio::time::{Instant, Sleep, sleep_until};

use super::backfill::{BackfillResult, BackfillSource};
use super::cursor::Cursor;
use super::gap_healer::GapHealer;

/// A stream of events without gaps; dropping it ends the subscription. See the [module](super::Continuity) for
/// its guarantees.
///
/// It ends when the backbone shuts down, without a further event. It also ends when the venue refuses the subscription
/// permanently, for example because it does not accept the key: then the last event is [`Ended`](FeedEvent::Ended) with
/// the reason. Events that were waiting for something older are not delivered then, so that a later feed, begun after
/// its cursor, delivers all of them in order.
#[must_use = "nothing happens unless it is polled"]
pub struct Feed {
    /// The live events, or `None` once they have ended.
    live: Option<LiveStream>,
    /// The source that reports a refusal, or `None` for a feed that waits until there is none.
    refusals: Option<Arc<dyn LiveSource>>,
    healer: GapHealer,
    backfill: BackfillSource,
    priority: Priority,
    fetches: FuturesUnordered<BoxFuture<'static, BackfillResult>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Feed {
    pub(super) fn new(
        (live, refusals): (LiveStream, Option<Arc<dyn LiveSource>>),
        healer: GapHealer,
        backfill: BackfillSource,
        priority: Priority,
    ) -> Self {
        let (live, fetches) = (Some(live), FuturesUnordered::new());
        Self { live, refusals, healer, backfill, priority, fetches, timer: None }
    }

    /// Waits for the next event and returns it, or `None` when the feed has ended.
    ///
    /// It is cancel-safe: if the future is dropped before it is ready, as in a `select!` or a timeout, nothing is lost,
    /// and the next call continues. An event counts as delivered, for [`cursor`](Self::cursor) too, when the future
    /// returns it.
    #[expect(clippy::should_implement_trait, reason = "a feed is no iterator: the next event is waited for")]
    pub fn next(&mut self) -> impl Future<Output = Option<FeedEvent>> + Unpin + '_ {
        StreamExt::next(self)
    }

    /// Returns the position after the delivered events. It does not include events that wait or are being
    /// fetched.
    ///
    /// The time this takes is proportional to the number of trades in the last minute.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.healer.cursor()
    }

    /// Returns the number of trades of this feed that came later than the
    /// [`allowed_lateness`](super::ContinuityConfig::allowed_lateness).
    ///
    /// They are not delivered, because the feed no longer knows whether it has delivered them before.
    #[must_use]
    pub fn late_trades(&self) -> u64 {
        self.healer.late_trades()
    }

    /// Processes fetched events and begins the fetches that are due. Returns whether there were any, since the
    /// deadline may have changed.
    fn poll_fetches(&mut self, context: &mut Context<'_>) -> bool {
        let in_flight = self.backfill.config.in_flight.max(1);
        let mut any = false;
        loop {
            while self.fetches.len() < in_flight
                && let Some(order) = self.healer.next_backfill(self.priority, &self.backfill)
            {
                self.fetches.push(self.backfill.clone().fetch(order).boxed());
            }
            match self.fetches.poll_next_unpin(context) {
                Poll::Ready(Some(result)) => {
                    self.healer.handle_backfill(result);
                    any = true;
                }
                Poll::Ready(None) | Poll::Pending => return any,
            }
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) {
        while let Some(deadline) = self.healer.deadline() {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(context).is_pending() {
                return;
            }
            self.healer.on_time(Instant::now());
        }
    }

    /// Processes one event of the live side. Ready if there was one, or if it has ended.
    fn poll_live(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(raw) = &mut self.live else { return Poll::Ready(()) };
        match ready!(raw.poll_next_unpin(context)) {
            Some(event) => {
                let may_be_refused = matches!(
                    &event,
                    FeedEvent::Gap(gap) if gap.cause == GapCause::Refused && gap.state == GapState::Opened
                );
                self.healer.handle_live_event(event, self.backfill.clock.as_ref());
                if may_be_refused
                    && let Some(reason) = self.refusals.as_ref().and_then(|source| source.refusal())
                {
                    self.end(Some(reason));
                }
            }
            None => self.end(None),
        }
        Poll::Ready(())
    }

    fn end(&mut self, reason: Option<SourceError>) {
        self.live = None;
        self.fetches.clear();
        self.healer.end(reason);
    }
}

impl Stream for Feed {
    type Item = FeedEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FeedEvent>> {
        // History may be long, and other tasks on the thread must be able to run in between.
        let budget = ready!(tokio::task::coop::poll_proceed(context));
        loop {
            loop {
                self.poll_timer(context);
                if !self.poll_fetches(context) {
                    break;
                }
            }
            if let Some(event) = self.healer.pop() {
                budget.made_progress();
                return Poll::Ready(Some(event));
            }
            if self.live.is_none() {
                return Poll::Ready(None);
            }
            if self.poll_live(context).is_ready() {
                continue;
            }
            let clock = Arc::clone(&self.backfill.clock);
            if !self.healer.close_due_bars(clock.as_ref()) {
                return Poll::Pending;
            }
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}

//! Live feeds from any starting point: history first, then live events, and every gap between the two
//! backfilled.
//!
//! A [`Continuity`] wraps a [`LiveSource`] (which reports interruptions), a [`PageSource`] (which still has the
//! trades of the last days) and a [`CandleSource`] (which has the closed candles), and creates [`Feed`]s. A
//! feed with buffered delivery guarantees:
//!
//! - **Each trade once.** A trade is identified by its id: two may agree in everything else. Live trades do not
//!   arrive in the order of their ids and some arrive seconds late, so "newer than the last" says nothing. A
//!   feed remembers the ids of the last [`allowed_lateness`](ContinuityConfig::allowed_lateness) of each
//!   market, and treats older trades as known.
//! - **Order within each channel.** Trades of history, and those missed in a gap, come by id and before later
//!   live ones. Live trades come as they arrive. While a gap of a channel is being healed its live events wait;
//!   those of other channels do not. Between channels there is no order.
//! - **A gap is reported, healed, and reported as healed**, or reported as lost with the reason. Trades are
//!   fetched by page, closed candles by query; a ticker or a book needs only its next value. A further gap of
//!   the same channels during healing is merged with the first. Trades count as healed when the fetched ones
//!   join the live ones on both sides and, where anything is unusual, two walks through the pages agree. Until
//!   then the pages are fetched again, for a minute at the most. A reader that lags gets what is proven
//!   meanwhile, and the gap continues after it.
//! - **A timestamp in the future has no effect.** An event that is stamped beyond the clock is dropped, unless
//!   all events agree that the clock is behind.
//! - **A history of days is delivered as it is fetched**, part by part and oldest first, where the venue's
//!   pages can begin at a given moment.
//! - **Missing trades are noticed** where a market's trades are followed together with its ticker: a day's
//!   volume that grows by more than the trades that arrived is a gap like any other, and affects the market's
//!   candles too. So are **missing candle states** of a minute and more where candles are followed together
//!   with the trades: a slot with more trades than its last candle state shows is fetched in its final state.
//!   (This does not apply to a venue whose live candles are provisional: there the two always differ.)
//! - **A [`Cursor`] stands for what has been delivered**: stored together with the results of processing it, it
//!   lets a later feed continue with the next event, even after a crash.
//!
//! - **A bar is delivered once when it closes**, and again with a higher revision whenever it turns out to be
//!   different, as after a gap or through a late trade. It is closed by the venue (a later bar, a page that shows it as
//!   final) or by the clock, a moment after its end and never while its candle is interrupted.
//!
//! A conflated subscription guarantees only the latest events. Its gaps are reported, but nothing is fetched.
//!
//! There is no task: all work happens while the feed is polled. A feed that is not polled does not read ahead
//! either. The queue of the live source then overflows, which is one more gap, and healed like one.

mod backfill;
mod bar_channels;
mod bar_tracker;
mod candle_audit;
mod catch_up;
mod channel_state;
mod channel_table;
mod config;
mod cursor;
mod cursor_text;
mod delivered_candles;
mod delivered_trades;
mod feed;
mod gap_healer;
mod gap_reconciler;
mod metrics;
mod open_gaps;
mod pause_stats;
mod quiet_slots;
mod start;
mod trade_latency;
mod trade_rank;
mod volume_audit;

use std::fmt;
use std::sync::Arc;

use market_backbone_core::{
    CandleSource, Channel, Clock, Delivery, LiveSource, PageSource, SourceError, SourceErrorKind, StreamKind,
    Subscription,
};

pub use self::config::ContinuityConfig;
pub use self::cursor::{Cursor, CursorError};
pub use self::feed::Feed;
pub use self::metrics::FeedMetrics;
pub use self::start::Start;

use self::backfill::BackfillSource;
use self::bar_channels::BarChannels;
use self::channel_state::ChannelState;
use self::gap_healer::GapHealer;
use self::metrics::FeedCounters;

/// Creates feeds that begin at any moment and have no gaps.
#[derive(Clone)]
pub struct Continuity {
    live: Arc<dyn LiveSource>,
    backfill: BackfillSource,
    outlasts_refusals: bool,
    counters: Arc<FeedCounters>,
}

impl Continuity {
    /// Creates feeds from the live events of `live`, the trades that `pages` still has, and the closed candles
    /// of `candles`.
    #[must_use]
    pub fn new(
        live: Arc<dyn LiveSource>,
        pages: Arc<dyn PageSource>,
        candles: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        config: ContinuityConfig,
    ) -> Self {
        let backfill = BackfillSource { pages, candles, clock, config };
        Self { live, backfill, outlasts_refusals: false, counters: Arc::default() }
    }

    /// Returns the metrics of all feeds that this and its clones have created.
    #[must_use]
    pub fn metrics(&self) -> FeedMetrics {
        self.counters.snapshot()
    }

    /// Returns the same for feeds that stay open when the venue refuses their subscription. They continue once it no
    /// longer does, because another reader's request has changed or the key was corrected.
    #[must_use]
    pub fn outlasting_refusals(mut self) -> Self {
        self.outlasts_refusals = true;
        self
    }

    /// Subscribes to `subscription` from `start`.
    ///
    /// The live side begins first, and its events wait until history has been delivered up to them. A channel
    /// that a cursor does not contain begins now. Tickers and books have no history: their latest value comes
    /// first.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](SourceErrorKind::Unsupported) if the venue has no such stream, or bars cannot be made of it;
    /// [`BadRequest`](SourceErrorKind::BadRequest) if the cursor is another venue's.
    pub async fn subscribe(&self, subscription: Subscription, start: Start) -> Result<Feed, SourceError> {
        let venue = self.backfill.pages.capabilities().venue;
        if let Start::After(cursor) = &start
            && cursor.venue() != venue
        {
            let message = format!("the cursor is of {}, not of {venue}", cursor.venue());
            return Err(SourceError::new(SourceErrorKind::BadRequest, message).at_venue(venue));
        }
        let capabilities = self.backfill.pages.capabilities();
        let bars = BarChannels::of(&subscription, capabilities, &self.backfill.config)?;
        let subscription = if bars.is_empty() { subscription } else { subscription.as_streamed() };
        let channels: Vec<_> = subscription
            .channels()
            .iter()
            .map(|channel| self.channel_state(channel, &subscription, &start, &bars))
            .collect();
        let is_from_past = !matches!(start, Start::Now);
        let (delivery, priority) = (subscription.delivery, subscription.priority);
        let live = self.live.subscribe(subscription).await?;
        let depth = delivery.capacity().unwrap_or(1);
        let mut healer = GapHealer::new(
            venue,
            channels,
            depth,
            is_from_past,
            &self.backfill.config,
            self.backfill.clock.now(),
        )
        .with_bars(bars)
        .counting_in(Arc::clone(&self.counters));
        if !capabilities.revision_policy.live_is_provisional {
            healer.compare_candles(capabilities.finality_delay);
        }
        let refusals = (!self.outlasts_refusals).then(|| Arc::clone(&self.live));
        Ok(Feed::new((live, refusals), healer, self.backfill.clone(), priority))
    }

    fn channel_state(
        &self,
        channel: &Channel,
        subscription: &Subscription,
        start: &Start,
        bars: &BarChannels,
    ) -> ChannelState {
        let (now, grid) = (self.backfill.clock.now(), self.backfill.pages.capabilities().grid);
        let (allowed_lateness, ahead) =
            (self.backfill.config.allowed_lateness, self.backfill.config.max_future_skew);
        match channel.kind {
            _ if subscription.delivery == Delivery::Conflated => ChannelState::state(channel.clone()),
            StreamKind::Trade => ChannelState::trades(channel, start, (allowed_lateness, ahead), now),
            StreamKind::Candle(timeframe) => {
                let wanted = bars.of_timeframe(timeframe);
                ChannelState::candles(channel, timeframe, (start, now), grid, wanted)
            }
            // Bar channels have been replaced by candle channels here; the others deliver states.
            _ => ChannelState::state(channel.clone()),
        }
    }
}

impl fmt::Debug for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuity").field("archive", &self.backfill).finish_non_exhaustive()
    }
}

//! One subscription from any point: history first, then what is live, and every gap between the two closed.
//!
//! A [`Continuity`] wraps a [`LiveSource`] (which says when it was interrupted), a [`PageSource`] (which still has the
//! trades of the last days) and a [`CandleSource`] (which has the closed candles), and gives [`Feed`]s. What a feed
//! promises, for a subscription that is delivered lossless:
//!
//! - **Each trade once.** A trade is its id: two may agree in all else. Live trades do not arrive in the order of their
//!   ids and some arrive seconds late, so "newer than the last" tells nothing. A feed knows the ids of the last
//!   [`settling`](ContinuityConfig::allowed_lateness) of each market, and takes what is older than those for known.
//! - **Order for each channel.** Trades of history, and those that a gap swallowed, come by id and before what is live
//!   after them; live ones come as they arrive. While a gap of a channel is being healed its live events wait, and
//!   those of other channels do not. Between channels there is no order.
//! - **A gap is told, healed, and told to be healed**, or told to be lost and why. Trades are fetched by page, closed
//!   candles by query; a ticker or a book needs nothing but its next value. A further gap of the same channels while one
//!   is being healed makes one gap of both. Trades count as healed when what was fetched joins what was heard on both
//!   sides and, where anything is strange, two walks through the pages agree; until then the pages are asked again, for a
//!   minute at the most. A reader that lags gets what is proven meanwhile, and the gap goes on behind it.
//! - **A stamp from the future moves nothing.** What is stamped beyond the clock is dropped, unless all agree that it is
//!   the clock that is behind.
//! - **A past of days comes as it is fetched**, stretch by stretch and oldest first, where the venue's pages can begin at
//!   a moment.
//! - **Missing prints are noticed** where a market's trades are followed together with its ticker: a day's volume that
//!   grows by more than was heard is a gap like any other, and concerns the market's candles too. So are **missing
//!   states of candles** of a minute and more where they are followed together with the trades: a slot in which more was
//!   traded than was last heard of its candle is fetched as it will stay. (Not of a venue whose live candles are a first
//!   word only: there the two differ by nature.)
//! - **A [`Cursor`] stands for what has been handed out**: stored together with what was made of it, it lets a later
//!   feed go on with the next event, be it after a crash.
//!
//! - **A bar is told once when it closes**, and again with a higher revision whenever it turns out to be different, as
//!   after a gap or where a late trade belonged to it. It is closed by the venue (a later bar, a page that shows it as
//!   final) or by the clock, a moment after its end and never while its candle is interrupted.
//!
//! A conflated subscription promises the latest and nothing else. Its gaps are told, but nothing is fetched.
//!
//! There is no task: all work happens while the feed is polled. Who does not poll it does not read ahead either; the
//! queue of the live source then overflows, which is one more gap, and healed like one.

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
mod open_gaps;
mod pause_stats;
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
pub use self::start::Start;

use self::backfill::BackfillSource;
use self::bar_channels::BarChannels;
use self::channel_state::ChannelState;
use self::gap_healer::GapHealer;

/// Gives feeds that begin anywhere and have no holes.
#[derive(Clone)]
pub struct Continuity {
    live: Arc<dyn LiveSource>,
    backfill: BackfillSource,
    outlasts_refusals: bool,
}

impl Continuity {
    /// Feeds out of what `live` says now, the trades that `pages` still has, and the closed candles of `candles`.
    #[must_use]
    pub fn new(
        live: Arc<dyn LiveSource>,
        pages: Arc<dyn PageSource>,
        candles: Arc<dyn CandleSource>,
        clock: Arc<dyn Clock>,
        config: ContinuityConfig,
    ) -> Self {
        Self { live, backfill: BackfillSource { pages, candles, clock, config }, outlasts_refusals: false }
    }

    /// The same, for feeds that stay when the venue refuses what they ask for: they go on once it no longer does, be it
    /// that another reader asks for something else or that the key has been put right.
    #[must_use]
    pub fn outlasting_refusals(mut self) -> Self {
        self.outlasts_refusals = true;
        self
    }

    /// Begins to follow `subscription` from `start`.
    ///
    /// The live side begins first, and what it brings waits until history has been delivered up to it. A channel that a
    /// cursor knows nothing of begins now. Tickers and books have no history: of them the latest comes first.
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
        let depth = match delivery {
            Delivery::Buffered { capacity: depth } => depth.max(1),
            Delivery::Conflated => 1,
        };
        let mut healer = GapHealer::new(
            venue,
            channels,
            depth,
            is_from_past,
            &self.backfill.config,
            self.backfill.clock.now(),
        )
        .with_bars(bars);
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
        let (settling, ahead) = (self.backfill.config.allowed_lateness, self.backfill.config.max_future_skew);
        match channel.kind {
            _ if subscription.delivery == Delivery::Conflated => ChannelState::state(channel.clone()),
            // Bars have become candles by now.
            StreamKind::Ticker | StreamKind::Book | StreamKind::Band | StreamKind::Bar(_) => {
                ChannelState::state(channel.clone())
            }
            StreamKind::Trade => ChannelState::trades(channel, start, (settling, ahead), now),
            StreamKind::Candle(timeframe) => {
                let wanted = bars.of_timeframe(timeframe);
                ChannelState::candles(channel.clone(), timeframe, (start, now), grid, wanted)
            }
        }
    }
}

impl fmt::Debug for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuity").field("archive", &self.backfill).finish_non_exhaustive()
    }
}

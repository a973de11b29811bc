//! Bytes to events in a reader's hands: decoder, cache, queues, and one lossless reader.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};
use market_backbone_core::{
    Delivery, FeedEvent, LiveStream, ManualClock, StreamKind, Subscription, Symbol, Timestamp,
};
use market_backbone_routing::{FrameFeed, LiveHub, SessionConfig};
use market_backbone_upbit::{UPBIT, Upbit};

use crate::{Frames, Kind};

/// This many frames are read before the reader has its turn, as when a socket holds several.
pub const BURST: usize = 64;

/// When all frames are received, later than any is stamped: what is stamped in the future is kept until others agree with
/// it, which costs memory, and is no steady state.
const NOW: Timestamp = Timestamp::from_secs(4_000_000_000);

/// A feed of frames, and where its readers subscribe.
#[derive(Debug)]
pub struct LiveRig {
    feed: FrameFeed,
    subscription: Subscription,
}

impl LiveRig {
    /// A feed for `frames` of `kind`, and no reader yet.
    ///
    /// # Panics
    ///
    /// If there are no frames.
    #[must_use]
    pub fn new(frames: &Frames, kind: Kind) -> Self {
        let symbols = frames.codes().iter().filter_map(|code| Symbol::new(UPBIT, code).ok());
        let kind = match kind {
            Kind::Trade => StreamKind::Trade,
            Kind::Ticker => StreamKind::Ticker,
            Kind::Book => StreamKind::Book,
        };
        let subscription = Subscription::new(symbols, [kind]).expect("frames of no market");
        let clock = Arc::new(ManualClock::new(NOW));
        let feed = FrameFeed::new(Arc::new(Upbit::new()), clock, SessionConfig::default());
        Self { feed, subscription }
    }

    /// A reader of all the frames tell of.
    #[must_use]
    pub fn reader(&self, delivery: Delivery) -> LiveStream {
        let mut subscription = self.subscription.clone();
        subscription.delivery = delivery;
        self.feed.hub().subscribe(&subscription)
    }

    /// Where the latest is to be had.
    #[must_use]
    pub const fn hub(&self) -> &LiveHub {
        self.feed.hub()
    }

    /// The markets.
    #[must_use]
    pub fn symbols(&self) -> Vec<Symbol> {
        self.subscription.channels().iter().map(|channel| channel.symbol.clone()).collect()
    }

    /// Feeds one frame.
    pub fn feed(&mut self, frame: &[u8]) {
        self.feed.feed(frame, NOW);
    }

    /// Feeds frames that a socket held when it was read.
    pub fn feed_all<'f>(&mut self, frames: impl IntoIterator<Item = &'f [u8]>) {
        self.feed.feed_all(frames, NOW);
    }

    /// Feeds a round of frames; after each burst `reader` reads all there is. Returns how many events it read.
    pub fn round(&mut self, frames: &Frames, reader: &mut LiveStream) -> usize {
        let mut read = 0;
        for (at, frame) in frames.iter().enumerate() {
            self.feed(frame);
            if at % BURST == BURST - 1 {
                read += drain(reader);
            }
        }
        read + drain(reader)
    }
}

fn drain(reader: &mut LiveStream) -> usize {
    let mut read = 0;
    while let Some(Some(event)) = reader.next().now_or_never() {
        read += usize::from(!matches!(event, FeedEvent::Lagged { .. }));
    }
    read
}

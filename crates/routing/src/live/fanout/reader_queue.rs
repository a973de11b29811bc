//! The queue of one reader, and its overflow policy.
//!
//! Publishing never waits. A full queue drops its oldest event and reports that in the event's place, or
//! keeps only the latest event of each channel, as the reader chose. Gaps are never dropped. When very many
//! wait, two neighbours become one that spans both, so the queue stays bounded and every gap that opens still
//! ends once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use market_backbone_core::{Channel, Delivery, FeedEvent, Gap, GapState, StreamKind, Symbol, Timestamp};

/// The largest number of queued gap items.
const MAX_GAPS: usize = 64;

#[derive(Debug)]
enum QueueItem {
    Event(FeedEvent),
    /// The latest event of this channel of the reader at the time it is read.
    Latest(usize),
    Lagged(u64),
    Gap(Gap),
}

/// An announced gap, and those of its channels that are still silent.
#[derive(Debug)]
struct AnnouncedGap {
    gap: Gap,
    unconfirmed: Vec<Channel>,
}

/// The queued items of one reader.
#[derive(Debug)]
pub(super) struct ReaderQueue {
    delivery: Delivery,
    items: VecDeque<QueueItem>,
    /// The number of items that are events of a buffered reader.
    events: usize,
    /// The number of items that are gaps.
    gaps: usize,
    /// The queued event of each channel, for a conflated reader.
    latest: Vec<Option<FeedEvent>>,
    /// The announced gaps that have not ended; no channel is in two of them.
    announced_gaps: Vec<AnnouncedGap>,
    waker: Option<Waker>,
    closed: bool,
}

impl ReaderQueue {
    /// Creates an empty queue of a reader of `channels` channels.
    pub(super) fn new(delivery: Delivery, channels: usize) -> Self {
        let latest = match delivery.capacity() {
            Some(_) => Vec::new(),
            None => vec![None; channels],
        };
        let items = VecDeque::new();
        Self {
            delivery,
            items,
            events: 0,
            gaps: 0,
            latest,
            announced_gaps: Vec::new(),
            waker: None,
            closed: false,
        }
    }

    /// Adds an event of the reader's channel number `channel`; returns how many events it pushed out.
    pub(super) fn push(&mut self, channel: usize, event: FeedEvent) -> u64 {
        match self.delivery.capacity() {
            Some(depth) => {
                self.items.push_back(QueueItem::Event(event));
                self.events += 1;
                if self.events > depth { self.drop_oldest() } else { 0 }
            }
            None => {
                self.replace(channel, event);
                0
            }
        }
    }

    /// Drops the oldest event and leaves a lag report in its place.
    fn drop_oldest(&mut self) -> u64 {
        let Some(at) = self.items.iter().position(|item| matches!(item, QueueItem::Event(_))) else {
            return 0;
        };
        self.events -= 1;
        match at.checked_sub(1).and_then(|before| self.items.get_mut(before)) {
            Some(QueueItem::Lagged(missed)) => {
                *missed += 1;
                self.items.remove(at);
            }
            _ => self.items[at] = QueueItem::Lagged(1),
        }
        1
    }

    fn replace(&mut self, channel: usize, event: FeedEvent) {
        let Some(place) = self.latest.get_mut(channel) else { return };
        let waits = place.replace(event).is_some();
        if waits && self.gaps == 0 {
            return;
        }
        if waits {
            // Events from after a gap must not be read before it.
            self.items.retain(|item| !matches!(item, QueueItem::Latest(other) if *other == channel));
        }
        self.items.push_back(QueueItem::Latest(channel));
    }

    /// Announces a gap of those of its channels that are in none yet.
    pub(super) fn open_gap(&mut self, gap: Gap) {
        let is_open =
            |channel: &&Channel| !self.announced_gaps.iter().any(|open| open.gap.channels.contains(channel));
        let waiting: Vec<Channel> = gap.channels.iter().filter(is_open).cloned().collect();
        if waiting.is_empty() {
            return;
        }
        let gap = Gap { channels: waiting.as_slice().into(), ..gap };
        self.announced_gaps.push(AnnouncedGap { gap: gap.clone(), unconfirmed: waiting });
        self.push_gap(gap);
    }

    /// Records that events of this channel arrive again as of `to`; a gap ends with the last of its channels.
    pub(super) fn confirm(&mut self, symbol: &Symbol, kind: StreamKind, to: Timestamp) {
        let Some(at) = self.announced_gaps.iter().position(|open| {
            open.unconfirmed.iter().any(|channel| channel.kind == kind && channel.symbol == *symbol)
        }) else {
            return;
        };
        let open = &mut self.announced_gaps[at];
        open.unconfirmed.retain(|channel| channel.kind != kind || channel.symbol != *symbol);
        if open.unconfirmed.is_empty() {
            let AnnouncedGap { gap, .. } = self.announced_gaps.remove(at);
            self.push_gap(Gap { state: GapState::Resumed, to: Some(to.max(gap.from)), ..gap });
        }
    }

    fn push_gap(&mut self, gap: Gap) {
        self.items.push_back(QueueItem::Gap(gap));
        self.gaps += 1;
        if self.gaps > MAX_GAPS {
            self.merge_gaps();
        }
    }

    fn gap_at(&self, at: usize, state: GapState) -> Option<&Gap> {
        match self.items.get(at) {
            Some(QueueItem::Gap(gap)) if gap.state == state => Some(gap),
            _ => None,
        }
    }

    /// Merges two queued gaps into one of the channels of both: removes the end of one and the beginning of a
    /// later one.
    fn merge_gaps(&mut self) {
        let all = 0..self.items.len();
        for end in all.clone() {
            let Some(ended) = self.gap_at(end, GapState::Resumed).cloned() else { continue };
            let its = |gap: &Gap| gap.from == ended.from && gap.channels == ended.channels;
            let first = (0..end).find(|at| self.gap_at(*at, GapState::Opened).is_some_and(its));
            let next = (end + 1..all.end).find(|at| self.gap_at(*at, GapState::Opened).is_some());
            if let (Some(first), Some(next)) = (first, next) {
                self.merge_gaps_at(first, end, next);
                return;
            }
        }
    }

    /// Extends the gap that begins at `first` and ends at `end` to the end of the one that begins at `next`.
    fn merge_gaps_at(&mut self, first: usize, end: usize, next: usize) {
        let (Some(QueueItem::Gap(second)), Some(_)) = (self.items.remove(next), self.items.remove(end))
        else {
            return;
        };
        self.gaps -= 2;
        let Some(QueueItem::Gap(opened)) = self.items.get_mut(first) else { return };
        if opened.channels != second.channels {
            let mut both: Vec<_> = opened.channels.iter().chain(&*second.channels).cloned().collect();
            both.sort();
            both.dedup();
            opened.channels = both.into();
        }
        let (from, channels) = (opened.from, Arc::clone(&opened.channels));
        let widen = |gap: &mut Gap| {
            if gap.from == second.from && gap.channels == second.channels {
                gap.from = from;
                gap.channels = Arc::clone(&channels);
            }
        };
        self.announced_gaps.iter_mut().map(|open| &mut open.gap).for_each(&widen);
        for item in self.items.iter_mut().skip(end) {
            match item {
                QueueItem::Gap(gap) if gap.state == GapState::Resumed => widen(gap),
                _ => {}
            }
        }
    }

    /// Returns the next item; remembers `waker` if there is none. `None` once closed and empty.
    pub(super) fn poll(&mut self, waker: &Waker) -> Poll<Option<FeedEvent>> {
        while let Some(item) = self.items.pop_front() {
            return Poll::Ready(Some(match item {
                QueueItem::Event(event) => {
                    self.events -= 1;
                    event
                }
                QueueItem::Latest(channel) => match self.latest.get_mut(channel).and_then(Option::take) {
                    Some(event) => event,
                    None => continue,
                },
                QueueItem::Lagged(missed) => FeedEvent::Lagged { missed },
                QueueItem::Gap(gap) => {
                    self.gaps -= 1;
                    FeedEvent::Gap(gap)
                }
            }));
        }
        if self.closed {
            return Poll::Ready(None);
        }
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Lets the reader end once it has read the queued items.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Takes the waker to wake once the lock is released.
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{GapCause, Trade, TradeId, VenueId};

    use super::*;

    fn trade(id: i64) -> FeedEvent {
        let symbol = Symbol::new(VenueId::new("upbit"), "KRW-BTC").unwrap();
        let (id, time) = (TradeId::Number(id), Timestamp::EPOCH);
        FeedEvent::Trade(Trade { symbol, id, price: 1.0, size: 1.0, side: None, time, received: time })
    }

    fn channel(code: &str) -> Channel {
        Channel { symbol: Symbol::new(VenueId::new("upbit"), code).unwrap(), kind: StreamKind::Trade }
    }

    fn resume(queue: &mut ReaderQueue, code: &str, at: i64) {
        queue.confirm(&channel(code).symbol, StreamKind::Trade, Timestamp::from_secs(at));
    }

    fn gap(from: i64) -> Gap {
        Gap {
            state: GapState::Opened,
            from: Timestamp::from_secs(from),
            to: None,
            cause: GapCause::Disconnected,
            channels: [channel("KRW-BTC")].into(),
            loss: None,
        }
    }

    /// Renders all queued items in short form.
    fn drain(queue: &mut ReaderQueue) -> Vec<String> {
        let mut seen = Vec::new();
        while let Poll::Ready(Some(event)) = queue.poll(Waker::noop()) {
            seen.push(match event {
                FeedEvent::Trade(trade) => trade.id.to_string(),
                FeedEvent::Lagged { missed } => format!("lagged {missed}"),
                FeedEvent::Gap(gap) => format!("{} {}", gap.state.as_str(), gap.from.as_secs()),
                other => panic!("{other:?}"),
            });
        }
        seen
    }

    fn buffered(depth: usize) -> ReaderQueue {
        ReaderQueue::new(Delivery::Buffered { capacity: depth }, 1)
    }

    #[test]
    fn the_oldest_are_dropped_and_their_number_stands_in_their_place() {
        let mut queue = buffered(2);
        let pushed_out: u64 = (1..=5).map(|id| queue.push(0, trade(id))).sum();
        assert_eq!(pushed_out, 3);
        assert_eq!(drain(&mut queue), ["lagged 3", "4", "5"]);
        queue.push(0, trade(6));
        assert_eq!(drain(&mut queue), ["6"]);
    }

    #[test]
    fn a_depth_of_nothing_still_delivers_the_latest() {
        let mut queue = buffered(0);
        queue.push(0, trade(1));
        queue.push(0, trade(2));
        assert_eq!(drain(&mut queue), ["lagged 1", "2"]);
    }

    #[test]
    fn a_gap_survives_an_overflow() {
        let mut queue = buffered(2);
        queue.push(0, trade(1));
        queue.open_gap(gap(1));
        resume(&mut queue, "KRW-BTC", 2);
        for id in 2..=4 {
            queue.push(0, trade(id));
        }
        assert_eq!(drain(&mut queue), ["lagged 1", "opened 1", "resumed 1", "lagged 1", "3", "4"]);
    }

    #[test]
    fn a_gap_opens_once_and_ends_once() {
        let mut queue = buffered(9);
        resume(&mut queue, "KRW-BTC", 0);
        queue.open_gap(gap(1));
        queue.open_gap(gap(2));
        resume(&mut queue, "KRW-BTC", 3);
        resume(&mut queue, "KRW-BTC", 4);
        assert_eq!(drain(&mut queue), ["opened 1", "resumed 1"]);
    }

    #[test]
    fn a_gap_ends_with_the_last_of_its_channels() {
        let mut queue = buffered(9);
        queue.open_gap(Gap { channels: [channel("KRW-BTC"), channel("KRW-ETH")].into(), ..gap(1) });
        resume(&mut queue, "KRW-ETH", 2);
        queue.push(0, trade(1));
        resume(&mut queue, "KRW-BTC", 3);
        assert_eq!(drain(&mut queue), ["opened 1", "1", "resumed 1"]);
    }

    #[test]
    fn each_channel_is_in_one_gap_at_a_time() {
        let mut queue = buffered(9);
        queue.open_gap(gap(1));
        queue.open_gap(Gap { channels: [channel("KRW-BTC"), channel("KRW-ETH")].into(), ..gap(2) });
        resume(&mut queue, "KRW-ETH", 3);
        resume(&mut queue, "KRW-BTC", 4);
        assert_eq!(drain(&mut queue), ["opened 1", "opened 2", "resumed 2", "resumed 1"]);
    }

    #[test]
    fn gaps_of_many_channels_do_not_pile_up_either() {
        let mut queue = buffered(9);
        for at in 0..1_000 {
            let code = ["KRW-BTC", "KRW-ETH", "KRW-XRP"][at % 3];
            let at = i64::try_from(at).unwrap();
            queue.open_gap(Gap { channels: [channel(code)].into(), ..gap(at) });
            resume(&mut queue, code, at);
        }
        let (mut opened, mut resumed) = (0, 0);
        while let Poll::Ready(Some(event)) = queue.poll(Waker::noop()) {
            let FeedEvent::Gap(gap) = event else { panic!("{event:?}") };
            match gap.state {
                GapState::Opened => opened += 1,
                _ => resumed += 1,
            }
        }
        assert!(opened == resumed && opened <= MAX_GAPS / 2, "{opened} {resumed}");
    }

    #[test]
    fn gaps_that_nobody_reads_do_not_pile_up() {
        let mut queue = buffered(9);
        for at in 0..1_000 {
            queue.open_gap(gap(at));
            resume(&mut queue, "KRW-BTC", at);
        }
        let seen = drain(&mut queue);
        assert!(seen.len() <= MAX_GAPS, "{}", seen.len());
        assert_eq!(seen[..2], ["opened 0", "resumed 0"]);
        for pair in seen.chunks(2) {
            assert!(pair[0].starts_with("opened") && pair[1].starts_with("resumed"), "{pair:?}");
        }
    }

    #[test]
    fn the_latest_of_each_channel_comes_in_the_order_of_first_change() {
        let mut queue = ReaderQueue::new(Delivery::Conflated, 2);
        queue.push(1, trade(10));
        queue.push(0, trade(20));
        queue.push(1, trade(11));
        assert_eq!(drain(&mut queue), ["11", "20"]);
    }

    #[test]
    fn nothing_overtakes_a_gap() {
        let mut queue = ReaderQueue::new(Delivery::Conflated, 2);
        queue.push(0, trade(1));
        queue.push(1, trade(2));
        queue.open_gap(gap(5));
        resume(&mut queue, "KRW-BTC", 6);
        queue.push(0, trade(3));
        assert_eq!(drain(&mut queue), ["2", "opened 5", "resumed 5", "3"]);
    }

    #[test]
    fn a_closed_queue_is_read_to_its_end() {
        let mut queue = buffered(9);
        queue.push(0, trade(1));
        queue.close();
        assert!(matches!(queue.poll(Waker::noop()), Poll::Ready(Some(_))));
        assert!(matches!(queue.poll(Waker::noop()), Poll::Ready(None)));
    }
}

//! The run of one story: what reaches the feed, and what the feed delivers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use market_backbone_coordinator::{Feed, Start};
use market_backbone_core::{
    Channel, FeedEvent, Gap, GapState, StreamKind, Subscription, Timestamp, Trade, TradeId,
};
use proptest::prelude::*;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::story::{Act, CODES, Story, TAPE, millis};
use crate::feed_rig::{Venue, at, channel, gap, strict, token};

/// The run of one story: what reaches the feed, and what the feed delivers.
pub(super) struct Run {
    venue: Arc<Venue>,
    subscription: Subscription,
    feed: Option<Feed>,
    started: Instant,
    broken: HashSet<Channel>,
    choked: bool,
    /// The end of the program's absence, and the act that ended it: events in between did not arrive.
    back: (i64, usize),
    /// The act after which the feed could know of a trade.
    pub(super) known: BTreeMap<TradeId, usize>,
    /// The trades that were lost on the way, until the feed is informed.
    lost: Vec<Trade>,
    pub(super) heard: BTreeMap<TradeId, usize>,
    pub(super) got: BTreeMap<String, Vec<TradeId>>,
    pub(super) gaps: Vec<Gap>,
    /// The last state of each candle, by market and minute, and how often it came as final.
    pub(super) candles: BTreeMap<(String, i64), (f64, usize)>,
    /// The minutes in which the program was away, and the one before.
    pub(super) away: BTreeSet<i64>,
    /// The latest start of the program, and the markets of which no ticker has arrived since.
    began: (Timestamp, Vec<&'static str>),
    /// The range that the first ticker of a market since a start covers already.
    uncompared: Vec<(&'static str, Timestamp, Timestamp)>,
}

impl Run {
    pub(super) fn new(venue: Arc<Venue>, subscription: Subscription, feed: Option<Feed>) -> Self {
        Self {
            venue,
            subscription,
            feed,
            started: Instant::now(),
            broken: HashSet::new(),
            choked: false,
            back: (i64::MIN, 0),
            known: BTreeMap::new(),
            lost: Vec::new(),
            heard: BTreeMap::new(),
            got: BTreeMap::new(),
            gaps: Vec::new(),
            candles: BTreeMap::new(),
            away: BTreeSet::new(),
            began: (at(0), CODES.to_vec()),
            uncompared: Vec::new(),
        }
    }

    pub(super) async fn live(mut self, story: &Story) -> Result<Self, TestCaseError> {
        for (number, (ms, act)) in story.acts.iter().enumerate() {
            self.read_until(*ms, story).await?;
            self.play(number, *ms, act, story).await?;
        }
        self.read_until(TAPE.1 + 900_000, story).await?;
        Ok(self)
    }

    /// Checks that no lost trade is missing from a gap that is reported as healed, at the moment of the report.
    fn is_healed(&self, gap: &Gap, story: &Story) -> Result<(), TestCaseError> {
        for code in CODES.into_iter().filter(|code| gap.channels.contains(&channel(code, StreamKind::Trade)))
        {
            let none = Vec::new();
            let order = self.got.get(code).unwrap_or(&none);
            let got: HashSet<_> = order.iter().collect();
            // A feed that begins now does not owe what happened before the first trade it delivered.
            let first = order.first().filter(|_| matches!(story.start, Start::Now));
            let is_due = |id: &TradeId| first.is_none_or(|first| first <= id);
            let was_lost = |id: &TradeId| self.known.contains_key(id) && !self.heard.contains_key(id);
            let is_missed = |id: &TradeId| is_due(id) && was_lost(id);
            let is_in =
                |trade: &&Trade| gap.from <= trade.time && Some(trade.time) <= gap.to && is_missed(&trade.id);
            let missing: Vec<_> =
                story.tape[code].iter().filter(is_in).filter(|trade| !got.contains(&trade.id)).collect();
            let (from, to) = (gap.from, gap.to);
            prop_assert!(missing.is_empty(), "{code} {from} to {to:?}: healed without {missing:?}");
        }
        Ok(())
    }

    async fn read_until(&mut self, ms: i64, story: &Story) -> Result<(), TestCaseError> {
        let end = self.started + Duration::from_millis(ms.unsigned_abs());
        loop {
            let Some(feed) = &mut self.feed else {
                sleep_until(end).await;
                return Ok(());
            };
            let Ok(Some(event)) = timeout_at(end, feed.next()).await else { return Ok(()) };
            match event {
                FeedEvent::Trade(trade) => {
                    self.got.entry(trade.symbol.code().to_owned()).or_default().push(trade.id);
                }
                FeedEvent::Gap(gap) => {
                    if gap.state == GapState::Healed {
                        self.is_healed(&gap, story)?;
                    }
                    self.gaps.push(gap);
                }
                FeedEvent::Candle { series, candle, .. } => {
                    let minute = (candle.open_time.as_millis() - at(0).as_millis()).div_euclid(60_000);
                    let seen = self.candles.entry((series.symbol.code().to_owned(), minute)).or_default();
                    *seen = (candle.volume, seen.1 + usize::from(candle.is_final));
                }
                _ => {}
            }
        }
    }

    async fn play(&mut self, number: usize, ms: i64, act: &Act, story: &Story) -> Result<(), TestCaseError> {
        match act {
            Act::Frame(event) if ms < self.back.0 => self.unheard(event),
            Act::Frame(event) => self.frame(number, event),
            Act::Spoilt(_) if ms < self.back.0 => {}
            Act::Spoilt(event) => self.venue.say(event.clone()),
            Act::Break(channels) => self.broken.extend(channels.iter().cloned()),
            Act::Opened(channels, from) => {
                if self.broken.iter().any(|broken| channels.contains(broken)) {
                    self.venue.say(gap(GapState::Opened, channels, *from, None));
                    self.delivered(number, |trade| {
                        channels.iter().any(|channel| channel.symbol == trade.symbol)
                    });
                }
            }
            Act::Resumed(channels, from) => {
                self.broken.retain(|broken| !channels.contains(broken));
                self.venue.say(gap(GapState::Resumed, channels, *from, Some(ms)));
                self.delivered(number, |trade| channels.iter().any(|channel| channel.symbol == trade.symbol));
            }
            Act::Choke => self.choked = true,
            Act::Lagged => {
                self.choked = false;
                self.venue.say(FeedEvent::Lagged { missed: 1 });
                self.delivered(number, |_| true);
            }
            Act::Restart(pause) => {
                let cursor = token(self.feed.as_ref().unwrap());
                self.feed = None;
                let began = self.minute() - 1; // of which a trade may still be to come
                self.read_until(ms + pause, story).await?;
                self.away.extend(began..=self.minute());
                self.feed = Some(self.venue.feed_with(self.subscription.clone(), cursor, strict()).await);
                self.began = (at(0).plus(self.started.elapsed()), CODES.to_vec());
                self.delivered(number, |_| true);
                self.back = (ms + pause, number);
            }
            Act::Nap(pause) => {
                sleep_until(self.started + Duration::from_millis((ms + pause).unsigned_abs())).await;
            }
        }
        Ok(())
    }

    /// Returns whether a trade is missing in a gap that was reported as lost.
    pub(super) fn is_lost(&self, code: &str, id: &TradeId) -> bool {
        let (time, channel) = (at(millis(id)), channel(code, StreamKind::Trade));
        self.gaps.iter().any(|gap| {
            let is_in = gap.from.minus(Duration::from_secs(2)) <= time && Some(time) <= gap.to;
            gap.state == GapState::Lost && gap.channels.contains(&channel) && is_in
        })
    }

    /// Returns whether a trade was lost without a report and the program ended before the loss could be proven:
    /// while an earlier gap is being healed, which may take a minute here, nothing is checked, and the next
    /// program does not know of the suspicion.
    pub(super) fn ends_unproven(&self, id: &TradeId, story: &Story) -> bool {
        let ms = millis(id);
        let is_soon =
            |(end, act): &(i64, Act)| matches!(act, Act::Restart(_)) && (ms..ms + 120_000).contains(end);
        !self.known.contains_key(id) && story.acts.iter().any(is_soon)
    }

    /// Returns whether a trade was lost without a report after the program had begun, and the first ticker of
    /// its market includes it already: its pages were fetched before, and there is no earlier volume to compare
    /// with.
    pub(super) fn begins_unproven(&self, code: &str, id: &TradeId) -> bool {
        let time = at(millis(id));
        let is_in =
            |(of, from, to): &(&str, Timestamp, Timestamp)| *of == code && *from <= time && time <= *to;
        !self.known.contains_key(id) && self.uncompared.iter().any(is_in)
    }

    fn minute(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_secs() / 60).unwrap()
    }

    /// Records that the feed knows now that some of these trades are missing.
    fn delivered(&mut self, number: usize, concerned: impl Fn(&Trade) -> bool) {
        for trade in self.lost.extract_if(.., |trade| concerned(trade)) {
            self.known.entry(trade.id).or_insert(number);
        }
    }

    /// Records an event during the program's absence: the next program has to fetch everything since the
    /// cursor.
    fn unheard(&mut self, event: &FeedEvent) {
        if let FeedEvent::Trade(trade) = event {
            self.known.entry(trade.id.clone()).or_insert(self.back.1);
        }
    }

    fn frame(&mut self, number: usize, event: &FeedEvent) {
        let (symbol, kind) = event.channel().unwrap();
        let on_the_way = Channel { symbol: symbol.clone(), kind };
        let is_lost = self.choked || self.broken.contains(&on_the_way);
        if let FeedEvent::Trade(trade) = event {
            if is_lost {
                self.lost.push(trade.clone());
            } else {
                self.known.entry(trade.id.clone()).or_insert(number);
                self.heard.entry(trade.id.clone()).or_insert(number);
            }
        }
        if let FeedEvent::Ticker(ticker) = event
            && !is_lost
        {
            let (since, unheard) = &mut self.began;
            let first = unheard.extract_if(.., |code| ticker.symbol.code() == *code);
            self.uncompared.extend(first.map(|code| (code, *since, ticker.trade_time)));
        }
        if !is_lost {
            self.venue.say(event.clone());
        }
    }
}

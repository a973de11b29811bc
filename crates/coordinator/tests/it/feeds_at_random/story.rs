//! The acts of a story and their times, drawn from a seed.

use std::collections::BTreeMap;

use market_backbone_coordinator::Start;
use market_backbone_core::{Candle, Channel, FeedEvent, Series, StreamKind, Timeframe, Trade, TradeId};

use crate::feed_rig::{CANDLE, at, candle, channel, symbol, ticker};

pub(super) const CODES: [&str; 2] = ["A", "B"];
/// The start and the end of the tape, in ms from noon.
pub(super) const TAPE: (i64, i64) = (-120_000, 420_000);
/// The start of a feed from the past, in ms from noon.
pub(super) const SINCE: i64 = -60_000;

/// The acts of a story.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A frame arrives, unless it is lost on the way.
    Frame(FeedEvent),
    /// An impossible frame arrives.
    Spoilt(FeedEvent),
    /// Frames of these channels are lost from here on, without a report.
    Break(Vec<Channel>),
    Opened(Vec<Channel>, i64),
    /// Frames arrive again.
    Resumed(Vec<Channel>, i64),
    /// The reader's queue begins to overflow.
    Choke,
    /// The reader's queue no longer overflows.
    Lagged,
    /// The program ends, and begins again after this many ms.
    Restart(i64),
    /// The reader does not read for this many ms.
    Nap(i64),
}

pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33).cast_signed()) % limit
    }

    pub(super) fn one_in(&mut self, many: i64) -> bool {
        self.below(many) == 0
    }
}

pub(super) struct Story {
    /// `true` if the venue's pages and timestamps have faults.
    pub(super) is_flawed: bool,
    pub(super) kinds: Vec<StreamKind>,
    pub(super) start: Start,
    pub(super) tape: BTreeMap<&'static str, Vec<Trade>>,
    /// The volumes by market and minute.
    pub(super) volumes: BTreeMap<(&'static str, i64), f64>,
    pub(super) acts: Vec<(i64, Act)>,
}

impl Story {
    pub(super) fn new(seed: u64, is_flawed: bool) -> Self {
        let mut chance = Chance(seed);
        let has_tickers = chance.one_in(2);
        // Tickers reveal a trade that is lost without a report together with a candle's last state. If the
        // program ends in between, they reveal only the trade.
        let has_candles = !has_tickers && chance.one_in(2);
        let mut kinds = vec![StreamKind::Trade];
        kinds.extend(has_tickers.then_some(StreamKind::Ticker));
        kinds.extend(has_candles.then_some(CANDLE));
        let start = if chance.one_in(2) { Start::At(at(SINCE)) } else { Start::Now };
        let mut story = Self {
            is_flawed,
            kinds,
            start,
            tape: BTreeMap::new(),
            volumes: BTreeMap::new(),
            acts: Vec::new(),
        };
        for code in CODES {
            story.trade(code, &mut chance, has_tickers);
        }
        story.misfortunes(&mut chance);
        if is_flawed {
            story.stamps_from_the_future(&mut chance);
        }
        story.acts.sort_by_key(|(ms, _)| *ms);
        story
    }

    fn trade(&mut self, code: &'static str, chance: &mut Chance, has_tickers: bool) {
        let (mut ms, mut number, mut volume) = (TAPE.0, 0, 1_000.0);
        while ms < TAPE.1 {
            let pause = if chance.one_in(20) { 15_000 } else { 1_500 };
            ms += chance.below(pause);
            number += 1;
            let size = 0.001 * (1 + chance.below(5_000)) as f64;
            // Ids of different markets differ, because one map holds what is known of them.
            let id = TradeId::Number(
                17_000_000_000_000_000 + 10_000 * ms + 2 * number + i64::from(code == CODES[1]),
            );
            let trade = Trade {
                id,
                symbol: symbol(code),
                price: 1.0,
                size,
                side: None,
                time: at(ms),
                received: at(ms),
            };
            volume += size;
            self.frames(&trade, ms, volume, chance, has_tickers);
            self.candle_frame(code, ms, size, chance);
            self.tape.entry(code).or_default().push(trade);
        }
    }

    fn frames(&mut self, trade: &Trade, ms: i64, volume: f64, chance: &mut Chance, has_tickers: bool) {
        // With tickers a late trade must not look like a lost one for too long: false alarms pause the audit.
        let late = if chance.one_in(20) { chance.below(if has_tickers { 1_000 } else { 20_000 }) } else { 0 };
        if ms < 0 {
            return;
        }
        // Nothing could prove that the last trades are missing: after a false alarm or two an audit pauses for
        // minutes.
        if !has_tickers || !chance.one_in(40) || ms > TAPE.1 - 200_000 {
            self.acts.push((ms + 25 + late, Act::Frame(live_trade(trade, ms + 25 + late))));
        }
        if chance.one_in(20) {
            let again = chance.below(3_000);
            self.acts.push((ms + 25 + late + again, Act::Frame(live_trade(trade, ms + 25 + late + again))));
        }
        if has_tickers && !chance.one_in(40) {
            self.acts.push((ms + 25, Act::Frame(ticker(trade.symbol.code(), ms, volume))));
        }
    }

    pub(super) fn has_candles(&self) -> bool {
        self.kinds.contains(&CANDLE)
    }

    fn candle_frame(&mut self, code: &'static str, ms: i64, size: f64, chance: &mut Chance) {
        let minute = ms.div_euclid(60_000);
        let volume = self.volumes.entry((code, minute)).or_default();
        *volume += size;
        if self.has_candles() && ms >= 0 && !chance.one_in(3) {
            let series = Series::new(symbol(code), Timeframe::M1);
            let candle = Candle { volume: self.volumes[&(code, minute)], ..candle(minute, 1.0, false) };
            self.acts.push((ms + 25, Act::Frame(FeedEvent::Candle { series, candle, received: at(ms) })));
        }
    }

    fn stamps_from_the_future(&mut self, chance: &mut Chance) {
        let mut ms = 0;
        while ms < TAPE.1 {
            ms += chance.below(60_000);
            let code = CODES[usize::from(chance.one_in(2))];
            let then = ms + [10_000, 61_000, 3_600_000][usize::try_from(chance.below(3)).unwrap()];
            let frame = match self.kinds.last() {
                Some(StreamKind::Ticker) if chance.one_in(2) => ticker(code, then, 1_000_000.0),
                Some(StreamKind::Candle(frame)) if chance.one_in(2) => {
                    let series = Series::new(symbol(code), *frame);
                    let candle = candle(then / 60_000 + 1, 9.0, false);
                    FeedEvent::Candle { series, candle, received: at(ms) }
                }
                _ => {
                    let id = TradeId::Number(17_000_000_000_000_000 + 10_000 * then + 9_999);
                    let (symbol, received) = (symbol(code), at(ms));
                    let trade =
                        Trade { symbol, id, price: 1.0, size: 1.0, side: None, time: at(then), received };
                    FeedEvent::Trade(trade)
                }
            };
            self.acts.push((ms, Act::Spoilt(frame)));
        }
    }

    fn misfortunes(&mut self, chance: &mut Chance) {
        let mut ms = 5_000;
        while ms < TAPE.1 - 60_000 {
            ms += chance.below(40_000);
            match chance.below(5) {
                0 | 1 => {
                    let codes = if chance.one_in(2) { &CODES[..] } else { &CODES[..1] };
                    let channels: Vec<_> = codes
                        .iter()
                        .flat_map(|code| self.kinds.iter().map(|kind| channel(code, *kind)))
                        .collect();
                    let (known, over) = (ms + chance.below(2_000), ms + 2_000 + chance.below(20_000));
                    self.acts.push((ms, Act::Break(channels.clone())));
                    self.acts.push((known, Act::Opened(channels.clone(), ms)));
                    self.acts.push((over, Act::Resumed(channels, ms)));
                    ms = over + 1;
                }
                2 => {
                    self.acts.push((ms, Act::Choke));
                    ms += 1 + chance.below(4_000);
                    self.acts.push((ms, Act::Lagged));
                }
                3 => {
                    let pause = chance.below(20_000);
                    self.acts.push((ms, Act::Restart(pause)));
                    ms += pause;
                }
                _ => self.acts.push((ms, Act::Nap(chance.below(8_000)))),
            }
        }
    }
}

/// Returns a trade that arrives at this time.
pub(super) fn live_trade(trade: &Trade, ms: i64) -> FeedEvent {
    FeedEvent::Trade(Trade { received: at(ms), ..trade.clone() })
}

/// Returns the time of a trade, in ms from noon.
pub(super) fn millis(id: &TradeId) -> i64 {
    match id {
        TradeId::Number(number) => (number - 17_000_000_000_000_000).div_euclid(10_000),
        TradeId::Text(_) => unreachable!("all ids of the tape are numbers"),
    }
}

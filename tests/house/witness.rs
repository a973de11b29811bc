//! What a reader of a feed saw, and how that compares with what happened.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use market_backbone::{
    Candle, Channel, Clock, Feed, FeedEvent, Gap, GapState, Side, StreamKind, Ticker, Timeframe, Timestamp,
    Trade, TradeId,
};
use market_backbone_emulator as venue;
use tokio::time::{Instant, timeout_at};

/// How long after it happened a trade may come without anybody having said that something was amiss: some are told
/// late by the venue itself, and some wait for the frame that overtook them.
const PUNCTUAL_MS: i64 = 3_000;

/// What a reader saw.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// In order of arrival.
    trades: BTreeMap<String, Vec<Trade>>,
    ids: HashSet<(String, TradeId)>,
    /// The last state of each candle of one minute, by market and open time.
    candles: BTreeMap<(String, i64), Candle>,
    open: HashMap<Channel, Gap>,
    gaps: Vec<Gap>,
    /// When the last gap of a channel ended.
    whole_since: HashMap<Channel, Timestamp>,
    pub(crate) doubled: Vec<Trade>,
    /// Trades that came late though nothing had been announced.
    pub(crate) unannounced: Vec<Trade>,
    /// Each market's last ticker.
    tickers: HashMap<String, Ticker>,
    /// When each market's last book was as it is.
    books: HashMap<String, Timestamp>,
    /// Tickers that were older than the one before, each after it.
    pub(crate) backwards: Vec<(Ticker, Ticker)>,
    /// Trades of the past that came before older ones.
    pub(crate) disordered: u64,
    pub(crate) lagged: u64,
    /// When history had been delivered.
    pub(crate) caught_up: Option<Timestamp>,
}

impl Witness {
    /// Notes an event that was read at `now`.
    pub(crate) fn note(&mut self, event: FeedEvent, now: Timestamp) {
        match event {
            FeedEvent::Trade(trade) => self.trade(trade, now),
            FeedEvent::Candle { series, candle, .. } if series.timeframe == Timeframe::M1 => {
                let key = (series.symbol.code().to_owned(), candle.open_time.as_millis());
                self.candles.insert(key, candle);
            }
            FeedEvent::Ticker(ticker) => {
                let before = self.tickers.insert(ticker.symbol.code().to_owned(), ticker.clone());
                let newer = before.filter(|before| ticker.time < before.time);
                self.backwards.extend(newer.map(|newer| (newer, ticker)));
            }
            FeedEvent::Book(book) => {
                self.books.insert(book.symbol.code().to_owned(), book.time);
            }
            FeedEvent::Gap(gap) => self.gap(gap, now),
            FeedEvent::Lagged { missed } => self.lagged += missed,
            FeedEvent::CaughtUp(_) => self.caught_up = Some(now),
            _ => {}
        }
    }

    fn trade(&mut self, trade: Trade, now: Timestamp) {
        let market = trade.symbol.code().to_owned();
        if !self.ids.insert((market.clone(), trade.id.clone())) {
            self.doubled.push(trade.clone());
        }
        let before = self.trades.get(&market).and_then(|trades| trades.last());
        self.disordered +=
            u64::from(self.caught_up.is_none() && before.is_some_and(|before| trade.id <= before.id));
        let is_late = now.as_millis() - trade.time.as_millis() > PUNCTUAL_MS;
        if is_late && !self.is_excused(&trade, now) {
            self.unannounced.push(trade.clone());
        }
        self.trades.entry(market).or_default().push(trade);
    }

    /// History is late by nature, and so is what waited behind it or behind a gap, and comes right after.
    fn is_excused(&self, trade: &Trade, now: Timestamp) -> bool {
        let channel = Channel { symbol: trade.symbol.clone(), kind: StreamKind::Trade };
        let just_ended = |at: &Timestamp| now.as_millis() - at.as_millis() <= PUNCTUAL_MS;
        self.caught_up.as_ref().is_none_or(just_ended)
            || self.open.contains_key(&channel)
            || self.whole_since.get(&channel).is_some_and(just_ended)
    }

    fn gap(&mut self, gap: Gap, now: Timestamp) {
        for channel in gap.channels.iter() {
            if matches!(gap.state, GapState::Healed | GapState::Lost) {
                self.open.remove(channel);
                self.whole_since.insert(channel.clone(), now);
            } else {
                self.open.insert(channel.clone(), gap.clone());
            }
        }
        self.gaps.push(gap);
    }

    /// The gaps that are open.
    pub(crate) fn open(&self) -> Vec<&Gap> {
        self.open.values().collect()
    }

    /// The gaps that were told to be lost.
    pub(crate) fn lost(&self) -> Vec<&Gap> {
        self.gaps.iter().filter(|gap| gap.state == GapState::Lost).collect()
    }

    /// Whether no gap is open.
    pub(crate) fn is_whole(&self) -> bool {
        self.open.is_empty()
    }

    /// How often a gap was said to be in `state`.
    pub(crate) fn gaps(&self, state: GapState) -> usize {
        self.gaps.iter().filter(|gap| gap.state == state).count()
    }

    /// Whether something that happened in a market at `ms`, by our clock, lies in a gap that was told to be lost.
    pub(crate) fn is_in_lost_gap(&self, market: &str, ms: i64) -> bool {
        let is_of = |channel: &Channel| channel.kind == StreamKind::Trade && channel.symbol.code() == market;
        self.gaps.iter().filter(|gap| gap.state == GapState::Lost && gap.channels.iter().any(is_of)).any(
            |gap| {
                let (from_ms, to_ms) = (gap.from.as_millis(), gap.to.map_or(i64::MAX, Timestamp::as_millis));
                from_ms - PUNCTUAL_MS <= ms && ms <= to_ms.saturating_add(PUNCTUAL_MS)
            },
        )
    }

    /// The moment that the last ticker or book of a market is of.
    pub(crate) fn latest_state(&self, market: &str) -> Option<Timestamp> {
        let ticker = self.tickers.get(market).map(|ticker| ticker.time);
        ticker.max(self.books.get(market).copied())
    }

    /// How often each state was announced for each cause.
    pub(crate) fn announced(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for gap in &self.gaps {
            *count.entry(format!("{} {}", gap.cause.as_str(), gap.state.as_str())).or_default() += 1;
        }
        count
    }

    /// Trades seen in all markets.
    pub(crate) fn len(&self) -> usize {
        self.trades.values().map(Vec::len).sum()
    }

    /// The trades of a market in order of arrival.
    pub(crate) fn of(&self, market: &str) -> &[Trade] {
        self.trades.get(market).map_or(&[], Vec::as_slice)
    }

    /// How the trades of `from_ms <= time < to_ms` differ from the tape's, one line for each.
    pub(crate) fn differences(
        &self,
        tape: &venue::CryptoTape,
        markets: &[String],
        (from_ms, to_ms): (i64, i64),
    ) -> Vec<String> {
        let mut found = Vec::new();
        for market in markets {
            let within = |trade: &&Trade| (from_ms..to_ms).contains(&trade.time.as_millis());
            let mut seen: HashMap<TradeId, &Trade> =
                self.of(market).iter().filter(within).map(|trade| (trade.id.clone(), trade)).collect();
            for print in tape.trades(market, from_ms, to_ms) {
                match seen.remove(&TradeId::Number(print.id)) {
                    None => found.push(format!("{market}: missing {print:?}")),
                    Some(trade) if !is_same(trade, &print) => {
                        found.push(format!("{market}: {trade:?} is no {print:?}"))
                    }
                    Some(_) => {}
                }
            }
            found.extend(seen.values().map(|trade| format!("{market}: never happened: {trade:?}")));
        }
        found
    }

    /// How the last states of the one-minute candles that opened and ended within `from_ms..to_ms` differ from the tape's,
    /// one line for each.
    pub(crate) fn wrong_candles(
        &self,
        tape: &venue::CryptoTape,
        markets: &[String],
        (from_ms, to_ms): (i64, i64),
    ) -> Vec<String> {
        let first = (from_ms + 59_999).div_euclid(60_000) * 60_000;
        let minutes: Vec<i64> = (first..).step_by(60_000).take_while(|open| open + 60_000 <= to_ms).collect();
        let each = markets.iter().flat_map(|market| minutes.iter().map(move |open| (market, *open)));
        each.filter_map(|(market, open)| {
            let (seen, want) =
                (self.candles.get(&(market.clone(), open)), fold(&tape.trades(market, open, open + 60_000)));
            (!agrees(seen, want)).then(|| format!("{market} {open}: {seen:?} is no {want:?}"))
        })
        .collect()
    }
}

fn is_same(trade: &Trade, print: &venue::TapeTrade) -> bool {
    let side = match print.side {
        venue::TakerSide::Buy => Side::Buy,
        venue::TakerSide::Sell => Side::Sell,
    };
    trade.price == print.price()
        && trade.size == print.size()
        && trade.side == Some(side)
        && trade.time.as_millis() == print.time_ms
}

/// Open, high, low, close and volume of some trades; none of none.
pub(crate) fn fold(trades: &[venue::TapeTrade]) -> Option<[f64; 5]> {
    let (first, last) = (trades.first()?, trades.last()?);
    let prices = || trades.iter().map(venue::TapeTrade::price);
    let volume_e8: i128 = trades.iter().map(|trade| i128::from(trade.size_e8)).sum();
    Some([
        first.price(),
        prices().fold(f64::MIN, f64::max),
        prices().fold(f64::MAX, f64::min),
        last.price(),
        volume_e8 as f64 / 1e8,
    ])
}

/// Whether a candle has these figures; volumes to the last bits but one, because sums of floats differ there.
pub(crate) fn agrees(seen: Option<&Candle>, want: Option<[f64; 5]>) -> bool {
    match (seen, want) {
        (None, None) => true,
        (Some(candle), Some([open, high, low, close, volume])) => {
            [candle.open, candle.high, candle.low, candle.close] == [open, high, low, close]
                && (candle.volume - volume).abs() <= volume * 1e-12
        }
        _ => false,
    }
}

/// A feed and who reads it.
pub(crate) struct Watch {
    pub(crate) feed: Feed,
    pub(crate) seen: Witness,
    /// What the arrival of each event is told by.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Watch {
    /// Reads until `done` or `until`; whether it was done.
    pub(crate) async fn read(&mut self, until: Instant, mut done: impl FnMut(&Witness) -> bool) -> bool {
        loop {
            if done(&self.seen) {
                return true;
            }
            match timeout_at(until, self.feed.next()).await {
                Ok(Some(event)) => self.seen.note(event, self.clock.now()),
                Ok(None) => panic!("the feed ended"),
                Err(_) => return done(&self.seen),
            }
        }
    }
}

//! What really happened, minute by minute: every trade with the moment it became visible, and what was
//! restated later. Only the oracle and the venue see it.

use std::collections::BTreeMap;
use std::time::Duration;

use market_backbone_core::{Candle, Timestamp};
pub(crate) use market_backbone_testkit::{dice, minute, minute_of};

/// The minute at which every history begins.
pub(crate) const START: i64 = 28_000_000;
/// How far back, in minutes, anything traded.
pub(crate) const REACH: i64 = 600;
/// How long after its end a candle may still change where the next one is shown,
pub(crate) const VISIBLE: Duration = Duration::from_secs(1);
/// and in any case: so far the venue may lag.
pub(crate) const SETTLING: Duration = Duration::from_secs(3);

/// How the market trades.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    /// Stretches of minutes, newest first, each with the share of its minutes that trade; the first one also
    /// says how it goes on. A share of nothing is an outage, or a market that nobody wants.
    pub(crate) stretches: Vec<(i64, u64)>,
    pub(crate) seed: u64,
}

/// What the venue says of a minute from some day on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Correction {
    /// Other figures, or figures where there were none.
    Figures(u8),
    /// Nothing traded after all.
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Tape {
    market: Market,
    /// How long it takes until the venue shows a trade.
    lag: Duration,
    corrections: BTreeMap<i64, Vec<Option<Candle>>>,
}

struct Trade {
    visible: Timestamp,
    price: f64,
}

/// The first minute that has not settled at `now`.
pub(crate) fn unsettled(now: Timestamp) -> i64 {
    minute_of(now.minus(SETTLING))
}

/// The first minute of which nothing final can be shown at `now`.
pub(crate) fn unshowable(now: Timestamp) -> i64 {
    minute_of(now.minus(VISIBLE))
}

impl Tape {
    pub(crate) fn new(market: Market, lag: Duration) -> Self {
        Self { market, lag, corrections: BTreeMap::new() }
    }

    /// What the venue says at `now`; `None` where nothing has become visible.
    pub(crate) fn seen(&self, slot: i64, now: Timestamp) -> Option<Candle> {
        match self.corrections.get(&slot).and_then(|said| said.last()) {
            Some(said) => *said,
            None => self.folded(slot, now),
        }
    }

    /// The same of a minute of which nothing more is to come.
    pub(crate) fn said(&self, slot: i64, now: Timestamp) -> Option<Candle> {
        self.seen(slot, now).map(|candle| Candle { is_final: true, ..candle })
    }

    /// Everything the venue has said of a minute after it had settled; `None` for that nothing traded.
    pub(crate) fn versions(&self, slot: i64) -> Vec<Option<Candle>> {
        let mut versions = vec![self.folded(slot, Timestamp::MAX)];
        versions.extend(self.corrections.get(&slot).into_iter().flatten());
        versions
    }

    /// Whether the venue has said different things of a minute.
    pub(crate) fn is_restated(&self, slot: i64) -> bool {
        self.versions(slot).windows(2).any(|two| two[0] != two[1])
    }

    /// Whether a row is what the venue said of a minute before all its trades were visible, and called final.
    pub(crate) fn is_cut_short(&self, slot: i64, row: Option<Candle>) -> bool {
        let cut_short = |row| self.drafts(slot).contains(&Candle { is_final: false, ..row });
        row.is_some_and(cut_short)
    }

    /// Everything the venue can have said of a minute before it had settled.
    pub(crate) fn drafts(&self, slot: i64) -> Vec<Candle> {
        let moments = self.trades(slot).into_iter().map(|trade| trade.visible);
        let drafts = moments.filter_map(|moment| self.folded(slot, moment));
        drafts.map(|candle| Candle { is_final: false, ..candle }).collect()
    }

    pub(crate) fn correct(&mut self, slot: i64, correction: Correction) {
        let said = match correction {
            Correction::Nothing => None,
            Correction::Figures(salt) => Some(candle(slot, &[7.0 + f64::from(salt)], true)),
        };
        self.corrections.entry(slot).or_default().push(said);
    }

    fn folded(&self, slot: i64, now: Timestamp) -> Option<Candle> {
        let trades = self.trades(slot);
        let prices: Vec<_> =
            trades.iter().filter(|trade| trade.visible <= now).map(|trade| trade.price).collect();
        let is_final = minute(slot + 1).plus(SETTLING) <= now;
        (!prices.is_empty()).then(|| candle(slot, &prices, is_final))
    }

    /// One to four trades; the last may become visible only when the minute is over.
    fn trades(&self, slot: i64) -> Vec<Trade> {
        let seed = self.market.seed;
        let random = |salt: u64| dice(seed ^ salt, slot.unsigned_abs());
        if random(0) >= self.share(slot) {
            return Vec::new();
        }
        let count = 1 + random(1) % 4;
        let regular = (0..count).map(|number| {
            let second = (random(2) % 15) + number * 14;
            let visible = minute(slot).plus(Duration::from_secs(second)).plus(self.lag);
            Trade { visible, price: 1.0 + random(3 + number) as f64 }
        });
        let mut trades: Vec<_> = regular.collect();
        if random(9) < 25
            && let Some(last) = trades.last_mut()
        {
            last.visible = minute(slot + 1).plus(self.lag.max(VISIBLE / 2));
        }
        trades
    }

    fn share(&self, slot: i64) -> u64 {
        if slot < START - REACH {
            return 0;
        }
        let mut begin = START + 1;
        for (length, share) in &self.market.stretches {
            begin -= length;
            if slot >= begin {
                return *share;
            }
        }
        0
    }
}

fn candle(slot: i64, prices: &[f64], is_final: bool) -> Candle {
    Candle {
        open_time: minute(slot),
        open: prices[0],
        high: prices.iter().copied().fold(f64::MIN, f64::max),
        low: prices.iter().copied().fold(f64::MAX, f64::min),
        close: prices[prices.len() - 1],
        volume: prices.len() as f64 / 3.0,
        turnover: prices.iter().sum::<f64>() / 3.0,
        is_final,
    }
}

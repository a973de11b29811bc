//! What one feed says of the series that are built from it. No task and no clock: those are its caller's.

use market_backbone_core::{
    BarEvent, BuilderRules, CandleBuilders, Capabilities, FeedEvent, Gap, Intake, Series, StreamKind, Symbol,
    Timestamp, Trade,
};
use rustc_hash::FxHashMap;

use super::lane::{Lane, Patience};
use super::order::Order;

/// Listens to one feed.
#[derive(Debug)]
pub(super) struct Ear {
    from_trades: CandleBuilders,
    from_frames: CandleBuilders,
    lanes: FxHashMap<Symbol, Vec<Lane>>,
    /// When something was last heard of anything.
    last_heard: Timestamp,
    patience: Patience,
}

/// What of a market a series is built from: the venue's own candle where it streams it, else the trades.
pub(super) fn source_of(series: &Series, venue: &Capabilities) -> StreamKind {
    let candle = StreamKind::Candle(series.timeframe);
    if venue.streams(candle) { candle } else { StreamKind::Trade }
}

impl Ear {
    pub(super) fn new(
        series: Vec<Series>,
        venue: &Capabilities,
        rules: BuilderRules,
        patience: Patience,
    ) -> Self {
        let builders = |rules| CandleBuilders::new(venue.grid, rules);
        let provisional = venue.corrections.provisional;
        let late = if provisional { rules.late.max(venue.settling) } else { rules.late };
        let mut ear = Self {
            from_trades: builders(rules),
            from_frames: builders(BuilderRules { late, ..rules }),
            lanes: FxHashMap::default(),
            last_heard: Timestamp::MIN,
            patience,
        };
        for series in series {
            let source = source_of(&series, venue);
            let builders = match source {
                StreamKind::Trade => &mut ear.from_trades,
                _ => &mut ear.from_frames,
            };
            builders.add(series.clone());
            let amends = provisional && source != StreamKind::Trade;
            let lane = Lane::new(series, source, amends, venue.grid, patience);
            ear.lanes.entry(lane.series.symbol.clone()).or_default().push(lane);
        }
        ear
    }

    /// Takes an event of the feed; it is `now`.
    pub(super) fn hear(&mut self, event: &FeedEvent, now: Timestamp, orders: &mut Vec<Order>) {
        match event {
            FeedEvent::Trade(trade) if self.is_plausible(trade.time, now) => self.hear_trade(trade, orders),
            FeedEvent::Candle { series, candle, received } if self.is_plausible(candle.open_time, now) => {
                self.last_heard = self.last_heard.max(*received);
                let Some(lane) = lane_of(&mut self.lanes, series) else { return };
                if let Some(since) = lane.heard(candle.open_time, *received) {
                    self.from_frames.begin(series, since);
                }
                self.from_frames.frame(series, candle, |_, event| lane.take(event, orders));
            }
            FeedEvent::Gap(gap) => self.hear_gap(gap, now, orders),
            // Of what, nobody knows.
            FeedEvent::Lagged { .. } => {
                let (from, to) = (self.last_heard, now.plus(self.patience.clock_slack));
                let from = from.minus(self.patience.clock_slack);
                self.lanes.values_mut().flatten().for_each(|lane| lane.lose(from, to, orders));
            }
            _ => {}
        }
    }

    /// One event from the far future would close everything before it.
    fn is_plausible(&self, moment: Timestamp, now: Timestamp) -> bool {
        moment <= now.plus(self.patience.silence)
    }

    fn hear_trade(&mut self, trade: &Trade, orders: &mut Vec<Order>) {
        let Self { from_trades, lanes, .. } = self;
        self.last_heard = self.last_heard.max(trade.received);
        for lane in of_trades(lanes, &trade.symbol) {
            if let Some(since) = lane.heard(trade.time, trade.received) {
                from_trades.begin(&lane.series, since);
            }
        }
        let intake = from_trades.trade(trade, |series, event| {
            if let Some(lane) = lane_of(lanes, series) {
                lane.take(event, orders);
            }
        });
        if intake == Intake::Late {
            of_trades(lanes, &trade.symbol).for_each(|lane| lane.missed(trade.time, orders));
        }
    }

    fn hear_gap(&mut self, gap: &Gap, now: Timestamp, orders: &mut Vec<Order>) {
        for channel in gap.channels.iter() {
            let lanes = self.lanes.get_mut(&channel.symbol).into_iter().flatten();
            lanes.filter(|lane| lane.source == channel.kind).for_each(|lane| lane.gap(gap, now, orders));
        }
    }

    /// Closes what is over by the clock, and hands over what may be written; says how many slots stay unknown.
    pub(super) fn on_time(&mut self, now: Timestamp, orders: &mut Vec<Order>) -> u64 {
        let lanes = &mut self.lanes;
        let mut take = |series: &Series, event: BarEvent| {
            if let Some(lane) = lane_of(lanes, series) {
                lane.take(event, orders);
            }
        };
        self.from_trades.on_time(now, &mut take);
        self.from_frames.on_time(now, &mut take);
        self.lanes.values_mut().flatten().map(|lane| lane.release(now, orders)).sum()
    }
}

fn lane_of<'l>(lanes: &'l mut FxHashMap<Symbol, Vec<Lane>>, series: &Series) -> Option<&'l mut Lane> {
    lanes.get_mut(&series.symbol)?.iter_mut().find(|lane| lane.series == *series)
}

fn of_trades<'l>(
    lanes: &'l mut FxHashMap<Symbol, Vec<Lane>>,
    symbol: &Symbol,
) -> impl Iterator<Item = &'l mut Lane> {
    let lanes = lanes.get_mut(symbol).into_iter().flatten();
    lanes.filter(|lane| lane.source == StreamKind::Trade)
}

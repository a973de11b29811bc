//! Assembles the candles of several series from the events of one feed. It has no task and no clock: those
//! are its caller's.

use market_backbone_core::{
    BarEvent, BuilderRules, CandleBuilders, Capabilities, FeedEvent, Gap, IngestOutcome, Series, StreamKind,
    Symbol, Timestamp, Trade,
};
use rustc_hash::FxHashMap;

use super::series_recorder::{RecorderTimeouts, SeriesRecorder};
use super::writer_message::SlotUpdate;

/// An assembler of the candles of one feed.
#[derive(Debug)]
pub(super) struct BarAssembler {
    from_trades: CandleBuilders,
    from_frames: CandleBuilders,
    recorders: FxHashMap<Symbol, Vec<SeriesRecorder>>,
    /// The time of the last event of any kind.
    last_received: Timestamp,
    timeouts: RecorderTimeouts,
}

/// Returns the stream from which a series is built: the venue's own candles where it streams them, else the
/// trades.
pub(super) fn source_of(series: &Series, venue: &Capabilities) -> StreamKind {
    let candle = StreamKind::Candle(series.timeframe);
    if venue.streams(candle) { candle } else { StreamKind::Trade }
}

impl BarAssembler {
    pub(super) fn new(
        series: Vec<Series>,
        venue: &Capabilities,
        rules: BuilderRules,
        patience: RecorderTimeouts,
    ) -> Self {
        let builders = |rules| CandleBuilders::new(venue.grid, rules);
        let provisional = venue.revision_policy.live_is_provisional;
        let late = if provisional {
            rules.get_allowed_lateness().max(venue.finality_delay)
        } else {
            rules.get_allowed_lateness()
        };
        let mut ear = Self {
            from_trades: builders(rules),
            from_frames: builders(rules.allowed_lateness(late)),
            recorders: FxHashMap::default(),
            last_received: Timestamp::MIN,
            timeouts: patience,
        };
        for series in series {
            let source = source_of(&series, venue);
            let builders = match source {
                StreamKind::Trade => &mut ear.from_trades,
                _ => &mut ear.from_frames,
            };
            builders.add(series.clone());
            let amends = provisional && source != StreamKind::Trade;
            let assembly = SeriesRecorder::new(series, source, amends, venue.grid, patience);
            ear.recorders.entry(assembly.series.symbol.clone()).or_default().push(assembly);
        }
        ear
    }

    /// Handles an event of the feed; the time is `now`.
    pub(super) fn ingest(&mut self, event: &FeedEvent, now: Timestamp, orders: &mut Vec<SlotUpdate>) {
        match event {
            FeedEvent::Trade(trade) if self.is_plausible(trade.time, now) => self.ingest_trade(trade, orders),
            FeedEvent::Candle { series, candle, received } if self.is_plausible(candle.open_time, now) => {
                self.last_received = self.last_received.max(*received);
                let Some(assembly) = recorder_of(&mut self.recorders, series) else { return };
                if let Some(since) = assembly.observe(candle.open_time, *received) {
                    self.from_frames.set_complete_since(series, since);
                }
                self.from_frames.on_candle(series, candle, |_, event| assembly.apply(event, orders));
            }
            FeedEvent::Gap(gap) => self.ingest_gap(gap, now, orders),
            // A lag does not say which channels it concerns.
            FeedEvent::Lagged { .. } => {
                let (from, to) = (self.last_received, now.plus(self.timeouts.clock_slack));
                let from = from.minus(self.timeouts.clock_slack);
                self.recorders
                    .values_mut()
                    .flatten()
                    .for_each(|assembly| assembly.mark_lost(from, to, orders));
            }
            _ => {}
        }
    }

    /// Returns whether a time is plausible: one event from the far future would close everything before it.
    fn is_plausible(&self, moment: Timestamp, now: Timestamp) -> bool {
        moment <= now.plus(self.timeouts.silence_timeout)
    }

    fn ingest_trade(&mut self, trade: &Trade, orders: &mut Vec<SlotUpdate>) {
        let Self { from_trades, recorders: lanes, .. } = self;
        self.last_received = self.last_received.max(trade.received);
        for assembly in trade_recorders(lanes, &trade.symbol) {
            if let Some(since) = assembly.observe(trade.time, trade.received) {
                from_trades.set_complete_since(&assembly.series, since);
            }
        }
        let intake = from_trades.on_trade(trade, |series, event| {
            if let Some(assembly) = recorder_of(lanes, series) {
                assembly.apply(event, orders);
            }
        });
        if intake == IngestOutcome::TooLate {
            trade_recorders(lanes, &trade.symbol)
                .for_each(|assembly| assembly.mark_missed(trade.time, orders));
        }
    }

    fn ingest_gap(&mut self, gap: &Gap, now: Timestamp, orders: &mut Vec<SlotUpdate>) {
        for channel in gap.channels.iter() {
            let lanes = self.recorders.get_mut(&channel.symbol).into_iter().flatten();
            lanes
                .filter(|assembly| assembly.source == channel.kind)
                .for_each(|assembly| assembly.apply_gap(gap, now, orders));
        }
    }

    /// Closes the slots that are over by the clock, and passes on what may be written; returns how many slots
    /// stay unknown.
    pub(super) fn on_time(&mut self, now: Timestamp, orders: &mut Vec<SlotUpdate>) -> u64 {
        let lanes = &mut self.recorders;
        let mut take = |series: &Series, event: BarEvent| {
            if let Some(assembly) = recorder_of(lanes, series) {
                assembly.apply(event, orders);
            }
        };
        self.from_trades.on_time(now, &mut take);
        self.from_frames.on_time(now, &mut take);
        self.recorders.values_mut().flatten().map(|assembly| assembly.release(now, orders)).sum()
    }
}

fn recorder_of<'l>(
    lanes: &'l mut FxHashMap<Symbol, Vec<SeriesRecorder>>,
    series: &Series,
) -> Option<&'l mut SeriesRecorder> {
    lanes.get_mut(&series.symbol)?.iter_mut().find(|assembly| assembly.series == *series)
}

fn trade_recorders<'l>(
    lanes: &'l mut FxHashMap<Symbol, Vec<SeriesRecorder>>,
    symbol: &Symbol,
) -> impl Iterator<Item = &'l mut SeriesRecorder> {
    let lanes = lanes.get_mut(symbol).into_iter().flatten();
    lanes.filter(|assembly| assembly.source == StreamKind::Trade)
}

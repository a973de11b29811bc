//! The last bars of each series, in bounded rings.

use std::collections::VecDeque;

use market_backbone_core::{Candle, Gap, GapState, Grid, Series, StreamKind, Timeframe, Timestamp};
use rustc_hash::FxHashMap;

/// The bars that a strategy may look back on. The oldest make room for new ones.
#[derive(Debug)]
pub(super) struct BarHistory {
    grid: Grid,
    depth: usize,
    rings: Vec<SeriesRing>,
    places: FxHashMap<Series, usize>,
    /// The place of the last series that was looked for: most runs have one.
    latest: usize,
}

#[derive(Debug)]
struct SeriesRing {
    series: Series,
    /// The length of a bar in nanoseconds where all are equally long.
    step: Option<i64>,
    bars: VecDeque<Candle>,
}

impl BarHistory {
    pub(super) fn new(grid: Grid, depth: usize) -> Self {
        Self { grid, depth, rings: Vec::new(), places: FxHashMap::default(), latest: 0 }
    }

    pub(super) fn set_depth(&mut self, depth: usize) {
        self.depth = depth;
        for ring in &mut self.rings {
            let surplus = ring.bars.len().saturating_sub(depth);
            ring.bars.drain(..surplus);
        }
    }

    /// Returns the place of a series, which may be new.
    #[inline]
    pub(super) fn slot(&mut self, series: &Series) -> usize {
        if let Some(ring) = self.rings.get(self.latest)
            && ring.series.timeframe == series.timeframe
            && ring.series.symbol.is_same(&series.symbol)
        {
            return self.latest;
        }
        self.find_slot(series)
    }

    fn find_slot(&mut self, series: &Series) -> usize {
        self.latest = match self.places.get(series) {
            Some(place) => *place,
            None => {
                let place = self.rings.len();
                let step = fixed_step(self.grid, series.timeframe);
                self.rings.push(SeriesRing { series: series.clone(), step, bars: VecDeque::new() });
                self.places.insert(series.clone(), place);
                place
            }
        };
        self.latest
    }

    /// Returns when the bar that opened at `open` closed.
    #[inline]
    pub(super) fn close(&self, slot: usize, open: Timestamp) -> Timestamp {
        let ring = &self.rings[slot];
        match ring.step {
            Some(step) => Timestamp::from_nanos(open.as_nanos().saturating_add(step)),
            None => self.grid.close(ring.series.timeframe, open),
        }
    }

    /// Takes a bar in, or its revision.
    #[inline]
    pub(super) fn learn(&mut self, slot: usize, candle: &Candle) {
        let bars = &mut self.rings[slot].bars;
        if bars.back().is_none_or(|last| last.open_time < candle.open_time) {
            if self.depth == 0 {
                return;
            }
            if bars.len() >= self.depth {
                bars.pop_front();
            }
            bars.push_back(*candle);
            return;
        }
        let place = bars.partition_point(|known| known.open_time < candle.open_time);
        if let Some(known) = bars.get_mut(place)
            && known.open_time == candle.open_time
        {
            *known = *candle;
        } else if place > 0 && bars.len() < self.depth {
            // A bar that came late; one older than all that is kept is left out.
            bars.insert(place, *candle);
        }
    }

    /// Returns the last `count` bars, oldest first.
    pub(super) fn last(&self, series: &Series, count: usize) -> Vec<Candle> {
        let Some(place) = self.places.get(series) else { return Vec::new() };
        let bars = &self.rings[*place].bars;
        bars.range(bars.len().saturating_sub(count)..).copied().collect()
    }

    /// Forgets the bars before events that will not be delivered, so that nothing is computed across the hole.
    pub(super) fn forget_lost(&mut self, gap: &Gap) {
        if gap.state != GapState::Lost {
            return;
        }
        for ring in &mut self.rings {
            let streamed = StreamKind::Bar(ring.series.timeframe).streamed_as();
            let is_hit = gap.channels.iter().any(|channel| {
                channel.kind.streamed_as() == streamed
                    && (channel.symbol == ring.series.symbol || channel.symbol.is_any())
            });
            if is_hit {
                ring.bars.clear();
            }
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.rings.iter_mut().for_each(|ring| ring.bars.clear());
    }
}

/// The length of a bar where the calendar has no say in it.
pub(crate) fn fixed_step(grid: Grid, timeframe: Timeframe) -> Option<i64> {
    let by_calendar = grid != Grid::Utc && timeframe >= Timeframe::D1;
    let secs = if by_calendar { None } else { timeframe.fixed_secs() };
    secs.map(|secs| secs * 1_000_000_000)
}

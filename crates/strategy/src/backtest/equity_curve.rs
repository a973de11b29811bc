//! The course of the equity in a bounded number of points, however long the run is.

use market_backbone_core::Timestamp;

/// The most points that are kept; beyond it, two neighbours become one.
const MOST_POINTS: usize = 2_048;

/// A stretch of the equity curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The end of the stretch.
    pub time: Timestamp,
    /// The equity at its end.
    pub equity: f64,
    /// The lowest equity in it.
    pub low: f64,
    /// The highest equity in it.
    pub high: f64,
}

/// Collects the curve, and the greatest fall from a peak at every event.
#[derive(Clone, Debug)]
pub(crate) struct EquityCurve {
    points: Vec<CurvePoint>,
    current: CurvePoint,
    /// The number of events in the current point and in a full one.
    filled: u32,
    stride: u32,
    peak: f64,
    peak_time: Timestamp,
    trough: f64,
    max_drawdown: f64,
    longest_ns: i64,
}

impl EquityCurve {
    pub(crate) fn new(initial: f64) -> Self {
        let current = CurvePoint { time: Timestamp::MIN, equity: initial, low: initial, high: initial };
        Self {
            points: Vec::with_capacity(MOST_POINTS),
            current,
            filled: 0,
            stride: 1,
            peak: initial,
            peak_time: Timestamp::MIN,
            trough: initial,
            max_drawdown: 0.0,
            longest_ns: 0,
        }
    }

    #[inline]
    pub(crate) fn observe(&mut self, time: Timestamp, equity: f64) {
        if equity >= self.peak {
            self.end_fall(time);
            (self.peak, self.peak_time, self.trough) = (equity, time, equity);
        } else if equity < self.trough {
            self.trough = equity;
        }
        let point = &mut self.current;
        if self.filled == 0 {
            (point.low, point.high) = (equity, equity);
        } else {
            point.low = point.low.min(equity);
            point.high = point.high.max(equity);
        }
        (point.time, point.equity) = (time, equity);
        self.filled += 1;
        if self.filled == self.stride {
            self.push();
        }
    }

    fn end_fall(&mut self, time: Timestamp) {
        if self.trough < self.peak {
            self.max_drawdown = self.max_drawdown.max(1.0 - self.trough / self.peak);
            self.longest_ns = self.longest_ns.max(self.fall_ns(time));
        }
    }

    fn fall_ns(&self, time: Timestamp) -> i64 {
        if self.peak_time == Timestamp::MIN { 0 } else { time.as_nanos() - self.peak_time.as_nanos() }
    }

    #[cold]
    fn push(&mut self) {
        self.points.push(self.current);
        self.filled = 0;
        if self.points.len() < MOST_POINTS {
            return;
        }
        let join = |pair: &[CurvePoint]| {
            let last = pair[pair.len() - 1];
            let low = pair.iter().map(|point| point.low).fold(last.low, f64::min);
            CurvePoint { low, high: pair.iter().map(|point| point.high).fold(last.high, f64::max), ..last }
        };
        let joined: Vec<_> = self.points.chunks(2).map(join).collect();
        self.points.clear();
        self.points.extend(joined);
        self.stride = self.stride.saturating_mul(2);
    }

    /// Returns the points, the greatest fall as a share of its peak, and the longest time below a peak in nanoseconds.
    pub(crate) fn finish(mut self) -> (Vec<CurvePoint>, f64, i64) {
        if self.filled > 0 {
            self.points.push(self.current);
        }
        if let Some(last) = self.points.last().copied() {
            self.end_fall(last.time);
        }
        (self.points, self.max_drawdown, self.longest_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_bounded_and_keeps_its_extremes_and_its_end() {
        let mut curve = EquityCurve::new(100.0);
        for second in 0..100_000 {
            let equity = if second == 70_001 { 50.0 } else { 100.0 + f64::from(second % 7) };
            curve.observe(Timestamp::from_secs(i64::from(second)), equity);
        }
        let (points, fall, _) = curve.finish();
        assert!(points.len() <= MOST_POINTS && points.len() > MOST_POINTS / 4);
        assert_eq!(points.last().unwrap().time, Timestamp::from_secs(99_999));
        assert_eq!(points.iter().map(|point| point.low).fold(f64::MAX, f64::min), 50.0);
        assert_eq!(fall, 1.0 - 50.0 / 106.0);
    }

    #[test]
    fn a_fall_that_has_not_ended_counts() {
        let mut curve = EquityCurve::new(100.0);
        for (second, equity) in [(0, 120.0), (10, 90.0), (40, 110.0)] {
            curve.observe(Timestamp::from_secs(second), equity);
        }
        let (_, fall, longest) = curve.finish();
        assert_eq!((fall, longest), (0.25, 40_000_000_000));
    }
}

//! The shapes of one to four candles.

use market_backbone_core::Candle;

use super::kind::{PatternDirection, PatternKind};

/// What the eye sees of a candle.
struct CandleShape {
    body: f64,
    range: f64,
    upper: f64,
    lower: f64,
    is_rising: bool,
    is_falling: bool,
}

impl CandleShape {
    /// The shape of `candle`, or `None` if it has no range: then there is nothing to see.
    fn of(candle: &Candle) -> Option<Self> {
        let Candle { open, high, low, close, .. } = *candle;
        let range = high - low;
        (range > 0.0).then(|| Self {
            body: (close - open).abs(),
            range,
            upper: high - open.max(close),
            lower: open.min(close) - low,
            is_rising: close > open,
            is_falling: close < open,
        })
    }

    fn body_share(&self) -> f64 {
        self.body / self.range
    }
}

/// A confidence from 0.6 to 1 that grows with `quality` from 0 to 1.
fn confidence(quality: f64) -> f64 {
    0.6 + 0.4 * quality.clamp(0.0, 1.0)
}

/// The confidence and direction of `pattern` at the end of `candles`, oldest first, if it is there.
pub(super) fn find(pattern: PatternKind, candles: &[Candle]) -> Option<(f64, PatternDirection)> {
    let from = candles.len().checked_sub(pattern.min_bars())?;
    let candles = &candles[from..];
    match (pattern, candles) {
        (PatternKind::Doji, [last]) => doji(last),
        (PatternKind::Hammer, [last]) => hammer(last).map(|quality| (quality, PatternDirection::Bullish)),
        (PatternKind::HangingMan, [first, second, third, last]) => {
            let has_risen = first.close < second.close && second.close < third.close;
            has_risen.then(|| hammer(last)).flatten().map(|quality| (quality, PatternDirection::Bearish))
        }
        (PatternKind::ShootingStar, [last]) => shooting_star(last),
        (PatternKind::Engulfing, [before, last]) => engulfing(before, last),
        (PatternKind::Harami, [before, last]) => harami(before, last),
        (PatternKind::MorningStar, [first, middle, last]) => star(first, middle, last, true),
        (PatternKind::EveningStar, [first, middle, last]) => star(first, middle, last, false),
        _ => None,
    }
}

/// A body below a tenth of the range; the smaller, the surer.
fn doji(last: &Candle) -> Option<(f64, PatternDirection)> {
    let share = CandleShape::of(last)?.body_share();
    (share < 0.1).then(|| (confidence(1.0 - share / 0.1), PatternDirection::Reversal))
}

/// A lower shadow of twice the body and three fifths of the range, and hardly an upper one.
fn hammer(last: &Candle) -> Option<f64> {
    let shape = CandleShape::of(last)?;
    let is_hammer = shape.lower >= 2.0 * shape.body
        && shape.upper <= 0.1 * shape.range
        && shape.lower >= 0.6 * shape.range
        && shape.body <= 0.3 * shape.range;
    is_hammer.then(|| confidence((shape.lower / shape.range - 0.6) / 0.4))
}

/// A hammer upside down.
fn shooting_star(last: &Candle) -> Option<(f64, PatternDirection)> {
    let shape = CandleShape::of(last)?;
    let is_star = shape.upper >= 2.0 * shape.body
        && shape.lower <= 0.1 * shape.range
        && shape.upper >= 0.6 * shape.range
        && shape.body <= 0.3 * shape.range;
    is_star.then(|| (confidence((shape.upper / shape.range - 0.6) / 0.4), PatternDirection::Bearish))
}

/// A body that covers the one before, of the other colour; the larger, the surer.
fn engulfing(before: &Candle, last: &Candle) -> Option<(f64, PatternDirection)> {
    let (first, second) = (CandleShape::of(before)?, CandleShape::of(last)?);
    let direction = opposite(&first, &second)?;
    let covers = last.open.min(last.close) <= before.open.min(before.close)
        && before.open.max(before.close) <= last.open.max(last.close);
    let ratio = second.body / first.body;
    (covers && ratio >= 1.0).then(|| (confidence(ratio - 1.0), direction))
}

/// A body inside the one before, of the other colour and at most half as large.
fn harami(before: &Candle, last: &Candle) -> Option<(f64, PatternDirection)> {
    let (first, second) = (CandleShape::of(before)?, CandleShape::of(last)?);
    let direction = opposite(&first, &second)?;
    let is_inside = before.open.min(before.close) <= last.open.min(last.close)
        && last.open.max(last.close) <= before.open.max(before.close);
    let ratio = second.body / first.body;
    (is_inside && ratio <= 0.5).then(|| (confidence(1.0 - ratio / 0.5), direction))
}

/// The direction of the second of two candles, if they have different colours.
const fn opposite(first: &CandleShape, second: &CandleShape) -> Option<PatternDirection> {
    if first.is_falling && second.is_rising {
        Some(PatternDirection::Bullish)
    } else if first.is_rising && second.is_falling {
        Some(PatternDirection::Bearish)
    } else {
        None
    }
}

/// A large body, a small one, and one of the other colour that closes at least half way into the first.
fn star(first: &Candle, middle: &Candle, last: &Candle, is_morning: bool) -> Option<(f64, PatternDirection)> {
    let (one, three) = (CandleShape::of(first)?, CandleShape::of(last)?);
    let colours =
        if is_morning { one.is_falling && three.is_rising } else { one.is_rising && three.is_falling };
    // A middle candle without range has no body either.
    let small = CandleShape::of(middle).map_or(0.0, |middle| middle.body_share());
    let into = if is_morning { last.close - first.close } else { first.close - last.close };
    let depth = into / one.body;
    if !colours || small > 0.3 || one.body_share() <= 0.3 || depth < 0.5 {
        return None;
    }
    let direction = if is_morning { PatternDirection::Bullish } else { PatternDirection::Bearish };
    Some((confidence((depth - 0.5) / 0.5), direction))
}

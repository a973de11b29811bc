//! The bars in which nothing moved.
//!
//! Where prices stand still, ratios such as the RSI are nothing divided by nothing. A number is defined for them all the
//! same, and a reading says that this is what it is. Comparing the number itself would not do: an RSI of 50 is mostly a
//! real one, and rounding keeps sums that ought to be zero from being it.

use market_backbone_core::Candle;

use super::kernel::Formula;
use super::price_source::PriceSource;

/// The bars of which a formula has nothing to divide by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlatRule {
    /// There is always something to divide by.
    Never,
    /// Nothing has moved since the first bar.
    SinceStart,
    /// Nothing moved in the last so many bars.
    Window(u32),
}

/// Returns the rule of `formula`. The parameters have been checked.
pub(super) fn rule(formula: Formula, parameters: &[f64]) -> FlatRule {
    let period = |place: usize| parameters.get(place).map_or(1, |period| *period as u32);
    FlatRule::Window(match formula {
        Formula::Rsi | Formula::Cmo | Formula::Tsi | Formula::Adx | Formula::Adxr => {
            return FlatRule::SinceStart;
        }
        Formula::Dx | Formula::PlusDi | Formula::MinusDi => return FlatRule::SinceStart,
        Formula::Stochrsi => period(1),
        Formula::Stoch | Formula::Stochf | Formula::Willr | Formula::Cci => period(0),
        Formula::Percentb | Formula::Bbw | Formula::Zscore => period(0),
        Formula::Mfi | Formula::Chop | Formula::Er | Formula::Vortex => period(0) + 1,
        Formula::Ultosc => period(0).min(period(1)).min(period(2)) + 1,
        Formula::Ibs | Formula::Bop => 1,
        _ => return FlatRule::Never,
    })
}

/// Counts the bars in which nothing moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlatWatch {
    rule: FlatRule,
    // Whether the formula reads highs and lows, so that a bar with a range is a movement.
    ranges: bool,
    last: Option<f64>,
    // The bars at the end that are equal to each other.
    still: u32,
    moved: bool,
}

impl FlatWatch {
    pub(super) fn new(formula: Formula, parameters: &[f64]) -> Self {
        let ranges = formula.inputs().contains(&"high");
        Self { rule: rule(formula, parameters), ranges, last: None, still: 0, moved: false }
    }

    /// Begins anew.
    pub(super) const fn reset(&mut self) {
        (self.last, self.still, self.moved) = (None, 0, false);
    }

    /// Takes a bar, and returns whether the formula has nothing to divide by.
    #[inline]
    pub(super) fn take(&mut self, bar: &Candle, source: PriceSource) -> bool {
        self.is_awake() && self.look(bar, source)
    }

    /// Returns whether any bar that comes can still be flat.
    #[inline]
    pub(super) fn is_awake(&self) -> bool {
        match self.rule {
            FlatRule::Never => false,
            FlatRule::SinceStart => !self.moved,
            FlatRule::Window(_) => true,
        }
    }

    fn look(&mut self, bar: &Candle, source: PriceSource) -> bool {
        let figure = if self.ranges { bar.close } else { source.of(bar) };
        let is_point = !self.ranges || bar.high == bar.low;
        let stands = is_point && self.last.is_none_or(|last| last == figure);
        self.last = Some(figure);
        if stands {
            self.still = self.still.saturating_add(1);
        } else {
            (self.still, self.moved) = (u32::from(is_point), true);
        }
        match self.rule {
            FlatRule::Never => false,
            FlatRule::SinceStart => !self.moved,
            FlatRule::Window(bars) => self.still >= bars,
        }
    }
}

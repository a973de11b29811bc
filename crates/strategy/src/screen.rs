//! Screens: which markets meet a condition, and in which order.
//!
//! A text such as `rsi(14, 15m) < 30 && turnover(24h) > 1e9` is a [`Screen`]. It says which bars it
//! [needs](Screen::needs), and [judges](Screen::evaluate) a market by them. Nothing here fetches anything.
//!
//! - **Quantities.** Indicators of the [catalogue](crate::indicator::catalogue), with the timeframe as the last argument
//!   (`macd(12, 26, 9, 4h).hist`); figures of the newest bar (`close`, `volume(1d)`); figures over a stretch of time
//!   (`change(24h)` in percent, `turnover(24h)`, `high(7d)`); values of the caller by [name](NamedValues). `[n]` behind a quantity is its
//!   value n bars earlier: `close[1]`.
//! - **Operators**, from loose to tight: `||` or `or`; `&&` or `and`; `not`; `<` `<=` `>` `>=` `==` `!=`; `+` `-`; `*` `/`; `-` and
//!   `!` before a value. Brackets as usual.
//! - **Three answers.** A market matches, does not match, or it is unknown whether it does: an indicator is warming, a
//!   slot is unknown, nobody knows what happened last. What is unknown never matches, and its reason is part of the answer. What
//!   is decided without it is decided: `false && unknown` is no match.
//!
//! The text is parsed with `winnow`, whose Pratt parser knows precedence, into our own tree. Expression crates would have
//! been less work: `evalexpr` is AGPL since version 12, and none has a third truth value, typed quantities or a place for
//! every fault.

mod answer;
mod condition;
mod error;
mod evaluate;
mod lower;
mod market_bars;
mod operators;
mod parse;
mod score_values;
mod term;
mod values;

use market_backbone_core::{Grid, Timeframe};

pub use self::answer::{ScreenAnswer, ScreenValue, Verdict, WhyUnknown};
pub use self::condition::{Quantity, ScreenCondition};
pub use self::error::ScreenError;
use self::lower::Names;
pub use self::market_bars::MarketBars;
pub use self::operators::{Arithmetic, Comparison};
pub use self::score_values::ScoreValues;
pub use self::term::{DEFAULT_TIMEFRAME, Measure, ScreenTerm, SpanFigure};
pub use self::values::{NamedValues, NoValues};

/// A timeframe and the number of bars of it that a screen needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarsNeeded {
    /// The timeframe of the bars.
    pub timeframe: Timeframe,
    /// The number of newest bars.
    pub bars: usize,
}

/// A condition, and what the markets that meet it are ranked by.
///
/// ```
/// use market_backbone_core::{Grid, Timeframe};
/// use market_backbone_strategy::screen::Screen;
///
/// let screen = Screen::parse("rsi(14, 15m) < 30 && close > sma(20)")?.sorted_by("turnover(24h)")?;
/// let needs = screen.needs(Grid::Utc);
/// assert_eq!(needs.iter().map(|need| (need.timeframe, need.bars)).collect::<Vec<_>>(), [
///     (Timeframe::M15, 202), // 15 to be warm, 187 to have forgotten the start
///     (Timeframe::D1, 20),
///     (Timeframe::H1, 26),
/// ]);
/// # Ok::<(), market_backbone_strategy::screen::ScreenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Screen<V = NoValues> {
    condition: ScreenCondition,
    rank: Option<Quantity>,
    timeframe: Timeframe,
    values: V,
}

impl Screen {
    /// Reads a condition. What names no timeframe is of days.
    ///
    /// # Errors
    ///
    /// Returns an error, with its place in the text, if this is no condition.
    pub fn parse(text: &str) -> Result<Self, ScreenError> {
        Self::parse_with(text, DEFAULT_TIMEFRAME, NoValues)
    }

    /// Returns the screen of a condition that a program has built.
    #[must_use]
    pub const fn of(condition: ScreenCondition) -> Self {
        Self { condition, rank: None, timeframe: DEFAULT_TIMEFRAME, values: NoValues }
    }
}

impl<V: NamedValues> Screen<V> {
    /// Reads a condition in which names may stand for `values`, and what names no timeframe is of `timeframe`.
    ///
    /// # Errors
    ///
    /// Returns an error, with its place in the text, if this is no condition.
    pub fn parse_with(text: &str, timeframe: Timeframe, values: V) -> Result<Self, ScreenError> {
        let node = parse::parse(text).map_err(|fault| ScreenError::new(text, fault))?;
        let named = values.names();
        let condition = Names { timeframe, named: &named }.condition(&node);
        let condition = condition.map_err(|fault| ScreenError::new(text, fault))?;
        drop(named);
        Ok(Self { condition, rank: None, timeframe, values })
    }

    /// Returns the same screen, ranked by a quantity: the highest first.
    ///
    /// # Errors
    ///
    /// Returns an error, with its place in the text, if this is no quantity.
    pub fn sorted_by(self, text: &str) -> Result<Self, ScreenError> {
        let node = parse::parse(text).map_err(|fault| ScreenError::new(text, fault))?;
        let named = self.values.names();
        let rank = Names { timeframe: self.timeframe, named: &named }.quantity(&node);
        let rank = rank.map_err(|fault| ScreenError::new(text, fault))?;
        drop(named);
        Ok(self.ranked_by(rank))
    }

    /// Returns the same screen, ranked by a quantity that a program has built.
    #[must_use]
    pub fn ranked_by(self, rank: Quantity) -> Self {
        Self { rank: Some(rank), ..self }
    }

    /// Returns the condition.
    #[must_use]
    pub const fn condition(&self) -> &ScreenCondition {
        &self.condition
    }

    /// Returns the quantities that are read, in the order of the text, each once.
    #[must_use]
    pub fn terms(&self) -> Vec<&ScreenTerm> {
        let mut terms: Vec<&ScreenTerm> = Vec::new();
        let mut keep = |term| {
            if !terms.contains(&term) {
                terms.push(term);
            }
        };
        self.condition.visit(&mut keep);
        if let Some(rank) = &self.rank {
            rank.visit(&mut keep);
        }
        terms
    }

    /// Returns the timeframes that are needed, and how many of the newest bars of each: enough for every indicator to have
    /// forgotten where it began.
    #[must_use]
    pub fn needs(&self, grid: Grid) -> Vec<BarsNeeded> {
        let mut needs: Vec<BarsNeeded> = Vec::new();
        for term in self.terms() {
            let named = match &term.measure {
                Measure::Named(name) => self.values.bars_needed(name),
                _ => 0,
            };
            let bars = term.bars_needed(grid, named);
            match needs.iter_mut().find(|need| need.timeframe == term.timeframe) {
                Some(need) => need.bars = need.bars.max(bars),
                None => needs.push(BarsNeeded { timeframe: term.timeframe, bars }),
            }
        }
        needs
    }
}

//! The judgement of a market.

use std::cmp::Ordering;

use super::Screen;
use super::answer::{ScreenAnswer, ScreenValue, Verdict};
use super::condition::{Quantity, ScreenCondition};
use super::market_bars::MarketBars;
use super::term::ScreenTerm;
use super::values::NamedValues;

/// The terms of a screen with their values.
struct TermValues<'a>(Vec<(&'a ScreenTerm, Option<f64>)>);

impl TermValues<'_> {
    fn quantity(&self, quantity: &Quantity) -> Option<f64> {
        let value = match quantity {
            Quantity::Number(number) => *number,
            Quantity::Term(term) => self.0.iter().find(|(known, _)| *known == term)?.1?,
            Quantity::Negative(inner) => -self.quantity(inner)?,
            Quantity::Computed(kind, one, other) => kind.apply(self.quantity(one)?, self.quantity(other)?),
        };
        value.is_finite().then_some(value)
    }

    fn condition(&self, condition: &ScreenCondition) -> Verdict {
        match condition {
            ScreenCondition::Compared(kind, one, other) => match (self.quantity(one), self.quantity(other)) {
                (Some(one), Some(other)) => Verdict::of(kind.holds(one, other)),
                _ => Verdict::Unknown,
            },
            ScreenCondition::Both(one, other) => self.condition(one).and(self.condition(other)),
            ScreenCondition::Either(one, other) => self.condition(one).or(self.condition(other)),
            ScreenCondition::Not(inner) => self.condition(inner).not(),
        }
    }
}

impl<V: NamedValues> Screen<V> {
    /// Judges a market by its bars.
    #[must_use]
    pub fn evaluate(&self, bars: &MarketBars<'_>) -> ScreenAnswer {
        let mut known = TermValues(Vec::new());
        let mut values = Vec::new();
        for term in self.terms() {
            let read = bars.read(term, &self.values);
            known.0.push((term, read.as_ref().ok().map(|(value, _)| *value)));
            let (value, notes) = match read {
                Ok((value, notes)) => (Ok(value), notes),
                Err(why) => (Err(why), Vec::new()),
            };
            values.push(ScreenValue { name: term.to_string(), value, notes });
        }
        let rank = self.rank.as_ref().and_then(|rank| known.quantity(rank));
        ScreenAnswer { verdict: known.condition(&self.condition), values, rank }
    }
}

impl ScreenAnswer {
    /// Compares two answers for a list: matches first, the highest rank first among them, what has no rank last.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let by_rank = match (self.rank, other.rank) {
            (Some(one), Some(other)) => other.total_cmp(&one),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        let place = |answer: &Self| match answer.verdict {
            Verdict::Match => 0,
            Verdict::Unknown => 1,
            Verdict::NoMatch => 2,
        };
        place(self).cmp(&place(other)).then(by_rank)
    }
}

//! From nodes to conditions and quantities: names are looked up, and numbers are told from conditions.

use std::ops::Range;

use market_backbone_core::Timeframe;

use super::condition::{Quantity, ScreenCondition};
use super::parse::{Node, NodeKind, Sign};
use super::term::{Measure, ScreenTerm, SpanFigure, duration_of, timeframe_of};
use crate::indicator::text::{Argument, CallText, Fault};
use crate::indicator::{IndicatorError, PriceSource, catalogue, nearest};

/// What names may stand for.
pub(super) struct Names<'a> {
    /// The timeframe of what names none.
    pub(super) timeframe: Timeframe,
    /// The values that the caller knows, and the timeframe of each.
    pub(super) named: &'a [(&'a str, Timeframe)],
}

type Lowered<T> = Result<T, Fault>;

fn fault<T>(at: Range<usize>, message: impl Into<String>) -> Lowered<T> {
    Err(Fault { at, message: message.into() })
}

impl Names<'_> {
    /// Returns the condition that a node is.
    pub(super) fn condition(&self, node: &Node) -> Lowered<ScreenCondition> {
        match &node.kind {
            NodeKind::Joined(Sign::And, one, other) => Ok(self.condition(one)? & self.condition(other)?),
            NodeKind::Joined(Sign::Or, one, other) => Ok(self.condition(one)? | self.condition(other)?),
            NodeKind::Joined(Sign::Compare(kind), one, other) => {
                Ok(ScreenCondition::Compared(*kind, self.quantity(one)?, self.quantity(other)?))
            }
            NodeKind::Not(inner) => Ok(!self.condition(inner)?),
            NodeKind::Number(_) | NodeKind::Term(..) | NodeKind::Negative(_) | NodeKind::Joined(..) => {
                self.quantity(node)?;
                fault(node.at.clone(), "this is a number; a condition compares it, as in `… > 0`")
            }
        }
    }

    /// Returns the quantity that a node is.
    pub(super) fn quantity(&self, node: &Node) -> Lowered<Quantity> {
        match &node.kind {
            NodeKind::Number(number) => Ok(Quantity::Number(*number)),
            NodeKind::Term(call, back) => Ok(Quantity::Term(ScreenTerm { back: *back, ..self.term(call)? })),
            NodeKind::Negative(inner) => Ok(-self.quantity(inner)?),
            NodeKind::Joined(Sign::Compute(kind), one, other) => {
                Ok(Quantity::Computed(*kind, Box::new(self.quantity(one)?), Box::new(self.quantity(other)?)))
            }
            NodeKind::Not(_) | NodeKind::Joined(..) => {
                fault(node.at.clone(), "this is a condition, and a number is expected here")
            }
        }
    }

    fn term(&self, call: &CallText) -> Lowered<ScreenTerm> {
        let mut call = call.clone();
        let last = call.arguments.last().cloned();
        let (mut timeframe, mut span) = (None, None);
        if let Some((Argument::Word(word), at)) = last {
            timeframe = word.parse::<Timeframe>().ok();
            span = duration_of(&word);
            if timeframe.is_some() || span.is_some() {
                call.arguments.pop();
            } else if word.starts_with(|first: char| first.is_ascii_digit()) {
                let known = Timeframe::ALL.map(Timeframe::as_str).join(", ");
                return fault(at, format!("`{word}` is no timeframe; there are {known}"));
            }
        }
        let figure = SpanFigure::ALL.into_iter().find(|figure| figure.as_str() == call.name);
        let stretch =
            figure.filter(|figure| *figure == SpanFigure::Change || (timeframe.is_none() && span.is_some()));
        if let Some(figure) = stretch {
            return Self::stretch(&call, figure, span);
        }
        if let (None, Some(_)) = (timeframe, span) {
            let known = Timeframe::ALL.map(Timeframe::as_str).join(", ");
            return fault(call.at, format!("the last argument is no timeframe; there are {known}"));
        }
        let own = self.named.iter().find(|(name, _)| *name == call.name);
        let usual = own.map_or(self.timeframe, |(_, timeframe)| *timeframe);
        let measure = self.measure(&call, own.is_some())?;
        Ok(ScreenTerm::new(measure, timeframe.unwrap_or(usual)))
    }

    fn stretch(
        call: &CallText,
        figure: SpanFigure,
        span: Option<std::time::Duration>,
    ) -> Lowered<ScreenTerm> {
        let name = figure.as_str();
        match (span, span.and_then(timeframe_of)) {
            _ if !call.arguments.is_empty() || call.output.is_some() => {
                fault(call.at.clone(), format!("{name} takes one stretch of time, as in `{name}(24h)`"))
            }
            (Some(span), Some(timeframe)) => Ok(ScreenTerm::new(Measure::Span(figure, span), timeframe)),
            _ => fault(call.at.clone(), format!("{name} takes a stretch of time, as in `{name}(24h)`")),
        }
    }

    fn measure(&self, call: &CallText, is_named: bool) -> Lowered<Measure> {
        let figure = PriceSource::named(&call.name);
        if figure.is_some() || is_named {
            if let Some((_, at)) = call.arguments.first() {
                return fault(at.clone(), format!("{} takes a timeframe and nothing else", call.name));
            }
            if let Some((output, at)) = &call.output {
                return fault(at.clone(), format!("{} has no output {output:?}", call.name));
            }
            return Ok(figure.map_or_else(|| Measure::Named(call.name.clone()), Measure::Figure));
        }
        call.indicator().map(Measure::Indicator).map_err(|(error, at)| match error {
            IndicatorError::UnknownName { name, .. } => {
                let at = call.at.start..call.at.start + name.len();
                Fault { at, message: self.unknown(&name) }
            }
            IndicatorError::Syntax { message, .. } => Fault { at, message },
            other => Fault { at, message: other.to_string() },
        })
    }

    fn unknown(&self, name: &str) -> String {
        let figures = PriceSource::ALL.map(PriceSource::as_str);
        let named = self.named.iter().map(|(name, _)| *name);
        let indicators = catalogue().map(|info| info.name);
        let known: Vec<&str> = figures.into_iter().chain(["change"]).chain(named).chain(indicators).collect();
        match nearest(&name.to_ascii_lowercase(), known.iter().copied()) {
            Some(nearest) => format!("nothing is called `{name}`; did you mean `{nearest}`?"),
            None => format!("nothing is called `{name}`; there are {}", known.join(", ")),
        }
    }
}

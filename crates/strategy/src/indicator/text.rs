//! The text form of a call, `name(1, 2).output`, for indicators and for the expressions of a screen.
//!
//! Parsed with `winnow`: it is kept up, small, already in this workspace's tree, under MIT, and its Pratt parser is what the
//! expressions need. A fault is a place and a sentence.

use std::ops::Range;
use std::str::FromStr;

use winnow::ascii::multispace0;
use winnow::combinator::{opt, preceded, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::take_while;
use winnow::{ModalParser, Parser};

use super::error::IndicatorError;
use super::price_source::PriceSource;
use super::spec::IndicatorSpec;

/// Text that knows where it is.
pub(crate) type Input<'a> = LocatingSlice<&'a str>;

/// What a parser returns.
pub(crate) type Parsed<T> = Result<T, ErrMode<Fault>>;

/// A fault in a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
}

impl Fault {
    /// Returns a fault that no alternative can mend.
    pub(crate) fn cut(at: Range<usize>, message: impl Into<String>) -> ErrMode<Self> {
        ErrMode::Cut(Self { at, message: message.into() })
    }
}

impl<'a> ParserError<Input<'a>> for Fault {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self { at: here(input), message: format!("{} is not expected here", what_follows(input)) }
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

/// The range of the character that comes next.
pub(crate) fn here(input: &Input<'_>) -> Range<usize> {
    let at = input.current_token_start();
    at..at + input.peek_token().map_or(0, |character| character.len_utf8())
}

/// The name of what comes next, for messages.
pub(crate) fn what_follows(input: &Input<'_>) -> String {
    input.peek_token().map_or_else(|| "the end of the text".to_owned(), |character| format!("`{character}`"))
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// A number as it stands.
    Number(f64),
    /// A name or a timeframe.
    Word(String),
}

/// A call in a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallText {
    pub(crate) name: String,
    pub(crate) arguments: Vec<(Argument, Range<usize>)>,
    pub(crate) output: Option<(String, Range<usize>)>,
    pub(crate) at: Range<usize>,
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Reads a name.
pub(crate) fn word(input: &mut Input<'_>) -> Parsed<String> {
    take_while(1.., is_word)
        .verify(|word: &str| word.starts_with(|first: char| first.is_ascii_alphabetic()))
        .map(str::to_owned)
        .parse_next(input)
}

fn argument(input: &mut Input<'_>) -> Parsed<(Argument, Range<usize>)> {
    let (text, at) =
        (opt('-'), take_while(1.., |c| is_word(c) || c == '.')).take().with_span().parse_next(input)?;
    let is_number =
        text.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit() || first == '.');
    match text.parse::<f64>() {
        Ok(number) if is_number => Ok((Argument::Number(number), at)),
        _ if text.starts_with('-') || text.contains('.') => {
            Err(Fault::cut(at, format!("`{text}` is not a number")))
        }
        _ => Ok((Argument::Word(text.to_owned()), at)),
    }
}

fn arguments(input: &mut Input<'_>) -> Parsed<Vec<(Argument, Range<usize>)>> {
    ('(', multispace0).parse_next(input)?;
    let list = separated(0.., argument, (multispace0, ',', multispace0)).parse_next(input)?;
    multispace0.parse_next(input)?;
    required(')', "`)` or `,`").parse_next(input)?;
    Ok(list)
}

/// Demands a character; without it, no alternative is tried.
pub(crate) fn required<'a>(wanted: char, name: &'static str) -> impl ModalParser<Input<'a>, char, Fault> {
    move |input: &mut Input<'a>| {
        let next: Parsed<Option<char>> = opt(wanted).parse_next(input);
        next?
            .ok_or_else(|| Fault::cut(here(input), format!("expected {name}, found {}", what_follows(input))))
    }
}

/// Reads a call; its arguments and its output may be missing.
pub(crate) fn call(input: &mut Input<'_>) -> Parsed<CallText> {
    let (name, mut at) = word.with_span().parse_next(input)?;
    let arguments = opt(preceded(multispace0, arguments)).parse_next(input)?;
    let output = opt(preceded('.', word.with_span())).parse_next(input)?;
    at.end = input.previous_token_end();
    Ok(CallText { name, arguments: arguments.unwrap_or_default(), output, at })
}

impl CallText {
    /// Returns the indicator that is called.
    ///
    /// The errors of parts name their place, so that a caret can point to it.
    pub(crate) fn indicator(&self) -> Result<IndicatorSpec, (IndicatorError, Range<usize>)> {
        let at = |error| (error, self.at.clone());
        let (mut numbers, mut source) = (Vec::new(), None);
        for (argument, place) in &self.arguments {
            match argument {
                Argument::Number(number) => numbers.push(*number),
                Argument::Word(word) => match PriceSource::named(word) {
                    Some(named) if source.is_none() && numbers.is_empty() => source = Some(named),
                    _ => return Err((self.stray_word(word, place), place.clone())),
                },
            }
        }
        let mut spec = IndicatorSpec::named(&self.name, &numbers).map_err(at)?;
        if let Some(source) = source {
            spec = spec.of(source).map_err(at)?;
        }
        match &self.output {
            Some((output, place)) => spec.output(output).map_err(|error| (error, place.clone())),
            None => Ok(spec),
        }
    }

    fn stray_word(&self, word: &str, place: &Range<usize>) -> IndicatorError {
        let sources = PriceSource::ALL.map(PriceSource::as_str).join(", ");
        let message =
            format!("{} takes no {word:?} here; before its numbers it may name one of {sources}", self.name);
        IndicatorError::Syntax { at: place.start, message }
    }
}

impl FromStr for IndicatorSpec {
    type Err = IndicatorError;

    fn from_str(text: &str) -> Result<Self, IndicatorError> {
        let fault = |fault: Fault| IndicatorError::Syntax { at: fault.at.start, message: fault.message };
        let mut input = Input::new(text.trim());
        let call = call.parse_next(&mut input).map_err(|error: ErrMode<Fault>| {
            error.into_inner().map_or_else(|_| fault(Fault::from_input(&Input::new(""))), fault)
        })?;
        if input.peek_token().is_some() {
            return Err(fault(Fault::from_input(&input)));
        }
        call.indicator().map_err(|(error, _)| error)
    }
}

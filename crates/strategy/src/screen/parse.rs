//! The text of a condition, parsed into a tree of nodes that know their place.
//!
//! `winnow` reads the text; its Pratt parser knows the precedence: `or`, then `and`, then `not`, comparisons, sums,
//! products, and a sign before a number. Whether a node is a condition or a quantity is settled afterwards (`lower.rs`), because
//! only then the message can say what was found and what was expected.

use std::ops::Range;

use winnow::ascii::{digit1, multispace0};
use winnow::combinator::{Infix, Prefix, alt, delimited, expression, not, opt, preceded};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Location, Stream};
use winnow::token::take_while;
use winnow::{ModalParser, Parser};

use super::operators::{Arithmetic, Comparison};
use crate::indicator::text::{CallText, Fault, Input, Parsed, call, here, required, what_follows};

/// What stands between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sign {
    And,
    Or,
    Compare(Comparison),
    Compute(Arithmetic),
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    Number(f64),
    Term(CallText, usize),
    Not(Box<Node>),
    Negative(Box<Node>),
    Joined(Sign, Box<Node>, Box<Node>),
}

/// The longest text that is read, in bytes.
const LONGEST: usize = 4_000;

/// The most brackets within brackets, and the most signs, that a text may have: each takes room on the stack.
const DEEPEST: usize = 60;

/// Refuses what is too long or too deep to be read.
fn check_size(text: &str) -> Result<(), Fault> {
    let too_much = |at: usize, what: &str| {
        Err(Fault { at: at..at + 1, message: format!("{what}; this is too much for one condition") })
    };
    if text.len() > LONGEST {
        return too_much(LONGEST, &format!("the text is longer than {LONGEST} bytes"));
    }
    let (mut depth, mut signs) = (0_usize, 0_usize);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '!' | '-' | 'n' if character != 'n' || text[at..].starts_with("not") => signs += 1,
            _ => {}
        }
        if depth > DEEPEST || signs > 2 * DEEPEST {
            return too_much(at, "so many brackets or signs are nested here");
        }
    }
    Ok(())
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    check_size(text)?;
    let mut input = Input::new(text);
    let node = tree(&mut input).and_then(|node| {
        multispace0.parse_next(&mut input)?;
        match input.peek_token() {
            None => Ok(node),
            Some(_) => Err(leftover(&input)),
        }
    });
    node.map_err(|error| match error {
        ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => fault,
        ErrMode::Incomplete(_) => Fault::from_input(&input),
    })
}

fn leftover(input: &Input<'_>) -> ErrMode<Fault> {
    let follows = what_follows(input);
    let message = match follows.as_str() {
        "`<`" | "`>`" | "`=`" | "`!`" => "comparisons cannot be chained; join two with `&&`".to_owned(),
        "`&`" | "`|`" => format!("{follows} alone is no operator; conditions are joined with `&&` and `||`"),
        _ => format!("expected an operator such as `<` or `&&`, found {follows}"),
    };
    Fault::cut(here(input), message)
}

fn tree(input: &mut Input<'_>) -> Parsed<Node> {
    expression(delimited(multispace0, operand, multispace0))
        .prefix(delimited(multispace0, prefix, multispace0))
        .infix(delimited(multispace0, infix, multispace0))
        .parse_next(input)
        .map_err(|error| match error {
            // Nothing has been recognised where a value must stand.
            ErrMode::Backtrack(fault) => {
                let place = if fault.at.is_empty() { here(input) } else { fault.at };
                Fault::cut(place, format!("expected a number, a name or `(`, found {}", what_follows(input)))
            }
            other => other,
        })
}

fn negative(_: &mut Input<'_>, inner: Node) -> Parsed<Node> {
    let at = inner.at.start.saturating_sub(1)..inner.at.end;
    Ok(Node { kind: NodeKind::Negative(Box::new(inner)), at })
}

fn contrary(_: &mut Input<'_>, inner: Node) -> Parsed<Node> {
    Ok(Node { at: inner.at.clone(), kind: NodeKind::Not(Box::new(inner)) })
}

fn prefix<'a>(input: &mut Input<'a>) -> Parsed<Prefix<Input<'a>, Node, ErrMode<Fault>>> {
    alt((
        '-'.map(|_| Prefix(15, negative)),
        ('!', not('=')).map(|_| Prefix(15, contrary)),
        named("not").map(|()| Prefix(6, contrary)),
    ))
    .parse_next(input)
}

fn join(sign: Sign, one: Node, other: Node) -> Parsed<Node> {
    let at = one.at.start..other.at.end;
    Ok(Node { kind: NodeKind::Joined(sign, Box::new(one), Box::new(other)), at })
}

/// A word that is an operator, and not the beginning of a longer one.
fn named<'a>(word: &'static str) -> impl ModalParser<Input<'a>, (), Fault> {
    (word, not(take_while(1, |next: char| next.is_ascii_alphanumeric() || next == '_'))).void()
}

fn infix<'a>(input: &mut Input<'a>) -> Parsed<Infix<Input<'a>, Node, ErrMode<Fault>>> {
    use {Arithmetic as A, Comparison as C};
    let mut joining = alt((
        alt(("||".void(), named("or"))).map(|()| Infix::Left(2, |_, one, other| join(Sign::Or, one, other))),
        alt(("&&".void(), named("and")))
            .map(|()| Infix::Left(4, |_, one, other| join(Sign::And, one, other))),
    ));
    let mut comparing = alt((
        "<=".map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::AtMost), one, other))),
        ">=".map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::AtLeast), one, other))),
        "==".map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::Equal), one, other))),
        "!=".map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::Different), one, other))),
        '<'.map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::Less), one, other))),
        '>'.map(|_| Infix::Neither(8, |_, one, other| join(Sign::Compare(C::Greater), one, other))),
    ));
    let mut computing = alt((
        '+'.map(|_| Infix::Left(10, |_, one, other| join(Sign::Compute(A::Plus), one, other))),
        '-'.map(|_| Infix::Left(10, |_, one, other| join(Sign::Compute(A::Minus), one, other))),
        '*'.map(|_| Infix::Left(12, |_, one, other| join(Sign::Compute(A::Times), one, other))),
        '/'.map(|_| Infix::Left(12, |_, one, other| join(Sign::Compute(A::Over), one, other))),
    ));
    alt((joining.by_ref(), comparing.by_ref(), computing.by_ref())).parse_next(input)
}

fn operand(input: &mut Input<'_>) -> Parsed<Node> {
    alt((parenthesised, number, term)).parse_next(input)
}

fn parenthesised(input: &mut Input<'_>) -> Parsed<Node> {
    let start = input.current_token_start();
    '('.parse_next(input)?;
    let inner = tree(input)?;
    required(')', "`)` or an operator").parse_next(input)?;
    Ok(Node { at: start..input.previous_token_end(), ..inner })
}

fn number(input: &mut Input<'_>) -> Parsed<Node> {
    let (text, at) = (digit1, take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_'))
        .take()
        .with_span()
        .parse_next(input)?;
    match text.replace('_', "").parse() {
        Ok(number) => Ok(Node { kind: NodeKind::Number(number), at }),
        Err(_) => Err(Fault::cut(
            at,
            format!("`{text}` is not a number; a timeframe stands in brackets, as in `close(15m)`"),
        )),
    }
}

fn term(input: &mut Input<'_>) -> Parsed<Node> {
    not(alt((named("not"), named("and"), named("or")))).parse_next(input)?;
    let call = call(input)?;
    let mut back =
        opt(preceded(('[', multispace0), (digit1.parse_to::<usize>(), multispace0, required(']', "`]`"))));
    let back = back.parse_next(input)?.map_or(0, |(back, _, _)| back);
    let at = call.at.start..input.previous_token_end();
    Ok(Node { kind: NodeKind::Term(call, back), at })
}

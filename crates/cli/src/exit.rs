//! How a failure is told: one line on stderr, and an exit code a script can branch on.

use std::io::{ErrorKind, Write, stderr};
use std::process::ExitCode;

/// A mistake of whoever typed the command: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Says what went wrong, if anything did, and gives the exit code for it.
pub(crate) fn code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if is_closed_pipe(&error) {
        return ExitCode::SUCCESS; // `… | head` has seen enough
    }
    // Not being able to say it changes nothing about the exit code.
    let _ = writeln!(stderr(), "error: {}", one_line(&error));
    ExitCode::from(if is_usage(&error) { 2 } else { 1 })
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>()
        || error.downcast_ref::<market_backbone::Error>().is_some_and(market_backbone::Error::is_usage)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// The error and its causes on one line, none of them said twice.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = if text.is_empty() { said } else { format!("{text}: {said}") };
        }
        if cause.is::<market_backbone::Error>() {
            break; // it tells its own causes, those that matter
        }
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let inner: Result<(), _> = Err(anyhow::anyhow!("b: c"));
        assert_eq!(one_line(&inner.context("a").unwrap_err()), "a: b: c");
        let repeated: Result<(), _> = Err(anyhow::anyhow!("c"));
        assert_eq!(one_line(&repeated.context("b: c").unwrap_err()), "b: c");
    }
}

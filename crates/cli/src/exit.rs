//! The exit code and the error message: one line on stderr for scripts.
//!
//! | code | |
//! | --- | --- |
//! | 0 | success; also an endless command (`watch`, `demo`, `emulate`) that Ctrl-C, SIGTERM or `--for` ends, and output whose reader has gone (`… \| head`) |
//! | 1 | failure: one line says what, where and what to do; also output that stdout's reader did not accept |
//! | 2 | usage error |
//! | 130, 143 | stopped by Ctrl-C or SIGTERM before it was done; what had arrived is stored |

use std::io::ErrorKind;
use std::process::ExitCode;

use market_backbone::strategy::screen::ScreenError;

use crate::output;
use crate::stop::{StopCause, Stopped};

const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;
/// The exit codes of signals as in shells: 128 plus the number of the signal.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// A usage error: exit code 2.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Prints the error, if there is one, and returns the exit code. An endless command counts as ended, not as
/// stopped.
pub(crate) fn code(outcome: anyhow::Result<()>, is_endless: bool) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    let code = match stopped(&error) {
        Some(StopCause::Elapsed | StopCause::ReaderGone) => return ExitCode::SUCCESS,
        Some(_) if is_endless => return ExitCode::SUCCESS,
        Some(StopCause::Interrupt) => INTERRUPTED,
        Some(StopCause::Terminate) => TERMINATED,
        None if is_usage(&error) => WRONG_USAGE,
        None => FAILED,
    };
    output::write_final_error(&format!("error: {}", one_line(&error)));
    ExitCode::from(code)
}

/// The reason for a stop, if nothing else went wrong.
fn stopped(error: &anyhow::Error) -> Option<StopCause> {
    if let Some(Stopped(cause)) = error.downcast_ref() {
        return Some(*cause);
    }
    let io = error.downcast_ref::<std::io::Error>()?;
    // `… | head` has read enough
    (io.kind() == ErrorKind::BrokenPipe).then_some(StopCause::ReaderGone)
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>()
        || error.is::<ScreenError>()
        || error.downcast_ref::<market_backbone::Error>().is_some_and(market_backbone::Error::is_usage)
}

/// Returns the error and its causes on one line, without repetitions. Only a fault in an expression is shown below that,
/// with the place marked.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = if text.is_empty() { said } else { format!("{text}: {said}") };
        }
        if cause.is::<market_backbone::Error>() {
            break; // its own message contains the causes that matter
        }
    }
    if error.is::<ScreenError>() { text } else { text.replace('\n', " ") }
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

    #[test]
    fn what_has_no_end_of_its_own_is_ended_and_not_stopped() {
        let stopped = |cause, is_endless| format!("{:?}", code(Err(Stopped(cause).into()), is_endless));
        let success = format!("{:?}", ExitCode::SUCCESS);
        for cause in [StopCause::Interrupt, StopCause::Terminate, StopCause::Elapsed, StopCause::ReaderGone] {
            assert_eq!(stopped(cause, true), success, "{cause:?}");
        }
        assert_eq!(stopped(StopCause::Interrupt, false), format!("{:?}", ExitCode::from(130)));
        assert_eq!(stopped(StopCause::Terminate, false), format!("{:?}", ExitCode::from(143)));
        assert_eq!(stopped(StopCause::ReaderGone, false), success);
    }
}

//! The summary of a run over many series: what was fetched, and what was not.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use market_backbone::{Error, FetchStats, Metrics, SourceErrorKind, WriteFailure};
use serde_json::Value;

use super::super::progress_board::ProgressBoard;
use super::SeriesRequest;
use crate::stats::{self, AnswerSummary};

/// The number of consecutive failures from which the cause is hardly the single markets.
const MAX_CONSECUTIVE_FAILURES: usize = 8;

/// The pause of the venue from which nothing is sent before it is over.
const LONG_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The results of a run.
#[derive(Default)]
pub(super) struct BatchSummary {
    series: usize,
    rows: usize,
    served: FetchStats,
    rejected: Vec<Value>,
    pub(super) unkept: Option<WriteFailure>,
    /// The markets that the venue does not list.
    left_out: Vec<String>,
    /// The series that could not be fetched although they may exist.
    failed: Vec<String>,
    /// The last failures of `failed` without a success between them.
    consecutive_failures: usize,
    /// The number of named markets that are left out.
    missing_named: usize,
    first_error: Option<Error>,
}

/// The scope of a failure.
#[derive(Debug, PartialEq, Eq)]
enum FailureScope {
    /// The market does not exist: this is final.
    Market,
    /// Perhaps only this series.
    Series,
    /// All series will fail in the same way.
    All,
}

impl BatchSummary {
    pub(super) fn record_success(&mut self, summary: &AnswerSummary) {
        self.series += 1;
        self.rows += summary.rows;
        self.served.add(summary.served);
        self.rejected.extend(stats::rejected_rows(&summary.rejected));
        self.unkept = WriteFailure::merge(self.unkept.take(), summary.write_failure.clone());
        self.consecutive_failures = 0;
    }

    /// Records a series that could not be fetched, and reports it, once for each market. Returns an error if
    /// it is pointless to go on.
    pub(super) fn missed(
        &mut self,
        request: &SeriesRequest,
        error: Error,
        board: &ProgressBoard,
    ) -> anyhow::Result<()> {
        match failure_scope(&error) {
            FailureScope::All => return Err(error.into()),
            FailureScope::Market if self.left_out.contains(&request.market) => {}
            FailureScope::Market => {
                board.note(&format!("left out: {error}"));
                self.left_out.push(request.market.clone());
                self.missing_named += usize::from(request.is_named);
            }
            FailureScope::Series => {
                let series = format!("{} {}", request.market, request.timeframe);
                self.consecutive_failures += 1;
                if self.consecutive_failures == MAX_CONSECUTIVE_FAILURES {
                    return Err(error)
                        .context(format!("gave up after {MAX_CONSECUTIVE_FAILURES} consecutive failures"));
                }
                board.note(&format!("{series} is missing: {error}"));
                self.failed.push(series);
            }
        }
        self.first_error.get_or_insert(error);
        Ok(())
    }

    /// Returns an error if nothing was fetched.
    pub(super) fn ensure_any(&mut self) -> anyhow::Result<()> {
        match self.first_error.take_if(|_| self.series == 0) {
            Some(error) => Err(error).context("none of the markets could be fetched"),
            None => Ok(()),
        }
    }

    /// Returns an error if anything is missing except what a list names and the venue does not.
    pub(super) fn ensure_complete(&self) -> anyhow::Result<()> {
        if !self.failed.is_empty() {
            let failed = self.failed.len();
            anyhow::bail!("{failed} series could not be fetched; the same command fetches only them");
        }
        anyhow::ensure!(self.missing_named == 0, "not all named markets exist; the others were written");
        Ok(())
    }

    /// Returns the line about what was written to `place`.
    pub(super) fn summary_line(&self, place: &Path) -> String {
        let mut said = format!("{} series, {} candles: {}", self.series, self.rows, place.display());
        for (count, word) in [(self.left_out.len(), "left out"), (self.failed.len(), "missing")] {
            if count > 0 {
                said.push_str(&format!("; {count} {word}"));
            }
        }
        said
    }

    /// Returns the object of `--stats`.
    pub(super) fn stats(&self, metrics: &Metrics) -> Value {
        let mut value = stats::row_stats(self.rows, &self.served, metrics);
        value["series"] = self.series.into();
        value["rejected_rows"] = self.rejected.clone().into();
        value["unkept_rows"] = stats::unkept_rows(self.unkept.as_ref());
        value["left_out"] = self.left_out.clone().into();
        value["failed"] = self.failed.clone().into();
        value
    }
}

fn failure_scope(error: &Error) -> FailureScope {
    use SourceErrorKind::{Banned, Closed, Maintenance, NoSuchRoute, Store, Unsupported};
    match error {
        Error::Symbol(_) => FailureScope::Market,
        Error::Source(error) => match error.kind() {
            SourceErrorKind::UnknownMarket => FailureScope::Market,
            Banned(_) | Closed | Maintenance | NoSuchRoute | Store | Unsupported => FailureScope::All,
            // A shorter one was waited for.
            SourceErrorKind::Throttled(Some(wait)) if wait >= LONG_RETRY_AFTER => FailureScope::All,
            _ => FailureScope::Series,
        },
        _ => FailureScope::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone::{SourceError, Timeframe};

    fn request(market: &str, is_named: bool) -> SeriesRequest {
        SeriesRequest { market: market.to_owned(), timeframe: Timeframe::M1, is_named }
    }

    fn error(kind: SourceErrorKind) -> Error {
        SourceError::new(kind, "it is so").into()
    }

    fn harvest(series: usize) -> BatchSummary {
        BatchSummary { series, ..BatchSummary::default() }
    }

    #[test]
    fn a_market_of_a_list_may_be_gone_and_one_that_was_named_may_not() {
        let (mut listed, mut named, board) = (harvest(1), harvest(1), ProgressBoard::new(1));
        for _timeframe in 0..2 {
            listed
                .missed(&request("KRW-GONE", false), error(SourceErrorKind::UnknownMarket), &board)
                .unwrap();
        }
        assert_eq!((listed.left_out.len(), listed.ensure_complete().is_ok()), (1, true));
        named.missed(&request("KRW-GONE", true), error(SourceErrorKind::UnknownMarket), &board).unwrap();
        assert!(named.ensure_complete().is_err());
        listed.series = 0;
        assert!(listed.ensure_any().is_err(), "nothing at all is a failure");
    }

    #[test]
    fn what_all_share_ends_the_run_and_so_do_many_failures_in_a_row() {
        let (mut harvest, board, request) = (harvest(0), ProgressBoard::new(1), request("KRW-BTC", false));
        assert!(harvest.missed(&request, error(SourceErrorKind::Banned(None)), &board).is_err());
        for _ in 1..MAX_CONSECUTIVE_FAILURES {
            harvest.missed(&request, error(SourceErrorKind::TimedOut), &board).unwrap();
        }
        let said = harvest.missed(&request, error(SourceErrorKind::TimedOut), &board).unwrap_err();
        assert!(said.to_string().contains("consecutive"), "{said}");
        assert!(harvest.ensure_complete().is_err());
    }
}

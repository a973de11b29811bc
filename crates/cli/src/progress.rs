//! How far a command has come, on a terminal: a bar for fetches that take more than one request, and a line for work
//! whose length is not known before.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use market_backbone::Progress;

const TEMPLATE: &str = "{bar:32} {percent} %, {msg}, {eta} left";

/// Creates a hidden bar.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
    match ProgressStyle::with_template(TEMPLATE) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Advances the bar of many fetches, of which some are over.
pub(crate) fn advance_many(bar: &ProgressBar, whole: Progress, over: usize, fetches: usize) {
    let begins = bar.length() == Some(0);
    if whole.requests > 1 && bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    let Progress { rows, requests, .. } = whole;
    bar.set_message(format!("{over} of {fetches} series, {rows} candles, {requests} requests"));
    bar.set_length(whole.total);
    bar.set_position(whole.done);
    if begins {
        bar.reset_eta();
    }
}

/// Advances the bar; shows it once a second request was needed. It begins with what was known before.
pub(crate) fn advance(bar: &ProgressBar, progress: Progress) {
    if progress.requests > 1 && bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr()); // draws on a terminal only
    }
    bar.set_message(format!("{} candles, {} requests", progress.rows, progress.requests));
    let begins = bar.length() != Some(progress.total);
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    if begins {
        bar.reset_eta(); // known data says nothing about the pace
    }
}

/// How often the line of a [`Working`] is drawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// A line that says what is being done and for how long, on a terminal, as long as it lives.
#[derive(Debug)]
pub(crate) struct Working(ProgressBar);

impl Working {
    /// Says that `what` is being done.
    pub(crate) fn begin(what: String) -> Self {
        let line = ProgressBar::new_spinner(); // draws on stderr, if that is a terminal
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            line.set_style(style);
        }
        line.set_message(what);
        line.tick(); // drawn at once: work that is soon done is told of as well
        line.enable_steady_tick(REDRAW_INTERVAL);
        Self(line)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

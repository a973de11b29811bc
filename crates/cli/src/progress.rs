//! The progress bar of a fetch: on a terminal, and only when it takes more than one request.

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

//! The bar that shows how far a fetch has come: on a terminal, and only when it takes more than one request.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use market_backbone::Progress;

const TEMPLATE: &str = "{bar:32} {pos}/{len} candles, {msg} requests, {eta} left";

/// A bar towards `rows` rows, or a counter where nobody knows how many there are.
pub(crate) fn bar(rows: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(rows, ProgressDrawTarget::hidden());
    let template = if rows.is_some() { TEMPLATE } else { "{spinner} {pos} candles, {msg} requests" };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Moves the bar; shows it once a second request was needed.
pub(crate) fn advance(bar: &ProgressBar, progress: Progress) {
    if progress.requests > 1 && bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr()); // draws on a terminal only
    }
    bar.set_message(progress.requests.to_string());
    bar.set_position(progress.rows.min(bar.length().unwrap_or(u64::MAX)));
}

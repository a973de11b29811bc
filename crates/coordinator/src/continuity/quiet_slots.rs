//! Knowledge of the slots of a series that showed no candle: they were quiet, or nobody listened.

use std::collections::VecDeque;

use market_backbone_core::{Coverage, TimeRange, Timestamp};

/// The most interrupted ranges that are remembered because it is not known whether they were quiet.
const MAX_UNKNOWN: usize = 64;

/// The slots of a series of which it is not known, or not yet, whether they were quiet.
#[derive(Debug, Default)]
pub(super) struct QuietSlots {
    /// Interrupted ranges of which the venue's pages have not shown whether they were quiet.
    unknown: VecDeque<TimeRange>,
    /// The open time of the slot that was forming when its channel was last fetched, if nobody listened when it
    /// began. Only a page from after its end can show whether it was quiet.
    half_heard: Option<Timestamp>,
    /// `true` if that page was requested.
    is_requested: bool,
    /// `true` between a fetch and the moment at which all of its candles have been processed.
    is_page_unread: bool,
}

impl QuietSlots {
    /// Records that `range` was interrupted, and that the venue's pages have shown no more of it than `coverage`;
    /// `forming` is the slot that had not ended when they were requested.
    pub(super) fn mark_interrupted(&mut self, range: TimeRange, coverage: &Coverage, forming: Timestamp) {
        self.unknown.extend(coverage.missing(range));
        while self.unknown.len() > MAX_UNKNOWN {
            self.unknown.pop_front();
        }
        if forming < range.to() {
            (self.half_heard, self.is_requested) = (Some(forming), false);
        }
    }

    /// Records that pages from before the end of the slot `forming` have shown `coverage`.
    pub(super) fn mark_fetched(&mut self, coverage: &Coverage, forming: Timestamp) {
        self.unknown = self.unknown.iter().flat_map(|range| coverage.missing(*range)).collect();
        self.half_heard.take_if(|open| *open < forming);
        self.is_page_unread = true;
    }

    /// Records that the candles of the last fetch have been processed.
    pub(super) fn mark_page_read(&mut self) {
        self.is_page_unread = false;
    }

    /// Returns whether a page may still show a candle of the slot that opens at `open`.
    pub(super) fn is_undecided(&self, open: Timestamp) -> bool {
        self.is_page_unread || self.half_heard == Some(open)
    }

    /// Returns whether the slot is not known to have been quiet, and never will be.
    pub(super) fn is_unknown(&self, slot: TimeRange) -> bool {
        self.unknown.iter().any(|unknown| unknown.intersect(slot).is_some())
    }

    /// Returns whether the slot that opens at `open`, which is over, has to be fetched, and records that it is.
    pub(super) fn request(&mut self, open: Timestamp) -> bool {
        let is_due = self.half_heard == Some(open) && !self.is_requested;
        self.is_requested |= is_due;
        is_due
    }
}

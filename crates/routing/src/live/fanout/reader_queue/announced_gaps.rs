//! The gaps in the queue of a reader: each opens once and ends once, and they do not pile up.

use std::sync::Arc;

use market_backbone_core::{Channel, Gap, GapState, StreamKind, Symbol, Timestamp};

use super::{QueueItem, ReaderQueue};

/// The largest number of queued gap items.
pub(super) const MAX_GAPS: usize = 64;

/// An announced gap, and those of its channels that are still silent.
#[derive(Debug)]
pub(super) struct AnnouncedGap {
    gap: Gap,
    unconfirmed: Vec<Channel>,
}

impl ReaderQueue {
    /// Announces a gap of those of its channels that are in none yet.
    pub(in crate::live::fanout) fn open_gap(&mut self, gap: Gap) {
        let is_open =
            |channel: &&Channel| !self.announced_gaps.iter().any(|open| open.gap.channels.contains(channel));
        let waiting: Vec<Channel> = gap.channels.iter().filter(is_open).cloned().collect();
        if waiting.is_empty() {
            return;
        }
        let gap = Gap { channels: waiting.as_slice().into(), ..gap };
        self.announced_gaps.push(AnnouncedGap { gap: gap.clone(), unconfirmed: waiting });
        self.push_gap(gap);
    }

    /// Records that events of this channel arrive again as of `to`; a gap ends with the last of its channels.
    pub(in crate::live::fanout) fn confirm(&mut self, symbol: &Symbol, kind: StreamKind, to: Timestamp) {
        let Some(at) = self.announced_gaps.iter().position(|open| {
            open.unconfirmed.iter().any(|channel| channel.kind == kind && channel.symbol == *symbol)
        }) else {
            return;
        };
        let open = &mut self.announced_gaps[at];
        open.unconfirmed.retain(|channel| channel.kind != kind || channel.symbol != *symbol);
        if open.unconfirmed.is_empty() {
            let AnnouncedGap { gap, .. } = self.announced_gaps.remove(at);
            self.push_gap(Gap { state: GapState::Resumed, to: Some(to.max(gap.from)), ..gap });
        }
    }

    fn push_gap(&mut self, gap: Gap) {
        self.items.push_back(QueueItem::Gap(gap));
        self.gaps += 1;
        if self.gaps > MAX_GAPS {
            self.merge_gaps();
        }
    }

    fn gap_at(&self, at: usize, state: GapState) -> Option<&Gap> {
        match self.items.get(at) {
            Some(QueueItem::Gap(gap)) if gap.state == state => Some(gap),
            _ => None,
        }
    }

    /// Merges two queued gaps into one of the channels of both: removes the end of one and the beginning of a
    /// later one.
    fn merge_gaps(&mut self) {
        let all = 0..self.items.len();
        for end in all.clone() {
            let Some(ended) = self.gap_at(end, GapState::Resumed).cloned() else { continue };
            let its = |gap: &Gap| gap.from == ended.from && gap.channels == ended.channels;
            let first = (0..end).find(|at| self.gap_at(*at, GapState::Opened).is_some_and(its));
            let next = (end + 1..all.end).find(|at| self.gap_at(*at, GapState::Opened).is_some());
            if let (Some(first), Some(next)) = (first, next) {
                self.merge_gaps_at(first, end, next);
                return;
            }
        }
    }

    /// Extends the gap that begins at `first` and ends at `end` to the end of the one that begins at `next`.
    fn merge_gaps_at(&mut self, first: usize, end: usize, next: usize) {
        let (Some(QueueItem::Gap(second)), Some(_)) = (self.items.remove(next), self.items.remove(end))
        else {
            return;
        };
        self.gaps -= 2;
        let Some(QueueItem::Gap(opened)) = self.items.get_mut(first) else { return };
        if opened.channels != second.channels {
            let mut both: Vec<_> = opened.channels.iter().chain(&*second.channels).cloned().collect();
            both.sort();
            both.dedup();
            opened.channels = both.into();
        }
        let (from, channels) = (opened.from, Arc::clone(&opened.channels));
        let widen = |gap: &mut Gap| {
            if gap.from == second.from && gap.channels == second.channels {
                gap.from = from;
                gap.channels = Arc::clone(&channels);
            }
        };
        self.announced_gaps.iter_mut().map(|open| &mut open.gap).for_each(&widen);
        for item in self.items.iter_mut().skip(end) {
            match item {
                QueueItem::Gap(gap) if gap.state == GapState::Resumed => widen(gap),
                _ => {}
            }
        }
    }
}

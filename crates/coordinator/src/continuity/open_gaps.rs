//! The open gaps of a feed, and what remains to be done for each.

use std::sync::Arc;

use market_backbone_core::{Channel, Gap, GapState, LossReason};

/// A gap that is not over.
#[derive(Debug)]
struct OpenGap {
    gap: Gap,
    /// The channels that are still interrupted.
    down: Vec<Channel>,
    /// The channels whose missing events are still to be fetched.
    pending: Vec<usize>,
    loss: Option<LossReason>,
}

/// The gaps that are not over. No two of them share a channel.
#[derive(Debug, Default)]
pub(super) struct OpenGaps(Vec<OpenGap>);

impl OpenGaps {
    /// Opens a gap, merged with those it shares a channel with, and returns the gap to report.
    pub(super) fn open(&mut self, gap: Gap) -> Gap {
        let mut entry = OpenGap {
            down: gap.channels.to_vec(),
            gap: Gap { to: None, ..gap },
            pending: Vec::new(),
            loss: None,
        };
        let touched = self.0.extract_if(.., |other| other.shares_channel(&entry.gap.channels));
        for other in touched.collect::<Vec<_>>() {
            entry.merge(other);
        }
        let reports = entry.gap.clone();
        self.0.push(entry);
        reports
    }

    /// Resumes `gap`'s channels; the events of `numbers` have to be fetched. Returns the gaps to report.
    pub(super) fn resume(&mut self, gap: &Gap, numbers: &[usize]) -> Vec<Gap> {
        let mut reports = Vec::new();
        if !self.0.iter().any(|entry| entry.shares_channel(&gap.channels)) {
            // Its beginning was not reported.
            reports.push(self.open(Gap { state: GapState::Opened, ..gap.clone() }));
        }
        for entry in self.0.iter_mut().filter(|entry| entry.shares_channel(&gap.channels)) {
            entry.down.retain(|channel| !gap.channels.contains(channel));
            entry.gap.to = entry.gap.to.max(gap.to);
            entry.pending.extend(numbers);
            entry.pending.sort_unstable();
            entry.pending.dedup();
            if entry.down.is_empty() && !entry.pending.is_empty() {
                reports.push(Gap { state: GapState::Healing, ..entry.gap.clone() });
            }
        }
        reports.extend(self.take_closed());
        reports
    }

    /// Returns whether events of channel `number` are being fetched for a gap.
    pub(super) fn is_healing(&self, number: usize) -> bool {
        self.0.iter().any(|entry| entry.pending.contains(&number))
    }

    /// Records that the missing events of channel `number` have been delivered, except for a `loss`. Returns the
    /// gaps to report.
    pub(super) fn channel_healed(&mut self, number: usize, loss: Option<&LossReason>) -> Vec<Gap> {
        for entry in self.0.iter_mut().filter(|entry| entry.pending.contains(&number)) {
            entry.pending.retain(|other| *other != number);
            entry.loss = loss.or(entry.loss.as_ref()).cloned();
        }
        self.take_closed()
    }

    /// Records that some missing events of channel `number` will not come, and more of them are to be fetched.
    /// Returns whether they belong to a gap.
    pub(super) fn record_loss(&mut self, number: usize, loss: &LossReason) -> bool {
        let mut any = false;
        for entry in self.0.iter_mut().filter(|entry| entry.pending.contains(&number)) {
            entry.loss = Some(loss.clone());
            any = true;
        }
        any
    }

    /// Ends all gaps, because no more events will come. Returns the gaps to report.
    pub(super) fn fail_all(&mut self, why: &LossReason) -> Vec<Gap> {
        let lost = |entry: OpenGap| Gap { state: GapState::Lost, loss: Some(why.clone()), ..entry.gap };
        self.0.drain(..).map(lost).collect()
    }

    fn take_closed(&mut self) -> Vec<Gap> {
        let over = |entry: &mut OpenGap| entry.down.is_empty() && entry.pending.is_empty();
        let reports = self.0.extract_if(.., over).map(|OpenGap { gap, loss, .. }| {
            let state = if loss.is_some() { GapState::Lost } else { GapState::Healed };
            Gap { state, loss, ..gap }
        });
        reports.collect()
    }
}

impl OpenGap {
    fn shares_channel(&self, channels: &[Channel]) -> bool {
        self.gap.channels.iter().any(|channel| channels.contains(channel))
    }

    /// Merges an older gap into this one.
    fn merge(&mut self, other: Self) {
        let mut channels: Vec<_> = self.gap.channels.iter().chain(&*other.gap.channels).cloned().collect();
        channels.sort();
        channels.dedup();
        self.gap.channels = Arc::from(channels);
        self.gap.from = self.gap.from.min(other.gap.from);
        self.down.extend(other.down);
        self.pending.extend(other.pending);
        self.loss = self.loss.take().or(other.loss);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market_backbone_core::{GapCause, StreamKind, Timestamp};

    fn gap(codes: &[&str], from: i64, to: Option<i64>) -> Gap {
        let channel = |code: &&str| market_backbone_testkit::channel(code, StreamKind::Trade);
        Gap {
            state: if to.is_some() { GapState::Resumed } else { GapState::Opened },
            channels: codes.iter().map(channel).collect(),
            from: Timestamp::from_secs(from),
            to: to.map(Timestamp::from_secs),
            cause: GapCause::Disconnected,
            loss: None,
        }
    }

    fn brief(gaps: &[Gap]) -> Vec<String> {
        let one = |gap: &Gap| format!("{} {} {}", gap.state.as_str(), gap.from.as_secs(), gap.channels.len());
        gaps.iter().map(one).collect()
    }

    #[test]
    fn a_gap_is_healed_once_all_its_lanes_are() {
        let mut open_gaps = OpenGaps::default();
        assert_eq!(brief(&[open_gaps.open(gap(&["A", "B"], 5, None))]), ["opened 5 2"]);
        assert_eq!(brief(&open_gaps.resume(&gap(&["A", "B"], 5, Some(9)), &[0, 1])), ["healing 5 2"]);
        assert_eq!(brief(&open_gaps.channel_healed(1, None)), [""; 0]);
        assert_eq!(brief(&open_gaps.channel_healed(0, None)), ["healed 5 2"]);
        assert_eq!(brief(&open_gaps.channel_healed(0, None)), [""; 0]);
    }

    #[test]
    fn a_gap_over_one_that_is_being_healed_is_one_with_it() {
        let mut open_gaps = OpenGaps::default();
        open_gaps.open(gap(&["A", "B"], 5, None));
        open_gaps.resume(&gap(&["A", "B"], 5, Some(6)), &[0, 1]);
        assert_eq!(brief(&[open_gaps.open(gap(&["B", "C"], 7, None))]), ["opened 5 3"]);
        assert_eq!(brief(&open_gaps.channel_healed(0, None)), [""; 0]);
        assert_eq!(brief(&open_gaps.resume(&gap(&["B", "C"], 7, Some(8)), &[1, 2])), ["healing 5 3"]);
        open_gaps.channel_healed(1, Some(&LossReason::TooOld { days: 7 }));
        assert_eq!(brief(&open_gaps.channel_healed(2, None)), ["lost 5 3"]);
    }

    #[test]
    fn of_two_gaps_without_a_common_channel_each_ends_alone() {
        let mut open_gaps = OpenGaps::default();
        open_gaps.open(gap(&["A"], 5, None));
        open_gaps.open(gap(&["B"], 6, None));
        assert_eq!(brief(&open_gaps.resume(&gap(&["B"], 6, Some(7)), &[])), ["healed 6 1"]);
        assert_eq!(brief(&open_gaps.fail_all(&LossReason::Ended)), ["lost 5 1"]);
    }

    #[test]
    fn an_end_without_a_beginning_is_a_gap_too() {
        let mut open_gaps = OpenGaps::default();
        assert_eq!(brief(&open_gaps.resume(&gap(&["A"], 5, Some(7)), &[0])), ["opened 5 1", "healing 5 1"]);
        assert_eq!(brief(&open_gaps.channel_healed(0, None)), ["healed 5 1"]);
    }
}

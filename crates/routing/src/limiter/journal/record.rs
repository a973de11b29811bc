//! A line of the journal: what happened, and when by two clocks.
//!
//! `s 1790000000123000000 8000120000000 41 candles 12 .` says that run 41 was given its permit number 12 of group
//! `candles`, at this time of day and this long after the machine's start. A request that does not weigh 1 has its weight
//! before the full stop. So what has no weights reads the same in both versions of the format.
//!
//! The wall clock can be set back or forward between two runs, so beside it the time since the machine's start is noted,
//! which nobody sets. The younger of the two ages counts; a moment that seems to lie ahead says nothing. Where neither
//! clock says anything it happened just now. So a request is never taken for older than it is.

use std::fmt;
use std::time::Duration;

use market_backbone_core::Timestamp;

/// The resolution of the time since the machine's start.
const STEADY_RESOLUTION: Duration = Duration::from_millis(10);

/// The kind of event that a line records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::limiter) enum RecordKind {
    Sent,
    Answered,
    /// The caller gave the request up.
    Lost,
    /// The permit was given back: nothing was sent.
    Unused,
    /// The venue has banned this address, for as many ms as the number says.
    Banned,
    /// The venue accepts no request of the group, for as many ms as the number says.
    Paused,
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockStamp {
    pub(super) wall: Timestamp,
    /// The time since the machine's start, where the system tells it.
    pub(super) steady: Option<Timestamp>,
}

impl ClockStamp {
    /// Returns the least time before `now` at which this was.
    pub(super) fn age(self, now: Self) -> Duration {
        let ago = |then: Timestamp, now: Timestamp| (then <= now).then(|| now.since(then));
        let steady = self.steady.zip(now.steady).and_then(|(then, now)| ago(then, now));
        let steady = steady.map(|ago| ago.saturating_sub(STEADY_RESOLUTION));
        [ago(self.wall, now.wall), steady].into_iter().flatten().min().unwrap_or_default()
    }
}

/// One line of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalRecord<'a> {
    pub(super) kind: RecordKind,
    pub(super) stamp: ClockStamp,
    /// The number of the run of a program that wrote it.
    pub(super) writer: u32,
    pub(super) group: &'a str,
    /// The number of the request within the run and group, or how many ms a ban or a pause lasts.
    pub(super) number: u64,
    /// The weight of the request; 1 for a record that is no permit.
    pub(super) weight: u32,
}

impl fmt::Display for JournalRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, stamp, writer, group, number, weight } = self;
        let sign = match kind {
            RecordKind::Sent => 's',
            RecordKind::Answered => 'a',
            RecordKind::Lost => 'l',
            RecordKind::Unused => 'u',
            RecordKind::Banned => 'b',
            RecordKind::Paused => 'p',
        };
        write!(f, "{sign} {} ", stamp.wall.as_nanos())?;
        match stamp.steady {
            Some(steady) => write!(f, "{} ", steady.as_nanos())?,
            None => f.write_str("- ")?,
        }
        write!(f, "{writer} {group} {number} ")?;
        if *weight != 1 {
            write!(f, "{weight} ")?;
        }
        // The full stop shows that the line is complete.
        f.write_str(".\n")
    }
}

impl<'a> JournalRecord<'a> {
    /// Parses a line; `None` if it is invalid or incomplete.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next();
        let kind = match word()? {
            "s" => RecordKind::Sent,
            "a" => RecordKind::Answered,
            "l" => RecordKind::Lost,
            "u" => RecordKind::Unused,
            "b" => RecordKind::Banned,
            "p" => RecordKind::Paused,
            _ => return None,
        };
        let wall = Timestamp::from_nanos(word()?.parse().ok()?);
        let steady = match word()? {
            "-" => None,
            nanos => Some(Timestamp::from_nanos(nanos.parse().ok()?)),
        };
        let (writer, group, number) = (word()?.parse().ok()?, word()?, word()?.parse().ok()?);
        let (weight, end) = match word()? {
            "." => (1, "."),
            weight => (weight.parse().ok()?, word()?),
        };
        let whole = end == "." && word().is_none();
        whole.then_some(Self { kind, stamp: ClockStamp { wall, steady }, writer, group, number, weight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(wall: i64, steady: impl Into<Option<i64>>) -> ClockStamp {
        ClockStamp { wall: Timestamp::from_secs(wall), steady: steady.into().map(Timestamp::from_secs) }
    }

    #[test]
    fn reads_what_it_writes_and_nothing_cut_short() {
        let all = [
            RecordKind::Sent,
            RecordKind::Answered,
            RecordKind::Lost,
            RecordKind::Unused,
            RecordKind::Banned,
            RecordKind::Paused,
        ];
        for kind in all {
            for (steady, weight) in [(None, 1), (Some(7), 1), (None, 0), (Some(7), 250)] {
                let stamp = stamp(9, steady);
                let record = JournalRecord { kind, stamp, writer: 41, group: "candles", number: 12, weight };
                let text = record.to_string();
                let line = text.trim_end();
                assert_eq!(JournalRecord::parse(line), Some(record));
                for cut in 0..line.len() {
                    assert_eq!(JournalRecord::parse(&line[..cut]), None, "{}", &line[..cut]);
                }
            }
        }
    }

    #[test]
    fn no_clock_that_is_set_makes_a_request_older_than_it_is() {
        let age = |then: ClockStamp, now: ClockStamp| then.age(now).as_millis();
        assert_eq!(age(stamp(100, 50), stamp(103, 53)), 2_990);
        assert_eq!(age(stamp(100, 50), stamp(9_000, 53)), 2_990, "set forward");
        assert_eq!(age(stamp(100, 50), stamp(20, 53)), 2_990, "set back");
        assert_eq!(age(stamp(100, 50), stamp(160, 20)), 60_000, "started anew");
        assert_eq!(age(stamp(100, 50), stamp(20, 20)), 0, "started anew and set back");
        assert_eq!(age(stamp(100, None), stamp(103, 53)), 3_000);
    }

    #[test]
    fn what_weighs_one_is_written_as_by_the_first_version() {
        let line = "s 9000000000 - 41 candles 12 .";
        let record = JournalRecord::parse(line).unwrap();
        assert_eq!(record.weight, 1);
        assert_eq!(record.to_string().trim_end(), line);
        let heavy = JournalRecord { weight: 25, ..record };
        assert_eq!(heavy.to_string(), "s 9000000000 - 41 candles 12 25 .\n");
    }
}

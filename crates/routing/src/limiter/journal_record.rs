//! A line of the journal: what happened, and when by two clocks.
//!
//! The wall's clock can be set back or forward between two runs, so beside it the time since the machine's start
//! is noted, which nobody sets. The younger of the two ages counts; a moment that seems to lie ahead says nothing.
//! Where neither clock says anything it has happened just now. So whatever is done to one clock, a request is never
//! taken for older than it is.

use std::fmt;
use std::time::Duration;

use market_backbone_core::Timestamp;

/// The time since the machine's start is told in hundredths of a second.
const STEADY_RESOLUTION: Duration = Duration::from_millis(10);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    Sent,
    Answered,
    /// The request was given up.
    Lost,
    /// The turn was given back: nothing was sent.
    Unused,
    /// Shut out, for so many ms as the number says.
    Banned,
    /// The venue does not want to be asked anything of the group, for so many ms as the number says.
    Paused,
}

/// When, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockStamp {
    pub(super) wall: Timestamp,
    /// Since the machine's start, where the system tells.
    pub(super) steady: Option<Timestamp>,
}

impl ClockStamp {
    /// How long before `now` this was, at least.
    pub(super) fn age(self, now: Self) -> Duration {
        let ago = |then: Timestamp, now: Timestamp| (then <= now).then(|| now.since(then));
        let steady = self.steady.zip(now.steady).and_then(|(then, now)| ago(then, now));
        let steady = steady.map(|ago| ago.saturating_sub(STEADY_RESOLUTION));
        [ago(self.wall, now.wall), steady].into_iter().flatten().min().unwrap_or_default()
    }
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalRecord<'a> {
    pub(super) kind: RecordKind,
    pub(super) stamp: ClockStamp,
    /// Which run of which program.
    pub(super) writer: u32,
    pub(super) group: &'a str,
    /// Which request of the run and group, or how long a ban or a pause lasts.
    pub(super) number: u64,
}

impl fmt::Display for JournalRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind: what, stamp, writer, group, number } = self;
        let sign = match what {
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
        // The full stop shows that the line is whole.
        writeln!(f, "{writer} {group} {number} .")
    }
}

impl<'a> JournalRecord<'a> {
    /// Reads a line; `None` if it is none, or not whole.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next();
        let what = match word()? {
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
        let whole = word()? == "." && word().is_none();
        whole.then_some(Self { kind: what, stamp: ClockStamp { wall, steady }, writer, group, number })
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
        for what in all {
            for steady in [None, Some(7)] {
                let record = JournalRecord {
                    kind: what,
                    stamp: stamp(9, steady),
                    writer: 41,
                    group: "candles",
                    number: 12,
                };
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
}

//! Drives a replay: reads the recording, and plays each record when its time has come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use market_backbone_core::Timestamp;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::player::{RecordedReply, TapePlayer};
use super::tape_clock::TapeClock;
use crate::{TapeEntry, TapeError, TapeReader, TapeRecord};

/// The turns that other tasks get after each record: the one that sends a frame, the one that reads it, and the readers
/// of its events.
const TURNS: usize = 8;

/// The time after the last record, which paused time shows only when all tasks have done what they can.
const SETTLING: Duration = Duration::from_millis(1);

/// The figures of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayStats {
    /// The number of frames played.
    pub frames: u64,
    /// The number of frames whose connection nobody opened.
    pub unread: u64,
    /// The number of answers that were there to be asked for.
    pub replies: u64,
    /// The number of requests that the recording has no answer to.
    pub unanswered: u64,
    /// The number of records that the recording itself lacks.
    pub missed: u64,
}

/// The driver of a replay.
#[derive(Debug)]
pub struct TapeDriver {
    reader: TapeReader,
    player: Arc<TapePlayer>,
    clock: Arc<TapeClock>,
    /// Entries that were read ahead.
    ahead: VecDeque<TapeEntry>,
    stats: ReplayStats,
}

impl TapeDriver {
    /// Creates a driver of the recording that `reader` reads, and the clock that shows its time; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If the recording cannot be read.
    pub fn new(
        mut reader: TapeReader,
        player: Arc<TapePlayer>,
    ) -> Result<Option<(Self, Arc<TapeClock>)>, TapeError> {
        let Some(first) = reader.next()? else { return Ok(None) };
        let clock = Arc::new(TapeClock::showing(first.time));
        let driver = Self {
            reader,
            player,
            clock: Arc::clone(&clock),
            ahead: VecDeque::from([first]),
            stats: ReplayStats::default(),
        };
        Ok(Some((driver, clock)))
    }

    /// Returns the figures so far.
    #[must_use]
    pub fn stats(&self) -> ReplayStats {
        ReplayStats { unanswered: self.player.unanswered(), ..self.stats }
    }

    /// Returns the incomplete ends of the files that were read so far.
    #[must_use]
    pub fn torn_tails(&self) -> &[crate::TornTail] {
        self.reader.torn_tails()
    }

    /// Plays everything, or until `pace` says no. It is called with the time of each record before that is played.
    ///
    /// The last connections stay open: a recording ends with its program, not with the venue.
    ///
    /// # Errors
    ///
    /// If the recording cannot be read.
    pub async fn run(&mut self, mut pace: impl FnMut(Timestamp) -> bool) -> Result<(), TapeError> {
        while let Some(entry) = self.next()? {
            self.clock.wait_for(entry.time).await;
            if !pace(entry.time) {
                return Ok(());
            }
            self.play(entry.record);
            for _ in 0..TURNS {
                yield_now().await;
            }
        }
        // Bars may close, and a gap may heal, between the last frame and the end of the recording.
        if let Some(end) = self.ahead.back().map(|entry| entry.time)
            && pace(end)
        {
            self.clock.wait_for(end).await;
        }
        sleep(SETTLING).await;
        Ok(())
    }

    /// Returns the next record, unless all that follows is the end of connections.
    fn next(&mut self) -> Result<Option<TapeEntry>, TapeError> {
        let is_end = |entry: &TapeEntry| matches!(entry.record, TapeRecord::Disconnected { .. });
        while self.ahead.iter().all(is_end) {
            let Some(entry) = self.reader.next()? else { return Ok(None) };
            self.ahead.push_back(entry);
        }
        Ok(self.ahead.pop_front())
    }

    fn play(&mut self, record: TapeRecord) {
        match record {
            TapeRecord::Connected { connection } => self.player.open(connection),
            TapeRecord::Disconnected { connection } => self.player.close(connection),
            TapeRecord::Frame { connection, bytes } => {
                self.stats.frames += 1;
                self.stats.unread += u64::from(!self.player.frame(connection, bytes));
            }
            TapeRecord::Reply { target, status, headers, body } => {
                self.stats.replies += 1;
                self.player.reply(RecordedReply { target, status, headers, body });
            }
            TapeRecord::Missed { records } => {
                tracing::warn!(records, "the recording lacks records from before this moment");
                self.stats.missed += records;
            }
            TapeRecord::Session(_) => {}
        }
    }
}

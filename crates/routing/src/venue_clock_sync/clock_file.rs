//! The measured offset of a venue's clock, stored in a file: the next process knows it at once.
//!
//! The file holds the offset between the venue's clock and the time since boot, which nobody sets. So a
//! machine whose clock was set since, rightly or wrongly, is recognised. Where the system does not tell the
//! time since boot, or the machine was restarted, nothing is recalled, and the first response has to say.

use std::path::PathBuf;
use std::{fs, io};

use market_backbone_core::{Clock, Timestamp};

/// The age above which a measurement is not recalled, in nanoseconds.
const MAX_AGE_NS: i64 = 7 * 86_400 * 1_000_000_000;
/// The drift of a clock that nobody sets: one part in so many.
const DRIFT_DIVISOR: i64 = 20_000;
/// The resolution of the time since boot, in nanoseconds.
const RESOLUTION_NS: i64 = 20_000_000;

/// The largest divergence of a machine's two clocks by themselves, in nanoseconds.
const MAX_DIVERGENCE_NS: u64 = 1_000_000_000;

/// A stored offset, as of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredClockOffset {
    /// The bounds between which the venue's clock is ahead of the machine's, in nanoseconds.
    pub(super) from: i64,
    pub(super) to: i64,
    /// True if the machine's clock seems to have been set since.
    pub(super) was_set: bool,
}

/// The file with the offset.
#[derive(Debug)]
pub(super) struct ClockFile {
    path: PathBuf,
}

impl ClockFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Reads the stored offset as seen from `machine` now, if it is still usable.
    pub(super) fn read(&self, machine: &dyn Clock) -> Option<StoredClockOffset> {
        let (steady, wall) = (machine.monotonic()?.as_nanos(), machine.now().as_nanos());
        let text = fs::read_to_string(&self.path).ok()?;
        let mut words = text.split_whitespace();
        if words.next()? != boot_id()? {
            return None;
        }
        let mut number = || words.next()?.parse::<i64>().ok();
        let (then, showed, from, to) = (number()?, number()?, number()?, number()?);
        // The full stop shows that the line is complete.
        let is_whole = words.next() == Some(".") && from <= to;
        let age = steady.checked_sub(then).filter(|age| is_whole && 0 <= *age && *age <= MAX_AGE_NS)?;
        let uncertainty = age / DRIFT_DIVISOR + RESOLUTION_NS;
        let shown = wall.checked_sub(steady)?;
        let (from, to) = (from.checked_sub(shown)?, to.checked_sub(shown)?);
        let was_set = shown.abs_diff(showed) > MAX_DIVERGENCE_NS;
        Some(StoredClockOffset {
            from: from.checked_sub(uncertainty)?,
            to: to.checked_add(uncertainty)?,
            was_set,
        })
    }

    /// Stores that the venue's clock is ahead of `machine` within these bounds, in nanoseconds.
    pub(super) fn write(&self, machine: &dyn Clock, (from, to): (i64, i64)) -> io::Result<()> {
        let (Some(steady), Some(boot)) = (machine.monotonic().map(Timestamp::as_nanos), boot_id()) else {
            return Ok(());
        };
        let shown = machine.now().as_nanos().saturating_sub(steady);
        let (from, to) = (from.saturating_add(shown), to.saturating_add(shown));
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = self.path.with_extension(format!("clock.{:08x}.part", fastrand::u32(..)));
        let written = fs::write(&draft, format!("{boot} {steady} {shown} {from} {to} .\n"))
            .and_then(|()| fs::rename(&draft, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&draft); // there may be none
        }
        written
    }
}

/// Identifies the current boot of the machine, where the system tells.
fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use market_backbone_testkit::MachineClock;

    use super::*;

    const HOUR: i64 = 3_600;

    fn machine(wall: i64, since_boot: Option<i64>) -> MachineClock {
        let since_boot = since_boot.map(|secs| Duration::from_secs(secs.unsigned_abs()));
        MachineClock::new(Timestamp::from_secs(wall), since_boot)
    }

    /// Returns what is recalled on `later`, in whole seconds, of a clock that was `ahead` seconds ahead.
    fn recalled(ahead: i64, later: &MachineClock) -> Option<(i64, bool)> {
        let folder = tempfile::tempdir().unwrap();
        let file = ClockFile::new(folder.path().join("deep/upbit.clock"));
        let offset = ahead * 1_000_000_000;
        let machine = machine(100 * HOUR, Some(HOUR));
        file.write(&machine, (offset - 1, offset + 1)).unwrap();
        let StoredClockOffset { from, to, was_set } = file.read(later)?;
        assert!(to - from < 1_000_000_000);
        Some((from.midpoint(to).div_euclid(1_000_000_000), was_set))
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_clock_that_was_set_since_is_known_for_what_it_is() {
        let later = |wall, steady| machine(wall, Some(steady));
        assert_eq!(recalled(0, &later(102 * HOUR, 3 * HOUR)), Some((0, false)));
        assert_eq!(recalled(-HOUR, &later(102 * HOUR, 3 * HOUR)), Some((-HOUR, false)));
        assert_eq!(recalled(-HOUR, &later(101 * HOUR, 3 * HOUR)), Some((0, true)), "it was set right");
        assert_eq!(recalled(0, &later(101 * HOUR, 3 * HOUR)), Some((HOUR, true)), "it was set back");
    }

    #[test]
    fn nothing_is_recalled_that_nobody_can_vouch_for() {
        assert_eq!(recalled(5, &machine(102 * HOUR, None)), None);
        assert_eq!(recalled(5, &machine(102 * HOUR, Some(60))), None, "started anew");
        assert_eq!(recalled(5, &machine(900 * HOUR, Some(801 * HOUR))), None, "long ago");
    }

    #[test]
    fn a_file_that_is_not_whole_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upbit.clock");
        let file = ClockFile::new(path.clone());
        let machine = machine(100 * HOUR, Some(HOUR));
        assert_eq!(file.read(&machine), None);
        file.write(&machine, (-1, 1)).unwrap();
        let text = fs::read_to_string(&path).unwrap_or_default();
        for cut in 0..text.trim_end().len() {
            fs::write(&path, &text[..cut]).unwrap();
            assert_eq!(file.read(&machine), None, "{}", &text[..cut]);
        }
    }
}

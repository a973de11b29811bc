//! A few words that one thread writes while others read them, without a lock and without tearing.
//!
//! A sequence lock made of plain atomics, so that no `unsafe` is needed. The writer makes the sequence number
//! odd, stores the words and makes the number even again. A reader whose number was even before and is the
//! same after has read one consistent state. The writer's release fence orders the odd number before the
//! words, and the reader's acquire fence orders the words before its second look at the number: a reader that
//! saw one new word sees the new number too, and reads again.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// The number of immediate retries of a reader before it yields the processor to the writer.
const SPINS: u32 = 64;

/// A block of `N` words that are read as a whole.
///
/// It begins on a cache line and shares none: a reader fetches the lines of its words alone, as few as they fill, and
/// not those of the lock and the filter beside it, which only writers touch.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct SeqLock<const N: usize> {
    /// The sequence number. 0: never written. Odd: being written.
    sequence: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> Default for SeqLock<N> {
    fn default() -> Self {
        Self { sequence: AtomicU64::new(0), words: [const { AtomicU64::new(0) }; N] }
    }
}

impl<const N: usize> SeqLock<N> {
    /// Replaces the words. Only one thread at a time may write: each cell of the cache has a lock for its writers, which
    /// hold it anyway to judge what is new.
    pub(super) fn write(&self, words: &[u64; N]) {
        self.write_first(words);
    }

    /// Replaces as many words as there are, as [`write`](Self::write) does; the others stay.
    ///
    /// The words are ready before the first of them is stored: readers wait only while they are copied.
    pub(super) fn write_first(&self, words: &[u64]) {
        let turn = self.begin_write();
        for (cell, word) in self.words.iter().zip(words) {
            cell.store(*word, Ordering::Relaxed);
        }
        self.sequence.store(turn + 2, Ordering::Release);
    }

    /// Makes the sequence number odd; returns the even one before.
    fn begin_write(&self) -> u64 {
        let turn = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(turn + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        turn
    }

    /// Returns the words as they were at one moment; `None` if nothing was ever written.
    pub(super) fn read(&self) -> Option<[u64; N]> {
        self.read_with(|words| *words)
    }

    /// Returns what `decode` makes of the words as they were at one moment; `None` if nothing was ever written.
    pub(super) fn read_with<T>(&self, decode: impl FnOnce(&[u64; N]) -> T) -> Option<T> {
        let mut words = [0; N];
        for attempt in 1.. {
            let before = self.sequence.load(Ordering::Acquire);
            if before == 0 {
                return None;
            }
            if before.is_multiple_of(2) {
                for (word, cell) in words.iter_mut().zip(&self.words) {
                    *word = cell.load(Ordering::Relaxed);
                }
                fence(Ordering::Acquire);
                if self.sequence.load(Ordering::Relaxed) == before {
                    break;
                }
            }
            if attempt % SPINS == 0 { std::thread::yield_now() } else { spin_loop() }
        }
        Some(decode(&words))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    /// Builds words each of which follows from the first.
    fn linked(seed: u64) -> [u64; 48] {
        std::array::from_fn(|index| seed.wrapping_mul(index as u64 + 1))
    }

    #[test]
    fn a_slot_never_written_has_nothing() {
        assert_eq!(SeqLock::<3>::default().read(), None);
    }

    #[test]
    fn what_was_written_last_is_read() {
        let slot = SeqLock::default();
        slot.write(&[1, 2]);
        slot.write(&[3, 4]);
        assert_eq!(slot.read(), Some([3, 4]));
    }

    #[test]
    fn the_words_beyond_the_first_stay() {
        let slot = SeqLock::default();
        slot.write(&[1, 2, 3]);
        slot.write_first(&[4, 5]);
        assert_eq!(slot.read(), Some([4, 5, 3]));
    }

    #[test]
    fn no_read_is_torn_while_two_threads_write() {
        let slot = SeqLock::default();
        let writer = Mutex::new(());
        let done = AtomicBool::new(false);
        let reads = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut reads = 0_u64;
                while !done.load(Ordering::Relaxed) || reads == 0 {
                    if let Some(words) = slot.read() {
                        assert_eq!(words, linked(words[0]));
                        reads += 1;
                    }
                }
                reads
            });
            let writers = [0, 1 << 32].map(|base| {
                scope.spawn({
                    let (slot, writer) = (&slot, &writer);
                    move || {
                        for n in 0..60_000 {
                            let _held = writer.lock().unwrap();
                            slot.write(&linked(base + n));
                        }
                    }
                })
            });
            for writer in writers {
                writer.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert!(reads > 0);
    }
}

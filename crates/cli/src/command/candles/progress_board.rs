//! The progress of many concurrent fetches, on one bar.

use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressBar;
use market_backbone::Progress;

use crate::progress;

/// One bar for many fetches. Those that have not started count as long as the others on average.
pub(super) struct ProgressBoard {
    bar: ProgressBar,
    fetches: Mutex<Vec<Option<Progress>>>,
}

impl ProgressBoard {
    pub(super) fn new(fetches: usize) -> Arc<Self> {
        Arc::new(Self { bar: progress::bar(), fetches: Mutex::new(vec![None; fetches]) })
    }

    /// Returns the callback by which the fetch numbered `index` reports its progress.
    pub(super) fn fetch_callback(self: &Arc<Self>, index: usize) -> impl FnMut(Progress) + Send + 'static {
        let board = Arc::clone(self);
        move |progress| board.update(index, progress)
    }

    /// Marks the fetch numbered `index` as over, however it ended.
    pub(super) fn finish_fetch(&self, index: usize) {
        let so_far = self.fetches.lock().unwrap_or_else(PoisonError::into_inner)[index].unwrap_or_default();
        self.update(index, Progress { done: so_far.total, ..so_far });
    }

    fn update(&self, index: usize, progress: Progress) {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        fetches[index] = Some(progress);
        let (whole, over) = sum(&fetches);
        progress::advance_many(&self.bar, whole, over, fetches.len());
    }

    /// Prints a line on stderr without breaking the bar.
    pub(super) fn note(&self, line: &str) {
        self.bar.suspend(|| crate::output::note(line));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Returns their total progress, and how many are over.
fn sum(fetches: &[Option<Progress>]) -> (Progress, usize) {
    let begun: Vec<_> = fetches.iter().flatten().collect();
    let mut whole = Progress::default();
    for one in &begun {
        whole.rows += one.rows;
        whole.requests += one.requests;
        whole.done += one.done;
        whole.total += one.total;
    }
    let to_come = (fetches.len() - begun.len()) as u64;
    whole.total += to_come * whole.total / (begun.len() as u64).max(1);
    (whole, begun.iter().filter(|one| one.done >= one.total).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(done: u64, total: u64) -> Progress {
        Progress { rows: done, requests: 1, done, total }
    }

    #[test]
    fn what_has_not_begun_counts_as_long_as_the_rest() {
        let (whole, over) = sum(&[Some(at(100, 100)), Some(at(50, 300)), None, None]);
        assert_eq!((whole.done, whole.total, whole.rows, whole.requests, over), (150, 800, 150, 2, 1));
        assert_eq!(sum(&[None, None]), (Progress::default(), 0));
    }

    #[test]
    fn a_fetch_that_failed_is_over_too() {
        let board = ProgressBoard::new(2);
        board.fetch_callback(0)(at(10, 100));
        board.fetch_callback(1)(at(100, 100));
        board.finish_fetch(0);
        let fetches = board.fetches.lock().unwrap().clone();
        assert_eq!(sum(&fetches).1, 2);
    }
}

//! Many runs side by side over the same columns.

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `run` for each parameter on `threads` threads, and returns the results in the order of the parameters.
///
/// `done` is called after each run with the number of runs that are over, from any thread. The runs share whatever `run`
/// borrows; beside that, as many runs are in memory as there are threads.
pub fn sweep<P: Sync, R: Send>(
    parameters: &[P],
    threads: NonZero<usize>,
    run: impl Fn(&P) -> R + Sync,
    done: impl Fn(usize) + Sync,
) -> Vec<R> {
    let (next, over) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut results = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(parameter) = parameters.get(place) else { return results };
            results.push((place, run(parameter)));
            done(over.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let workers = threads.get().min(parameters.len()).max(1);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut results = work();
        for other in others {
            match other.join() {
                Ok(theirs) => results.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A stretch of rows on which parameters are chosen, and the one after it on which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkForwardSplit {
    /// The rows on which parameters are chosen.
    pub train: Range<usize>,
    /// The rows on which the choice is tried, which nobody has seen before.
    pub test: Range<usize>,
}

/// Splits `rows` into `folds` tests, each after a stretch of `train_tests` times its length on which to choose.
///
/// The tests follow each other without a hole and reach to the last row. There are none if there are too few rows.
#[must_use]
pub fn walk_forward(
    rows: usize,
    folds: NonZero<usize>,
    train_tests: NonZero<usize>,
) -> Vec<WalkForwardSplit> {
    let (folds, train_tests) = (folds.get(), train_tests.get());
    let test = rows / (folds + train_tests);
    if test == 0 {
        return Vec::new();
    }
    let first = rows - folds * test;
    let split = |fold: usize| {
        let begin = first + fold * test;
        WalkForwardSplit { train: begin - train_tests * test..begin, test: begin..begin + test }
    };
    (0..folds).map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(number: usize) -> NonZero<usize> {
        NonZero::new(number).unwrap()
    }

    #[test]
    fn results_come_in_the_order_of_the_parameters_whoever_computed_them() {
        let parameters: Vec<usize> = (0..100).collect();
        let most = AtomicUsize::new(0);
        for threads in [1, 3, 200] {
            let done = |over: usize| {
                most.fetch_max(over, Ordering::Relaxed);
            };
            let squares = sweep(&parameters, some(threads), |number| number * number, done);
            assert_eq!(squares, parameters.iter().map(|number| number * number).collect::<Vec<_>>());
            assert_eq!(most.swap(0, Ordering::Relaxed), 100);
        }
        assert_eq!(sweep(&[0; 0], some(2), |number| *number, |_| {}), [0; 0]);
    }

    #[test]
    fn tests_follow_each_other_and_nobody_trains_on_them() {
        let splits = walk_forward(103, some(3), some(2));
        assert_eq!(splits.len(), 3);
        assert_eq!(splits[2].test, 83..103);
        for split in &splits {
            assert_eq!((split.train.end, split.train.len()), (split.test.start, 2 * split.test.len()));
        }
        assert!(splits.windows(2).all(|pair| pair[0].test.end == pair[1].test.start));
        assert_eq!(walk_forward(4, some(3), some(2)), []);
    }
}

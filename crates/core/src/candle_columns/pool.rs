//! A pool of the memory of long columns, so that the next answer of that length need not take it from the system.
//!
//! The system hands out memory in zeroed pages, one fault for each. For a million candles that takes longer than
//! to fill them. Whoever reads the same range again and again gets the memory of the answer before, as soon as
//! nobody holds that any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CandleColumns, ColumnsError, buffers::ColumnBuffers};

/// The shortest columns whose memory is kept. An allocator has shorter ones at hand.
const MIN_ROWS: usize = 16_384;
const ROW_BYTES: usize = 7 * size_of::<i64>();

/// The memory of columns: open times in Unix nanoseconds, and open, high, low, close, volume and turnover.
pub type ColumnMemory = (Vec<i64>, [Vec<f64>; 6]);

/// Memory of columns that nobody uses any more, kept for the next answer.
///
/// It is bounded, and given back to the system by [`release_idle`](Self::release_idle). Columns that outlive their
/// pool free their memory.
#[derive(Debug, Default)]
pub struct ColumnPool {
    max_bytes: usize,
    free: Mutex<Vec<FreeMemory>>,
}

#[derive(Debug)]
struct FreeMemory {
    memory: ColumnMemory,
    /// True since the last call of `release_idle`: nobody has wanted it between the last two.
    is_idle: bool,
}

impl ColumnPool {
    /// Returns an empty pool, which keeps at most so much memory that nobody uses.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, free: Mutex::default() }
    }

    /// Returns columns of `rows` values, to be overwritten: they may hold those of an earlier answer.
    #[must_use]
    pub fn take(&self, rows: usize) -> ColumnMemory {
        match self.take_free(rows) {
            Some((mut times, mut figures)) => {
                times.resize(rows, 0);
                figures.iter_mut().for_each(|figure| figure.resize(rows, 0.0));
                (times, figures)
            }
            None => (vec![0; rows], std::array::from_fn(|_| vec![0.0; rows])),
        }
    }

    /// Returns the smallest free memory for `rows` values that is not more than twice as much.
    fn take_free(&self, rows: usize) -> Option<ColumnMemory> {
        let mut free = self.free();
        let fits = |one: &FreeMemory| (rows..=rows.saturating_mul(2)).contains(&capacity(&one.memory));
        let (place, _) = free
            .iter()
            .enumerate()
            .filter(|(_, one)| fits(one))
            .min_by_key(|(_, one)| capacity(&one.memory))?;
        Some(free.swap_remove(place).memory)
    }

    /// Returns columns of final candles, as [`CandleColumns::from_final`] does. Their memory returns to this pool.
    ///
    /// # Errors
    ///
    /// Returns an error if the lists differ in length, or if the open times do not rise strictly.
    pub fn columns(
        self: &Arc<Self>,
        (open_times_ns, figures): ColumnMemory,
    ) -> Result<CandleColumns, ColumnsError> {
        let mut columns = CandleColumns::from_final(open_times_ns, figures)?;
        if let Some(buffers) = Arc::get_mut(&mut columns.buffers) {
            buffers.return_to(Arc::downgrade(self));
        }
        Ok(columns)
    }

    /// Frees the memory that nobody has wanted since the last call.
    pub fn release_idle(&self) {
        let mut idle = Vec::new(); // freed when the lock is released
        let mut free = self.free();
        idle.extend(free.extract_if(.., |one| std::mem::replace(&mut one.is_idle, true)));
        drop(free);
    }

    /// Returns the number of bytes that nobody uses.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.free().iter().map(|one| bytes(&one.memory)).sum()
    }

    /// Keeps memory that nobody uses any more, if there is room for it.
    fn put(&self, memory: ColumnMemory) {
        let mut free = self.free();
        let kept: usize = free.iter().map(|one| bytes(&one.memory)).sum();
        if kept + bytes(&memory) <= self.max_bytes {
            free.push(FreeMemory { memory, is_idle: false });
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<FreeMemory>> {
        // The list is consistent after every statement, so a poisoned lock protects nothing half done.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of values that each of the columns has room for.
fn capacity((times, figures): &ColumnMemory) -> usize {
    figures.iter().map(Vec::capacity).chain([times.capacity()]).min().unwrap_or_default()
}

fn bytes(memory: &ColumnMemory) -> usize {
    capacity(memory) * ROW_BYTES
}

/// The last user of long columns returns their memory.
impl Drop for ColumnBuffers {
    fn drop(&mut self) {
        if self.capacity() >= MIN_ROWS
            && let Some(pool) = self.pool.upgrade()
        {
            pool.put(self.take_memory());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = MIN_ROWS;

    fn answer(pool: &Arc<ColumnPool>, rows: usize) -> CandleColumns {
        let (mut times, figures) = pool.take(rows);
        assert!(times.len() == rows && figures.iter().all(|figure| figure.len() == rows));
        times.iter_mut().zip(1..).for_each(|(time, nth)| *time = nth);
        pool.columns((times, figures)).unwrap()
    }

    fn place(columns: &CandleColumns) -> usize {
        columns.closes().as_ptr() as usize
    }

    #[test]
    fn memory_serves_again_when_the_last_slice_of_it_is_gone() {
        let pool = Arc::new(ColumnPool::new(ROWS * ROW_BYTES));
        let first = answer(&pool, ROWS);
        let (at, slice) = (place(&first), first.slice(5..7));
        drop(first);
        assert_eq!(pool.free_bytes(), 0);
        let second = answer(&pool, ROWS);
        assert_ne!(place(&second), at, "a reader still has it");
        assert_eq!(slice.open_times_ns(), [6, 7]);
        drop((slice, second));
        assert_eq!(pool.free_bytes(), ROWS * ROW_BYTES, "no more than allowed is kept");
        let third = answer(&pool, ROWS * 3 / 4);
        assert!(place(&third) == at && pool.free_bytes() == 0);
    }

    #[test]
    fn short_columns_and_those_of_another_length_are_not_kept_for_an_answer() {
        let pool = Arc::new(ColumnPool::new(usize::MAX));
        drop(answer(&pool, ROWS - 1));
        assert_eq!(pool.free_bytes(), 0);
        drop(answer(&pool, 3 * ROWS));
        let (short, long) = (answer(&pool, ROWS), answer(&pool, 4 * ROWS));
        assert_eq!(pool.free_bytes(), 3 * ROWS * ROW_BYTES, "it fits neither");
        drop((short, long));
    }

    #[test]
    fn what_nobody_wants_is_given_back() {
        let pool = Arc::new(ColumnPool::new(usize::MAX));
        drop(answer(&pool, ROWS));
        pool.release_idle();
        drop(answer(&pool, ROWS));
        pool.release_idle();
        assert_eq!(pool.free_bytes(), ROWS * ROW_BYTES, "it was used between the two");
        pool.release_idle();
        assert_eq!(pool.free_bytes(), 0);
    }

    #[test]
    fn columns_that_change_or_outlive_the_pool_stay_what_they_are() {
        let pool = Arc::new(ColumnPool::new(usize::MAX));
        let mut changed = answer(&pool, ROWS);
        let copy = changed.clone();
        let last = changed.pop();
        changed.push(last.unwrap());
        assert_eq!(changed, copy);
        drop(pool);
        assert_eq!(copy.len(), ROWS);
    }
}

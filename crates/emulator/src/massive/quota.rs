//! The requests of an account in any minute.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

/// The window of every limit, in µs.
const WINDOW_US: i64 = 60_000_000;

/// The accepted requests of each account.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<FxHashMap<String, VecDeque<i64>>>);

impl Quota {
    /// Counts a request at `now_us`; the error is the number of seconds until the next is accepted.
    pub(crate) fn check(&self, key: &str, limit: Option<u32>, now_us: i64) -> Result<(), i64> {
        let Some(limit) = limit else { return Ok(()) };
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let log = accounts.entry(key.to_owned()).or_default();
        while log.front().is_some_and(|sent| now_us - sent >= WINDOW_US) {
            log.pop_front();
        }
        match log.front() {
            Some(first) if log.len() >= limit as usize => {
                Err((first + WINDOW_US - now_us).div_euclid(1_000_000) + 1)
            }
            _ => {
                log.push_back(now_us);
                Ok(())
            }
        }
    }

    pub(crate) fn reset(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_holds_as_many_as_the_plan_says() {
        let quota = Quota::default();
        for at in 0..5 {
            assert_eq!(quota.check("a", Some(5), at * 1_000_000), Ok(()));
        }
        assert_eq!(quota.check("a", Some(5), 5_000_000), Err(56));
        assert_eq!(quota.check("b", Some(5), 5_000_000), Ok(()));
        assert_eq!(quota.check("a", Some(5), 60_000_000), Ok(()));
        assert_eq!(quota.check("a", None, 60_000_000), Ok(()));
    }
}

//! The splits of a stock: the conversion of shares between days.

/// A split as the tape needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SplitDay {
    /// The first day of the new shares.
    pub(crate) day: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A ratio of old shares to new ones, in lowest terms.
pub(crate) type ShareRatio = (i64, i64);

/// All splits of a stock, announced ones included.
#[derive(Debug, Default)]
pub(crate) struct Splits {
    // Invariant: the oldest first.
    days: Vec<SplitDay>,
}

impl Splits {
    pub(crate) fn new(mut days: Vec<SplitDay>) -> Self {
        days.sort_by_key(|split| split.day);
        Self { days }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = SplitDay> {
        self.days.iter().copied()
    }

    /// Returns what shares of `day` have become on the later day `then`: themselves, if that is not later.
    pub(crate) fn between(&self, day: i64, then: i64) -> ShareRatio {
        let in_force = self.days.iter().filter(|split| day < split.day && split.day <= then);
        in_force.fold((1, 1), |(old, new), split| {
            lowest(old.saturating_mul(split.from), new.saturating_mul(split.to))
        })
    }

    /// Returns the factor of prices in shares of `anchor` on `day`, earlier or later: (numerator,
    /// denominator).
    pub(crate) fn price_ratio(&self, anchor: i64, day: i64) -> ShareRatio {
        let (old, new) = self.between(day.min(anchor), day.max(anchor));
        if day < anchor { (new, old) } else { (old, new) }
    }
}

fn lowest(old: i64, new: i64) -> ShareRatio {
    let (mut a, mut b) = (old, new);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (old / a.max(1), new / a.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_counts_from_its_day_on_and_several_multiply() {
        let split = |day, from, to| SplitDay { day, from, to };
        let splits = Splits::new(vec![split(20, 10, 1), split(10, 1, 4)]);
        assert_eq!(splits.between(9, 9), (1, 1));
        assert_eq!(splits.between(9, 10), (1, 4));
        assert_eq!(splits.between(10, 19), (1, 1));
        assert_eq!(splits.between(9, 20), (5, 2));
        assert_eq!(splits.between(20, 9), (1, 1), "what comes later has not happened yet");
        assert_eq!(splits.price_ratio(15, 9), (4, 1), "a price of before the split");
        assert_eq!(splits.price_ratio(15, 20), (10, 1), "and one after a reverse split to come");
        assert_eq!(splits.price_ratio(15, 15), (1, 1));
    }
}

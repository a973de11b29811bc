//! Decides which channels stay when more are wanted than there is room for.
//!
//! The order is by interest, then by score, then by arrival, then by name: the same interests always give the
//! same set. To avoid flapping, a followed channel has a head start and cannot be replaced by others of the
//! same interest for a while. A higher interest always replaces a lower one.

use std::cmp::Ordering;
use std::time::Duration;

use market_backbone_core::{Channel, StreamKind};
use rustc_hash::FxHashMap;

use super::interest::Interest;
use crate::live::config::SubscriptionLimits;

/// A wanted channel, and what it is ranked by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) channel: &'a Channel,
    /// The most urgent of its interests.
    pub(super) interest: Interest,
    /// The score on the watchlist; 0 if it is not there.
    pub(super) score: f64,
    /// The number in the order of arrival.
    pub(super) arrival_order: u64,
    /// The time for which it has been followed; `None` if it is not.
    pub(super) admitted_for: Option<Duration>,
}

impl Candidate<'_> {
    /// The sort key among channels of the same interest: whether it is protected, and its score with the head
    /// start.
    fn retention_key(&self, caps: &SubscriptionLimits) -> (bool, f64) {
        let score = if self.score.is_nan() { f64::NEG_INFINITY } else { self.score };
        match self.admitted_for {
            Some(kept) if score.is_finite() => {
                (kept < caps.min_stay, score + caps.hysteresis.abs() * score.abs())
            }
            Some(kept) => (kept < caps.min_stay, score),
            None => (false, score),
        }
    }

    /// Compares two candidates; the better one comes first.
    fn compare(&self, other: &Self, caps: &SubscriptionLimits) -> Ordering {
        let ((safe, score), (other_safe, other_score)) =
            (self.retention_key(caps), other.retention_key(caps));
        self.interest
            .cmp(&other.interest)
            .then(other_safe.cmp(&safe))
            .then(other_score.total_cmp(&score))
            // At a tie, a followed channel stays.
            .then(other.admitted_for.is_some().cmp(&self.admitted_for.is_some()))
            .then(self.arrival_order.cmp(&other.arrival_order))
            .then_with(|| self.channel.cmp(other.channel))
    }
}

/// The numbers of channels taken from each limit.
#[derive(Debug, Default)]
struct LimitUsage {
    total: usize,
    kinds: FxHashMap<StreamKind, usize>,
}

impl LimitUsage {
    /// Takes a place within the limits, if there is one.
    fn try_take(&mut self, kind: StreamKind, caps: &SubscriptionLimits) -> bool {
        let taken = self.kinds.entry(kind).or_default();
        let room = self.total < caps.total && *taken < caps.limit_for(kind);
        if room {
            *taken += 1;
            self.total += 1;
        }
        room
    }
}

/// Returns the candidates that stay, sorted by channel.
pub(super) fn select<'a>(mut candidates: Vec<Candidate<'a>>, caps: &SubscriptionLimits) -> Vec<&'a Channel> {
    candidates.sort_unstable_by(|one, other| one.compare(other, caps));
    let mut taken = LimitUsage::default();
    candidates.retain(|candidate| taken.try_take(candidate.channel.kind, caps));
    let mut kept: Vec<_> = candidates.into_iter().map(|candidate| candidate.channel).collect();
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use market_backbone_core::{Symbol, Timeframe, VenueId};
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BAR: StreamKind = StreamKind::Candle(Timeframe::M1);

    fn caps(candle: usize) -> SubscriptionLimits {
        SubscriptionLimits { candle, ..SubscriptionLimits::default() }
    }

    fn channels(count: usize, kind: StreamKind) -> Vec<Channel> {
        let symbol = |n| Symbol::new(VenueId::new("fake"), &format!("S{n:03}")).unwrap();
        (0..count).map(|n| Channel { symbol: symbol(n), kind }).collect()
    }

    fn candidate(channel: &Channel, interest: Interest, score: f64) -> Candidate<'_> {
        Candidate { channel, interest, score, arrival_order: 0, admitted_for: None }
    }

    fn kept<'a>(channel: &'a Channel, score: f64, secs: u64) -> Candidate<'a> {
        Candidate {
            admitted_for: Some(SECOND * u32::try_from(secs).unwrap()),
            ..candidate(channel, Interest::Watchlist, score)
        }
    }

    #[test]
    fn a_higher_interest_comes_first_and_needs_no_margin() {
        let all = channels(2, BAR);
        let order = candidate(&all[1], Interest::ActiveOrder, 0.0);
        assert_eq!(select(vec![kept(&all[0], 99.0, 0), order], &caps(1)), [&all[1]]);
    }

    #[test]
    fn a_newcomer_must_be_better_by_a_margin() {
        let all = channels(2, BAR);
        let new = |score| candidate(&all[1], Interest::Watchlist, score);
        assert_eq!(select(vec![kept(&all[0], 10.0, 60), new(10.9)], &caps(1)), [&all[0]]);
        assert_eq!(select(vec![kept(&all[0], 10.0, 60), new(11.1)], &caps(1)), [&all[1]]);
        assert_eq!(select(vec![kept(&all[0], -10.0, 60), new(-9.5)], &caps(1)), [&all[0]]);
    }

    #[test]
    fn who_has_just_come_stays_for_a_while() {
        let all = channels(2, BAR);
        let new = candidate(&all[1], Interest::Watchlist, 100.0);
        assert_eq!(select(vec![kept(&all[0], 1.0, 9), new], &caps(1)), [&all[0]]);
        assert_eq!(select(vec![kept(&all[0], 1.0, 10), new], &caps(1)), [&all[1]]);
    }

    #[test]
    fn each_kind_has_its_own_cap_and_all_of_them_one_more() {
        let (bars, trades) = (channels(5, BAR), channels(5, StreamKind::Trade));
        let all = bars.iter().chain(&trades).map(|channel| candidate(channel, Interest::Chart, 0.0));
        let caps = SubscriptionLimits { candle: 2, total: 4, ..SubscriptionLimits::default() };
        let kept = select(all.collect(), &caps);
        assert_eq!(kept.iter().filter(|channel| channel.kind == BAR).count(), 2);
        assert_eq!(kept.len(), 4);
    }

    #[test]
    fn a_score_that_is_no_number_is_the_worst() {
        let all = channels(2, BAR);
        let of = |index: usize, score| candidate(&all[index], Interest::Watchlist, score);
        assert_eq!(select(vec![of(0, f64::NAN), of(1, -1e9)], &caps(1)), [&all[1]]);
    }

    /// Interest, score and time followed of one candidate.
    fn candidate_parts() -> impl Strategy<Value = (usize, f64, Option<u64>)> {
        (0..Interest::ALL.len(), -100.0..100.0, proptest::option::of(0_u64..30))
    }

    proptest! {
        #[test]
        fn never_over_the_cap_and_never_a_lower_interest_for_a_higher_one(
            wishes in proptest::collection::vec(candidate_parts(), 0..60),
            cap in 0_usize..40,
        ) {
            let all = channels(wishes.len(), BAR);
            let candidates: Vec<_> = all.iter().zip(&wishes).enumerate().map(|(came, (channel, wish))| Candidate {
                channel,
                interest: Interest::ALL[wish.0],
                score: wish.1,
                arrival_order: came as u64,
                admitted_for: wish.2.map(Duration::from_secs),
            }).collect();
            let chosen = select(candidates.clone(), &caps(cap));
            prop_assert_eq!(chosen.len(), cap.min(all.len()));
            let is_in = |candidate: &&Candidate<'_>| chosen.contains(&candidate.channel);
            let (inside, outside): (Vec<&Candidate<'_>>, Vec<_>) = candidates.iter().partition(is_in);
            let worst = inside.iter().map(|candidate| candidate.interest).max();
            let best = outside.iter().map(|candidate| candidate.interest).min();
            if let (Some(worst), Some(best)) = (worst, best) {
                prop_assert!(worst <= best, "{:?} stays, {:?} does not", worst, best);
            }
        }

        #[test]
        fn the_order_in_which_subscriptions_are_listed_changes_nothing(
            wishes in proptest::collection::vec(candidate_parts(), 0..30),
            cap in 0_usize..20,
        ) {
            let all = channels(wishes.len(), BAR);
            let candidates: Vec<_> = all.iter().zip(&wishes).map(|(channel, wish)| Candidate {
                admitted_for: wish.2.map(Duration::from_secs),
                ..candidate(channel, Interest::ALL[wish.0], wish.1)
            }).collect();
            let reversed: Vec<_> = candidates.iter().rev().copied().collect();
            prop_assert_eq!(select(candidates, &caps(cap)), select(reversed, &caps(cap)));
        }

        /// Scores that vary by less than half the margin change nothing.
        #[test]
        fn trembling_scores_move_nobody(
            bases in proptest::collection::vec(1.0..100.0_f64, 2..40),
            trembles in proptest::collection::vec(proptest::collection::vec(-0.02..0.02_f64, 40), 1..20),
            cap in 1_usize..20,
        ) {
            let all = channels(bases.len(), BAR);
            let first: Vec<_> = all.iter().zip(&bases)
                .map(|(channel, base)| candidate(channel, Interest::Watchlist, *base)).collect();
            let chosen = select(first, &caps(cap));
            for tremble in &trembles {
                let now: Vec<_> = all.iter().zip(bases.iter().zip(tremble)).map(|(channel, (base, by))| Candidate {
                    admitted_for: chosen.contains(&channel).then_some(SECOND * 3_600),
                    ..candidate(channel, Interest::Watchlist, base * (1.0 + by))
                }).collect();
                prop_assert_eq!(&select(now, &caps(cap)), &chosen);
            }
        }
    }
}

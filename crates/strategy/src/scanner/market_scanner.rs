//! The scanner: who belongs to which tier, and when that changes.

use market_backbone_core::{Symbol, Timestamp};
use rustc_hash::FxHashMap;

use super::hot_zone::{has_cooled, promotion};
use super::items::{HotZoneItem, IgnitionItem, ScannerPublication, WatchlistItem};
use super::membership::{MembershipChange, MembershipReason, ScannerTier};
use super::rules::ScannerProfile;
use super::scan_candidate::{ScanCandidate, is_held};
use super::tier_choice::{Applicant, choose};
use super::universe_filter::{Exclusion, MarketFacts, MarketSource};
use crate::seismograph::{MarketReading, Seismograph};

/// Chooses the markets that are watched closely, in event time.
///
/// Give it every reading as it comes: a promotion to the Hot Zone does not wait for the next second. Call
/// [`advance`](Self::advance) with the time of the events: once a second it chooses the watchlist, demotes what has cooled
/// down, and publishes. Take the changes of memberships from [`changes`](Self::changes), and subscribe accordingly.
///
/// A market is filtered when it is found. What is a member of a tier is not thrown out for having moved.
#[derive(Clone, Debug)]
pub struct MarketScanner {
    profile: ScannerProfile,
    places: FxHashMap<Symbol, usize>,
    candidates: Vec<ScanCandidate>,
    hot: Vec<usize>,
    changes: Vec<MembershipChange>,
    published: Option<i64>,
}

impl MarketScanner {
    /// Returns a scanner without markets.
    #[must_use]
    pub fn new(profile: ScannerProfile) -> Self {
        let (places, candidates, hot, changes) = (FxHashMap::default(), Vec::new(), Vec::new(), Vec::new());
        Self { profile, places, candidates, hot, changes, published: None }
    }

    /// Takes a market that was found at event time `now`, or news about it. Its scores begin with its next reading.
    ///
    /// # Errors
    ///
    /// [`Exclusion`] if the filter does not admit it. A member of a tier stays until its membership ends.
    pub fn consider(
        &mut self,
        facts: MarketFacts,
        source: MarketSource,
        now: Timestamp,
    ) -> Result<(), Exclusion> {
        let admission = self.profile.rules().universe.admit(&facts);
        match self.places.get(&facts.symbol) {
            Some(place) => {
                let candidate = &mut self.candidates[*place];
                candidate.is_admitted = admission.is_ok();
                candidate.facts = facts;
                if source == MarketSource::RealtimeGainer {
                    candidate.source = source;
                }
            }
            None if admission.is_ok() => {
                self.places.insert(facts.symbol.clone(), self.candidates.len());
                self.candidates.push(ScanCandidate::new(facts, source, now));
            }
            None => {}
        }
        admission
    }

    /// Takes a reading of a market, and promotes it if there is a reason.
    pub fn on_reading(&mut self, reading: &MarketReading) {
        let Some(place) = self.places.get(&reading.symbol).copied() else { return };
        let rules = self.profile.rules().hot_zone;
        let candidate = &mut self.candidates[place];
        candidate.rank = reading.rank;
        if candidate.hot_since.is_some() {
            return;
        }
        if let Some(reason) = promotion(reading, candidate, &rules).filter(|_| candidate.is_admitted) {
            self.promote_place(place, reason, reading.time);
        }
    }

    /// Promotes a market because somebody asked for it; the others stay. Returns whether it is in the Hot Zone now.
    pub fn promote(&mut self, symbol: &Symbol, now: Timestamp) -> bool {
        let Some(place) = self.places.get(symbol).copied() else { return false };
        self.candidates[place].hot_since.is_some() || self.promote_place(place, MembershipReason::Asked, now)
    }

    /// Demotes a market because somebody asked for it. Returns whether it was in the Hot Zone.
    pub fn demote(&mut self, symbol: &Symbol, now: Timestamp) -> bool {
        let place = self.places.get(symbol).copied().filter(|place| self.hot.contains(place));
        if let Some(place) = place {
            self.leave_hot_zone(place, MembershipReason::Asked, now);
        }
        place.is_some()
    }

    fn promote_place(&mut self, place: usize, reason: MembershipReason, now: Timestamp) -> bool {
        let rules = self.profile.rules().hot_zone;
        if self.hot.len() >= rules.size {
            let weakest = self.displaceable(now);
            let Some(weakest) = weakest else { return false };
            let is_better = self.candidates[place].rank > self.candidates[weakest].rank + rules.margin;
            if !is_better && reason != MembershipReason::Asked {
                return false;
            }
            self.leave_hot_zone(weakest, MembershipReason::Displaced, now);
        }
        self.hot.push(place);
        let candidate = &mut self.candidates[place];
        (candidate.hot_since, candidate.cool_since) = (Some(now), None);
        self.report(place, ScannerTier::HotZone, true, reason, now);
        true
    }

    /// The member of the lowest rank whose time is over.
    fn displaceable(&self, now: Timestamp) -> Option<usize> {
        let hold = self.profile.rules().hot_zone.hold_secs;
        let may_leave = |place: &&usize| {
            self.candidates[**place].hot_since.is_none_or(|since| !is_held(since, now, hold))
        };
        let free = self.hot.iter().filter(may_leave);
        let weakest = free.min_by(|a, b| {
            let (a, b) = (&self.candidates[**a], &self.candidates[**b]);
            a.rank.total_cmp(&b.rank).then_with(|| b.facts.symbol.cmp(&a.facts.symbol))
        });
        weakest.copied()
    }

    fn leave_hot_zone(&mut self, place: usize, reason: MembershipReason, now: Timestamp) {
        self.hot.retain(|other| *other != place);
        let candidate = &mut self.candidates[place];
        (candidate.hot_since, candidate.cool_since) = (None, None);
        self.report(place, ScannerTier::HotZone, false, reason, now);
    }

    /// Notes a change. One that undoes another that nobody has taken yet cancels it.
    fn report(
        &mut self,
        place: usize,
        tier: ScannerTier,
        is_added: bool,
        reason: MembershipReason,
        time: Timestamp,
    ) {
        let symbol = self.candidates[place].facts.symbol.clone();
        let is_same = |change: &MembershipChange| change.tier == tier && change.symbol == symbol;
        match self.changes.iter().position(is_same) {
            Some(undone) => drop(self.changes.remove(undone)),
            None => self.changes.push(MembershipChange { time, symbol, tier, is_added, reason }),
        }
    }

    /// Returns the changes of memberships since the last call, in order: one at most for each market and tier, because
    /// what began and ended in between is no change.
    pub fn changes(&mut self) -> Vec<MembershipChange> {
        std::mem::take(&mut self.changes)
    }

    /// Returns whether `symbol` is a member of `tier`.
    #[must_use]
    pub fn is_member(&self, symbol: &Symbol, tier: ScannerTier) -> bool {
        let Some(candidate) = self.places.get(symbol).map(|place| &self.candidates[*place]) else {
            return false;
        };
        match tier {
            ScannerTier::HotZone => candidate.hot_since.is_some(),
            ScannerTier::Ignition => candidate.ignition_since.is_some(),
            ScannerTier::Watchlist => candidate.watched_since.is_some(),
        }
    }

    /// Moves to event time `now`; in each new second, chooses the members of all tiers and publishes the lists.
    ///
    /// However much time has passed, it publishes once: the past has no lists any more.
    pub fn advance(&mut self, now: Timestamp, seismograph: &mut Seismograph) -> Option<ScannerPublication> {
        if self.published.is_some_and(|second| now.as_secs() <= second) {
            return None;
        }
        self.published = Some(now.as_secs());
        seismograph.advance(now);
        seismograph.each_reading(|reading| self.take(reading, now));
        self.choose_watchlist(now);
        self.choose_ignition(now);
        Some(self.publication(now))
    }

    /// Takes the reading of a market for the lists, and judges its place in the Hot Zone.
    fn take(&mut self, reading: &MarketReading, now: Timestamp) {
        let Some(place) = self.places.get(&reading.symbol).copied() else { return };
        self.on_reading(reading);
        let rules = self.profile.rules().hot_zone;
        let candidate = &mut self.candidates[place];
        candidate.reading = Some(reading.clone());
        if candidate.hot_since.is_some() {
            let is_promoted = promotion(reading, candidate, &rules).is_some();
            if has_cooled(candidate, reading, is_promoted, now, &rules) {
                self.leave_hot_zone(place, MembershipReason::Cooled, now);
            }
        }
    }

    fn choose_watchlist(&mut self, now: Timestamp) {
        let rules = self.profile.rules().watchlist;
        let applicant = |(place, candidate): (usize, &ScanCandidate)| {
            let since = candidate.watched_since;
            let value = candidate.watch_value(rules.rank);
            // A member whose score fell stays until its time is over.
            let stays = since.is_some_and(|since| is_held(since, now, rules.hold_secs));
            let bound = if since.is_some() { rules.leave_below } else { rules.join_from };
            let is_open = candidate.is_admitted || since.is_some();
            let applies = is_open && (candidate.is_gainer() || value.is_some_and(|value| value >= bound));
            let symbol = candidate.facts.symbol.clone();
            let value = value.unwrap_or(0.0);
            (stays || applies).then_some(Applicant { place, symbol, value, since })
        };
        let applicants: Vec<_> = self.candidates.iter().enumerate().filter_map(applicant).collect();
        let applied: Vec<usize> = applicants.iter().map(|one| one.place).collect();
        let chosen = choose(applicants, rules.size, now, rules.hold_secs, rules.margin);
        for place in 0..self.candidates.len() {
            let gainer = self.candidates[place].is_gainer();
            let joins = if gainer { MembershipReason::Gainer } else { MembershipReason::Score };
            let leaves =
                if applied.contains(&place) { MembershipReason::Displaced } else { MembershipReason::Cooled };
            self.settle(place, ScannerTier::Watchlist, chosen.contains(&place), [joins, leaves], now);
        }
    }

    fn choose_ignition(&mut self, now: Timestamp) {
        let rules = self.profile.rules().watchlist;
        let applicant = |(place, candidate): (usize, &ScanCandidate)| {
            let is_watched = candidate.watched_since.is_some() && candidate.may_ignite();
            let symbol = candidate.facts.symbol.clone();
            let (value, since) =
                (candidate.rank.max(candidate.score().unwrap_or(0.0)), candidate.ignition_since);
            is_watched.then_some(Applicant { place, symbol, value, since })
        };
        let applicants: Vec<_> = self.candidates.iter().enumerate().filter_map(applicant).collect();
        let applied: Vec<usize> = applicants.iter().map(|one| one.place).collect();
        let chosen = choose(applicants, rules.ignition_size, now, rules.hold_secs, rules.margin);
        for place in 0..self.candidates.len() {
            let gainer = self.candidates[place].is_gainer();
            let joins = if gainer { MembershipReason::Gainer } else { MembershipReason::Tradeable };
            let leaves =
                if applied.contains(&place) { MembershipReason::Displaced } else { MembershipReason::Cooled };
            self.settle(place, ScannerTier::Ignition, chosen.contains(&place), [joins, leaves], now);
        }
    }

    /// Begins or ends a membership, and reports it.
    fn settle(
        &mut self,
        place: usize,
        tier: ScannerTier,
        is_chosen: bool,
        [joins, leaves]: [MembershipReason; 2],
        now: Timestamp,
    ) {
        let candidate = &mut self.candidates[place];
        let since = match tier {
            ScannerTier::HotZone => &mut candidate.hot_since,
            ScannerTier::Ignition => &mut candidate.ignition_since,
            ScannerTier::Watchlist => &mut candidate.watched_since,
        };
        if since.is_some() == is_chosen {
            return;
        }
        *since = is_chosen.then_some(now);
        self.report(place, tier, is_chosen, if is_chosen { joins } else { leaves }, now);
    }

    fn publication(&self, time: Timestamp) -> ScannerPublication {
        let rank = self.profile.rules().watchlist.rank;
        let mut watched: Vec<&ScanCandidate> =
            self.candidates.iter().filter(|candidate| candidate.watched_since.is_some()).collect();
        let value = |candidate: &ScanCandidate| candidate.watch_value(rank).unwrap_or(f64::NEG_INFINITY);
        watched
            .sort_by(|a, b| value(b).total_cmp(&value(a)).then_with(|| a.facts.symbol.cmp(&b.facts.symbol)));
        let watchlist = watched.iter().map(|candidate| WatchlistItem::new(candidate)).collect();
        let igniting = watched.iter().filter(|candidate| candidate.ignition_since.is_some());
        let readings = igniting.filter_map(|candidate| candidate.reading.as_ref());
        let mut ignition: Vec<IgnitionItem> = readings
            .map(|reading| IgnitionItem {
                symbol: reading.symbol.clone(),
                ignition: reading.ignition.clone(),
                anti_trap: reading.anti_trap,
            })
            .collect();
        ignition.sort_by(|a, b| {
            b.ignition.score.total_cmp(&a.ignition.score).then_with(|| a.symbol.cmp(&b.symbol))
        });
        let readings = self.hot.iter().filter_map(|place| self.candidates[*place].reading.as_ref());
        let mut hot_zone: Vec<HotZoneItem> = readings.map(HotZoneItem::new).collect();
        hot_zone.sort_by(|a, b| b.rank.total_cmp(&a.rank).then_with(|| a.symbol.cmp(&b.symbol)));
        ScannerPublication { time, watchlist, ignition, hot_zone, profile: self.profile.tag().clone() }
    }
}

//! How far a query has come: what is still unknown, how many rows there are, what to ask next.
//!
//! Pure: pages go in, stretches to ask come out.

use std::collections::BTreeSet;
use std::time::Duration;

use market_backbone_core::{CandlePage, CandlePageRequest, TimeRange, Timestamp};

use crate::density::Density;
use crate::planner::Situation;
use crate::scope::Scope;
use crate::slots::Slots;
use crate::unknown::Unknown;
use crate::verdict::{self, Barren};

/// How far a query has come.
#[derive(Debug)]
pub(crate) struct Progress {
    slots: Slots,
    page: u32,
    settling: Duration,
    unknown: Unknown,
    /// How far back the plan looks for now. A count moves it as rows fall short; a range has it at its beginning.
    horizon: Timestamp,
    rows: Option<Rows>,
    density: Option<Density>,
    arrived: u32,
    probable_start: Timestamp,
    exhausted: bool,
}

/// The rows of a query for the newest so many. Only those count below which nothing newer is unknown.
#[derive(Debug)]
struct Rows {
    wanted: usize,
    counted: usize,
    /// From here on rows are counted and everything is known.
    edge: Timestamp,
    /// Rows below the edge, not yet counted.
    early: BTreeSet<Timestamp>,
}

impl Progress {
    pub(crate) fn new(
        scope: &Scope,
        slots: Slots,
        page: u32,
        settling: Duration,
        density: Option<Density>,
    ) -> Self {
        let rows = |wanted| Rows { wanted, counted: 0, edge: scope.bound, early: BTreeSet::new() };
        let begin = scope.pages.map_or(scope.now, TimeRange::from);
        Self {
            slots,
            page,
            settling,
            unknown: scope.pages.map(Unknown::new).unwrap_or_default(),
            horizon: if scope.count.is_some() { Timestamp::MAX } else { begin },
            rows: scope.count.map(rows),
            density,
            arrived: 0,
            probable_start: Timestamp::MIN,
            exhausted: false,
        }
    }

    pub(crate) fn density(&self) -> Option<Density> {
        self.density
    }

    /// Takes in a page.
    pub(crate) fn absorb(&mut self, request: &CandlePageRequest, page: &CandlePage) -> Result<(), Barren> {
        let settled = verdict::settled(page, request, self.slots, self.settling)?;
        for range in settled {
            self.unknown.remove(range);
        }
        self.arrived += 1;
        self.exhausted |= page.proof.exhausted;
        if let Some(oldest) = page.candles.first()
            && page.candles.len() < request.count as usize
        {
            self.probable_start = self.probable_start.max(oldest.open_time);
        }
        if let Some(seen) = Density::shown_by(page, self.slots) {
            self.density = Some(Density::corrected(self.density, seen));
        }
        if let Some(rows) = &mut self.rows {
            rows.count(page, self.unknown.newest_end().unwrap_or(Timestamp::MIN));
        }
        Ok(())
    }

    /// How many rows are still missing of a query for the newest so many.
    pub(crate) fn lacking(&self) -> Option<usize> {
        self.rows.as_ref().map(Rows::missing)
    }

    /// Makes a stretch wanted that the query did not know of when it was made.
    pub(crate) fn reopen(&mut self, range: TimeRange) {
        self.unknown.insert(range);
    }

    /// Whether a page for `chunk` would still show something new.
    pub(crate) fn wants(&self, chunk: TimeRange) -> bool {
        !self.is_done() && self.unknown.touches(chunk)
    }

    /// The stretches to ask next, while pages for `claims` are under way and `room` more may be.
    pub(crate) fn next_chunks(&mut self, claims: &[TimeRange], room: usize) -> Vec<TimeRange> {
        if self.is_done() {
            return Vec::new();
        }
        self.look_further_back();
        Situation {
            slots: self.slots,
            page: self.page,
            unknown: &self.unknown.since(self.horizon),
            claims,
            room,
            density: self.density,
            arrived: self.arrived,
            probable_start: self.probable_start,
            exhausted: self.exhausted,
        }
        .chunks()
    }

    /// Whether nothing more has to be asked: all is known, or all rows that were asked are there.
    pub(crate) fn is_done(&self) -> bool {
        match (&self.rows, self.unknown.newest_end()) {
            (_, None) => true,
            (None, Some(_)) => false,
            // Something may have been reopened above the edge.
            (Some(rows), Some(end)) => rows.missing() == 0 && end <= rows.edge,
        }
    }

    /// Moves the horizon to where the missing rows are likely to lie, once all above it is known.
    fn look_further_back(&mut self) {
        let (Some(rows), Some(end)) = (&self.rows, self.unknown.newest_end()) else { return };
        if self.horizon < end {
            return;
        }
        let slots = match self.density {
            Some(density) => density.slots_for(rows.missing() as u64),
            None => u64::from(self.page),
        };
        let horizon = self.slots.back(end, slots.max(1));
        self.horizon = if horizon < end { horizon } else { Timestamp::MIN };
    }
}

impl Rows {
    fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.counted)
    }

    fn count(&mut self, page: &CandlePage, known_from: Timestamp) {
        let new = page.candles.iter().map(|candle| candle.open_time).filter(|open| *open < self.edge);
        self.early.extend(new);
        self.edge = self.edge.min(known_from);
        self.counted += self.early.split_off(&self.edge).len();
    }
}

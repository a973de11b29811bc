//! The walk back through the pages of a market's trades: which page is asked for next, and which answers are asked for
//! again before they are believed.
//!
//! Trades are paged one page after the other, because only a page shows where the next one begins. The walk is a state
//! machine without I/O: [`TradeWalk::next_request`] says what to ask, [`TradeWalk::absorb`] takes the answer.

use market_backbone_core::{Symbol, Timestamp, TradeCursor, TradeId, TradePage, TradePageRequest};

/// The number of times the newest trade is asked for to find out of which day one page is.
const MAX_DAY_CHECKS: u32 = 4;
/// The number of trades of a page that is only to show the newest one.
const NEWEST_ONLY: u32 = 2;

/// The result of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum WalkStep {
    /// The answer is the next page of the walk.
    Page(TradePage),
    /// The answer is not a page to use yet: ask for what [`TradeWalk::next_request`] says now.
    AskAgain,
    /// The page does not continue where the one before it ended, because it is stale; it is not used.
    Torn,
}

/// What was asked for, if it is not simply the next page.
#[derive(Debug, Default)]
enum WalkCheck {
    #[default]
    None,
    /// The same page once more: this one would be the last of its day, or of the history, and may be short by mistake.
    End(TradePage),
    /// The newest trade, because this page, for which `count` trades were asked, may be of another day.
    Day { page: TradePage, count: u32, checks: u32 },
    /// The same page once more, with another newest trade.
    DayAgain { checks: u32 },
}

/// A walk back through the pages of a market's trades.
#[derive(Debug)]
pub(crate) struct TradeWalk {
    symbol: Symbol,
    /// The cursor of the next page; `None` where nothing is older.
    cursor: Option<TradeCursor>,
    /// The moment back to which trades are wanted.
    begin: Timestamp,
    /// The moment before which no page is asked for.
    oldest_needed: Timestamp,
    /// `true` if each page must begin with the last trade of the one before it.
    overlaps: bool,
    /// The trade with which the next page must begin.
    seam: Option<TradeId>,
    /// `true` if a page that would be the last of a day is asked for twice.
    confirms_ends: bool,
    check: WalkCheck,
    /// The time of the newest trade, from which some venues count days.
    newest: Option<Timestamp>,
    reached: bool,
    answers: u32,
}

impl TradeWalk {
    /// Begins at `cursor`, and goes back as far as the venue does.
    pub(crate) fn new(symbol: Symbol, cursor: TradeCursor) -> Self {
        Self {
            symbol,
            cursor: Some(cursor),
            begin: Timestamp::MIN,
            oldest_needed: Timestamp::MIN,
            overlaps: false,
            seam: None,
            confirms_ends: false,
            check: WalkCheck::None,
            newest: None,
            reached: false,
            answers: 0,
        }
    }

    /// Goes back to `begin` only: it ends with the first page that shows an earlier trade, or before `oldest_needed`.
    pub(crate) fn until(self, begin: Timestamp, oldest_needed: Timestamp) -> Self {
        Self { begin, oldest_needed, ..self }
    }

    /// Makes the walk prove that its pages join, and asks twice for each page that would be the last of a day.
    ///
    /// It costs a row of each page and a request for each day.
    pub(crate) fn proving_joins(self) -> Self {
        Self { overlaps: true, confirms_ends: true, ..self }
    }

    /// Returns whether a trade from before the beginning was shown, so that all later ones were.
    pub(crate) const fn has_reached_begin(&self) -> bool {
        self.reached
    }

    /// Returns the number of answers so far.
    pub(crate) const fn answers(&self) -> u32 {
        self.answers
    }

    /// Returns the request to send, for a page of `count` trades; `None` once nothing more is needed, or the venue, which
    /// keeps nothing from before `kept_since`, has no more.
    pub(crate) fn next_request(&self, count: u32, kept_since: Timestamp) -> Option<TradePageRequest> {
        let request = |cursor, count| {
            Some(TradePageRequest { symbol: self.symbol.clone(), cursor, count, newest: self.newest })
        };
        match &self.check {
            WalkCheck::Day { .. } => request(TradeCursor::Latest, NEWEST_ONLY),
            // Of another length, so that the answer is not a cached copy.
            WalkCheck::End(_) => request(self.page_cursor()?, (count - 1).max(2)),
            WalkCheck::DayAgain { .. } => request(self.page_cursor()?, count),
            WalkCheck::None => {
                let cursor = self.page_cursor().filter(|_| !self.reached)?;
                let oldest = self.oldest_needed.max(kept_since);
                let is_needed = !matches!(&cursor, TradeCursor::At(moment) if *moment <= oldest);
                request(cursor, count).filter(|_| is_needed)
            }
        }
    }

    /// Takes the answer to `request`, which [`Self::next_request`] has returned.
    pub(crate) fn absorb(&mut self, request: &TradePageRequest, page: TradePage) -> WalkStep {
        self.answers += 1;
        let checks = match std::mem::take(&mut self.check) {
            WalkCheck::End(kept) => {
                return self.advance(if page.trades.len() > kept.trades.len() { page } else { kept });
            }
            WalkCheck::Day { page: kept, count, checks } => {
                let newest = page.trades.last().map(|trade| trade.time);
                if newest.is_none() || newest == self.newest {
                    // Nothing has been traded meanwhile: the venue has counted days from this trade.
                    return self.confirm_end(kept, count);
                }
                self.newest = newest;
                self.check = WalkCheck::DayAgain { checks };
                return WalkStep::AskAgain;
            }
            WalkCheck::DayAgain { checks } => checks,
            WalkCheck::None => 0,
        };
        if page.is_day_uncertain && checks < MAX_DAY_CHECKS {
            self.check = WalkCheck::Day { page, count: request.count, checks: checks + 1 };
            return WalkStep::AskAgain;
        }
        if request.cursor == TradeCursor::Latest {
            self.newest = page.trades.last().map(|trade| trade.time);
        }
        self.confirm_end(page, request.count)
    }

    /// Has `page` asked for again if it would be the last of a day, which an answer that is empty by mistake would be.
    fn confirm_end(&mut self, page: TradePage, count: u32) -> WalkStep {
        let shows_earlier = page.trades.iter().any(|trade| trade.time < self.begin);
        if self.confirms_ends && !page.is_full(count) && !shows_earlier {
            self.check = WalkCheck::End(page);
            return WalkStep::AskAgain;
        }
        self.advance(page)
    }

    /// Goes on behind `page`, if it continues where the one before it ended. A stale page begins too early.
    fn advance(&mut self, page: TradePage) -> WalkStep {
        let continues =
            self.seam.as_ref().is_none_or(|seam| page.trades.iter().any(|trade| trade.id == *seam));
        if !continues {
            return WalkStep::Torn;
        }
        // A page that goes on where it began would be asked for ever: it is the last one.
        self.cursor = page.next.clone().filter(|next| Some(next) != self.cursor.as_ref());
        self.seam = match &self.cursor {
            Some(TradeCursor::Before(id)) if self.overlaps => Some(id.clone()),
            _ => None,
        };
        self.reached = page.trades.iter().any(|trade| trade.time < self.begin);
        WalkStep::Page(page)
    }

    /// Returns the cursor of the next page, so that it begins with the seam if there is one.
    fn page_cursor(&self) -> Option<TradeCursor> {
        match &self.seam {
            Some(seam) => Some(TradeCursor::Before(successor_id(seam))),
            None => self.cursor.clone(),
        }
    }
}

/// Returns the id that follows `id`: a page of trades before it begins with the trade `id` itself.
pub(crate) fn successor_id(id: &TradeId) -> TradeId {
    match id {
        TradeId::Number(number) => TradeId::Number(number.saturating_add(1)),
        TradeId::Text(text) => TradeId::Text(format!("{text}~").into()),
    }
}

#[cfg(test)]
mod tests;

//! The splits of each share, asked for once a day.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use market_backbone_core::{Calendar, CandleSet, Day, Priority, SourceError, Split, Symbol, Timestamp};
use market_backbone_massive::MassiveClient;

use crate::{Backbone, Error};

/// How many shares are remembered. Beyond that all are forgotten, at the price of a request each.
const REMEMBERED: usize = 16_384;

impl Backbone {
    /// The answer in the shares of `moment`, or of today; as it is where nothing is ever split.
    pub(crate) async fn adjusted(
        &self,
        set: CandleSet,
        moment: Option<Timestamp>,
        priority: Priority,
    ) -> Result<CandleSet, Error> {
        let Some(venue) = self.layers().massive() else { return Ok(set) };
        let now = self.layers().clock.now();
        let venue = venue.with_priority(priority);
        let mut splits = self.layers().splits.of(&set.series.symbol, &venue, now).await?;
        // Those that are only announced change nothing yet.
        splits.retain(|split| split.effective <= moment.unwrap_or(now).min(now));
        Ok(set.adjusted(&splits))
    }
}

/// The splits of a share, and the day on which they were known.
type Page = (Day, Arc<[Split]>);

/// The splits of each share, as they were known on a day.
#[derive(Debug, Default)]
pub(crate) struct SplitBook {
    by_symbol: Mutex<HashMap<Symbol, Page>>,
}

impl SplitBook {
    /// The splits of `symbol`, the announced ones among them, asked of `venue` unless somebody asked today.
    async fn of(
        &self,
        symbol: &Symbol,
        venue: &MassiveClient,
        now: Timestamp,
    ) -> Result<Vec<Split>, SourceError> {
        let today = Calendar::day_of(now);
        let splits = match self.known(symbol, today) {
            Some(splits) => splits,
            None => self.remember(symbol, today, venue.splits(Some(symbol), None).await?),
        };
        Ok(splits.to_vec())
    }

    fn known(&self, symbol: &Symbol, today: Day) -> Option<Arc<[Split]>> {
        let book = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        book.get(symbol).filter(|(day, _)| *day == today).map(|(_, splits)| Arc::clone(splits))
    }

    fn remember(&self, symbol: &Symbol, today: Day, splits: Vec<Split>) -> Arc<[Split]> {
        let splits: Arc<[Split]> = splits.into();
        let mut book = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= REMEMBERED {
            book.clear();
        }
        book.insert(symbol.clone(), (today, Arc::clone(&splits)));
        splits
    }
}

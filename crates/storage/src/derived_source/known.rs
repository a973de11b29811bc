//! The coverage of a series as an answer would have it without a request: what is stored, and what can be computed from
//! what is stored.

use market_backbone_core::{CandleQuery, Coverage, Series, SourceError, TimeRange};

use super::DerivedSource;
use super::aggregation::{self, derived_span};
use crate::as_of;

impl DerivedSource {
    /// Returns what is known of the series of `query`, whatever its window, without a request.
    ///
    /// What can be computed from stored shorter candles has the origin [`Derived`](market_backbone_core::Origin::Derived).
    /// `behind` is the tier that is asked before the venue, if there is one: it tells what it has stored, and computes
    /// nothing. Without it, a query for any range that is known costs no request.
    ///
    /// # Errors
    ///
    /// If a store cannot be read, or the venue neither has the timeframe nor one that it could be computed from.
    pub async fn known(&self, query: &CandleQuery, behind: Option<&Self>) -> Result<Coverage, SourceError> {
        let query = as_of::exclude_forming(query.clone());
        let timeframe = query.series.timeframe;
        let Some(base) = self.substitute_for(timeframe)? else {
            return self.stored_or_derivable(&query, &query.series, behind).await;
        };
        let shorter = Series::new(query.series.symbol.clone(), base);
        let known = self.stored_or_derivable(&query, &shorter, behind).await?;
        Ok(aggregation::coverage(self.grid, timeframe, &known, TimeRange::ALL))
    }

    /// Returns what is stored of `series`, which the venue has, or can be computed from its minutes.
    async fn stored_or_derivable(
        &self,
        query: &CandleQuery,
        series: &Series,
        behind: Option<&Self>,
    ) -> Result<Coverage, SourceError> {
        let mut known = as_of::without_later_disputes(self.store.coverage(series).await?, query);
        if let Some(behind) = behind {
            known.merge(&as_of::without_later_disputes(behind.store.coverage(series).await?, query));
        }
        if let Some(base) = self.derivation_base(query, series).await? {
            for range in base.whole_slots {
                for gap in known.missing(range) {
                    derived_span(&base.known, gap).into_iter().for_each(|span| known.insert(span));
                }
            }
        }
        Ok(known)
    }
}

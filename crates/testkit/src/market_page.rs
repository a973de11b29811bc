//! The page that an adapter makes of rows, for models of venues.

use std::time::Duration;

use market_backbone_core::{
    CandlePage, CandlePageBuilder, CandlePageRequest, FinalityRules, Grid, PageProof, Timestamp,
};

/// Returns the page of `rows`, the answer to `request` at `asked_at`, of a venue that sends existing candles only.
///
/// A candle is final `visible_after` its end if the page shows a newer one, else `final_after` its end. Where fewer rows came
/// than requested, a venue that keeps everything has proven that there are no older ones; another one has only run out.
#[must_use]
pub fn market_page(
    rows: CandlePageBuilder<'_>,
    request: &CandlePageRequest,
    asked_at: Timestamp,
    (visible_after, final_after): (Duration, Duration),
    keeps_everything: bool,
) -> CandlePage {
    let fell_short = rows.count() < request.count as usize;
    let nothing_older = (fell_short && keeps_everything).then_some(Timestamp::MIN);
    let rules = FinalityRules {
        grid: Grid::Utc,
        superseded_delay: visible_after,
        clock_delay: final_after,
        newest_delay: final_after,
    };
    let page = rows.into_page(asked_at, rules, nothing_older);
    CandlePage { proof: PageProof { exhausted: fell_short && !keeps_everything, ..page.proof }, ..page }
}

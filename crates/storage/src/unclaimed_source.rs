//! The message about candles that were written before sources were kept apart: their source is unknown.

use market_backbone_core::VenueId;

/// Returns the instructions for a claim; `keeper` is the store with the candles.
pub(crate) fn claim_instructions(keeper: &str, source: VenueId) -> String {
    format!(
        "the source of the candles that {keeper} holds under {source} is not known: a version that did not \
         keep sources apart wrote them, from the venue itself, an emulator or another address. If they are \
         {source}'s own, \
         say `market-backbone store claim {source}`; else name their source, as in `market-backbone store claim \
         {source} --as {source}@127.0.0.1:9001`; or keep candles elsewhere (--data-dir)"
    )
}

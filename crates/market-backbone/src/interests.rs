//! Markets that are followed without a reader, each with an interest. Where there is no room for all, the
//! interest decides which stay.

use market_backbone_core::{Channel, StreamKind};
use market_backbone_routing::{FollowGuard, Interest};

use crate::{Client, Error, MarketList};

impl Client {
    /// Keeps `kinds` of `markets` followed, and so their latest values in memory, until the guard is dropped.
    ///
    /// Each subscription has an interest. If more is wanted than [may be
    /// followed](market_backbone_routing::SessionConfig::subscription_limits), the more important interests
    /// stay, and a market that was taken stays for a while, so that nothing flaps at the limit.
    ///
    /// ```no_run
    /// # use market_backbone::{Backbone, Interest, Priority, StreamKind};
    /// # async fn hold(backbone: Backbone) -> Result<(), market_backbone::Error> {
    /// let bot = backbone.client(Priority::Critical);
    /// // For as long as there is a position, whatever else is wanted.
    /// let held = bot.follow(["KRW-BTC"], [StreamKind::Trade], Interest::ActiveOrder)?;
    /// # drop(held);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If a text cannot be a market's code.
    pub fn follow<How>(
        &self,
        markets: impl MarketList<How>,
        kinds: impl IntoIterator<Item = StreamKind>,
        why: Interest,
    ) -> Result<FollowGuard, Error> {
        let kinds: Vec<_> = kinds.into_iter().map(StreamKind::streamed_as).collect();
        let symbols = self.symbols(markets)?;
        let each = symbols.iter().flat_map(|symbol| kinds.iter().map(|kind| (symbol.clone(), *kind)));
        let channels: Vec<_> = each.map(|(symbol, kind)| Channel { symbol, kind }).collect();
        Ok(self.backbone().router().interest(why, &channels))
    }

    /// Follows `kind` of the markets with the highest scores, as many as there is room for, in place of the
    /// previous list. A market in the list stays until another one is better by a margin.
    ///
    /// # Errors
    ///
    /// If a text cannot be a market's code.
    pub fn set_watchlist<'a>(
        &self,
        scores: impl IntoIterator<Item = (&'a str, f64)>,
        kind: StreamKind,
    ) -> Result<(), Error> {
        let symbol = |code| self.backbone().symbol(code);
        let scores: Result<Vec<_>, _> =
            scores.into_iter().map(|(code, score)| symbol(code).map(|symbol| (symbol, score))).collect();
        self.backbone().router().set_watchlist(&scores?, kind);
        Ok(())
    }
}

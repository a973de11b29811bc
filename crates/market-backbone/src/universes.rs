//! Universes, which are named lists of markets: a program says `SPY:nasdaq100` instead of seven hundred codes.

use market_backbone_storage::{UniverseEntry, UnknownUniverse, resolve_universe};

use crate::{Backbone, Error};

impl Backbone {
    /// Returns the markets of the universe `key`: the one of that name, or else the union of the universes that
    /// `:` joins in the key.
    ///
    /// ```no_run
    /// # use market_backbone::{Backbone, Priority, StreamKind};
    /// # async fn watch(backbone: Backbone) -> Result<(), market_backbone::Error> {
    /// let markets = backbone.universe("SPY:nasdaq100").await?;
    /// let client = backbone.client(Priority::High);
    /// let feed = client.subscribe(markets.iter().map(String::as_str), [StreamKind::Ticker]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Universe`] if a part of the key is unknown; the message names the most similar universes. There
    /// is no list to fall back on.
    pub async fn universe(&self, key: &str) -> Result<Vec<String>, Error> {
        Ok(resolve_universe(&self.universes().all().await?, key)?)
    }

    /// Stores a list of markets under `key`, replacing an existing one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub async fn put_universe(
        &self,
        key: &str,
        markets: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        Ok(self.universes().put(&[UniverseEntry::custom(key, markets)]).await?)
    }
}

impl From<UnknownUniverse> for Error {
    fn from(error: UnknownUniverse) -> Self {
        Self::Universe(error)
    }
}

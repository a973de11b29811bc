//! Named lists of markets: a program says `SPY:nasdaq100`, and not seven hundred codes.

use market_backbone_storage::{UniverseEntry, UnknownUniverse, resolve_universe};

use crate::{Backbone, Error};

impl Backbone {
    /// The markets of the universe `key`: one of that name, else the union of those it is joined from with `:`.
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
    /// [`Error::Universe`] if a part of the key is not known; it names the nearest that are. There is no list to fall
    /// back on.
    pub async fn universe(&self, key: &str) -> Result<Vec<String>, Error> {
        Ok(resolve_universe(&self.universes().all().await?, key)?)
    }

    /// Keeps a list of markets under `key`, in place of one that is there.
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

//! A client of the backbone, with a priority.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Candle, Instrument, OrderBook, PriceBand, Priority, Series, SourceError, SourceErrorKind,
    StreamKind, Symbol, SymbolError, Ticker, TickerRequest, Timeframe, Trade, VenueId,
};

use market_backbone_routing::RequestOptions;
use market_backbone_storage::Recording;

use crate::{Backbone, CandleRequest, DefaultWindow, Error, MarketList, SubscribeRequest};

/// A client of the backbone. Cheap to clone; create one for each part of a program with its own priority.
#[derive(Clone, Debug)]
pub struct Client {
    backbone: Backbone,
    options: RequestOptions,
}

impl Client {
    pub(crate) fn new(backbone: Backbone, priority: Priority) -> Self {
        Self { backbone, options: priority.into() }
    }

    /// Returns the priority of its requests.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.options.get_priority()
    }

    /// Returns the venue it asks.
    #[must_use]
    pub fn venue(&self) -> VenueId {
        self.backbone.venue()
    }

    /// Returns the same client for another venue of this backbone.
    ///
    /// # Errors
    ///
    /// [`Error::Venue`] if the backbone was not built for that venue.
    pub fn at(&self, venue: VenueId) -> Result<Self, Error> {
        Ok(Self { backbone: self.backbone.at(venue)?, options: self.options })
    }

    /// Requires answers for candles, tickers and books within `limit`. A request that would take longer is
    /// refused at once, as far as that is known beforehand, with
    /// [`DeadlineExceeded`](SourceErrorKind::DeadlineExceeded), which holds the estimated time.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.options = self.options.timeout(Some(limit));
        self
    }

    /// Accepts only tickers and books that arrived within `age`: an older one is fetched anew, even if the
    /// socket works and nothing has happened since. Without this limit a followed market without trades costs
    /// no request.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.options = self.options.max_age(Some(age));
        self
    }

    /// Requests candles of `market` (`KRW-BTC`, `AAPL`). The methods of the request choose how many or which.
    ///
    /// Here as everywhere a market may have any name that its venue can resolve with certainty: `krw-btc`, `BTC/KRW` and
    /// `btckrw` are `KRW-BTC`, `aapl` is `AAPL`. In mixed case each letter counts: `BACpB` is a share of its own.
    pub fn candles(&self, market: &str, timeframe: Timeframe) -> CandleRequest<DefaultWindow> {
        let series = self.backbone.symbol(market).map(|symbol| Series::new(symbol, timeframe));
        CandleRequest::new(self.backbone.clone(), series, self.options)
    }

    /// Returns the ticker of a market, from memory if it is followed.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn ticker(&self, market: &str) -> Result<Ticker, Error> {
        let mut tickers = self.tickers([market]).await?;
        tickers.pop().ok_or_else(|| missing_reply(market).into())
    }

    /// Returns the tickers of some markets, in the order they are named.
    ///
    /// # Errors
    ///
    /// As [`ticker`](Self::ticker).
    pub async fn tickers<How>(&self, markets: impl MarketList<How>) -> Result<Vec<Ticker>, Error> {
        let symbols = self.symbols(markets)?;
        let request = TickerRequest::Symbols(symbols.clone());
        match self.backbone.router().tickers_with(&request, self.options).await {
            Ok(mut tickers) => {
                let place = |symbol: &Symbol| symbols.iter().position(|asked| asked == symbol);
                tickers.sort_by_key(|ticker| place(&ticker.symbol));
                // Some venues silently leave out markets they do not know; others leave out those that were
                // never traded.
                let is_there = |symbol: &&Symbol| tickers.iter().any(|ticker| ticker.symbol == **symbol);
                let absent: Vec<_> = symbols.iter().filter(|symbol| !is_there(symbol)).collect();
                if !absent.is_empty() {
                    let absent: Vec<_> = absent.into_iter().map(Symbol::code).collect();
                    self.require(absent).await?;
                }
                Ok(tickers)
            }
            Err(error) => Err(self
                .backbone
                .suggest_on_unknown(error, &symbols, self.options.get_priority())
                .await
                .into()),
        }
    }

    /// Returns the tickers of all markets priced in `quote` (`KRW`).
    ///
    /// # Errors
    ///
    /// If the venue cannot answer.
    pub async fn tickers_in(&self, quote: &str) -> Result<Vec<Ticker>, Error> {
        let request = TickerRequest::Quotes(vec![quote.to_owned()]);
        Ok(self.backbone.router().tickers_with(&request, self.options).await?)
    }

    /// Returns the whole order book, `depth` levels of each side.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn book(&self, market: &str, depth: u32) -> Result<OrderBook, Error> {
        let symbols = self.symbols([market])?;
        let request = BookRequest { symbols: symbols.clone(), depth };
        match self.backbone.router().books_with(&request, self.options).await {
            Ok(mut books) => books.pop().ok_or_else(|| missing_reply(market).into()),
            Err(error) => Err(self
                .backbone
                .suggest_on_unknown(error, &symbols, self.options.get_priority())
                .await
                .into()),
        }
    }

    /// Fetches the newest `count` trades that the venue still has, oldest first.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn trades(&self, market: &str, count: usize) -> Result<Vec<Trade>, Error> {
        let symbol = self.backbone.symbol(market)?;
        match self.backbone.trades(&symbol, count, self.options.get_priority()).await {
            Ok(trades) => Ok(trades),
            Err(error) => Err(self
                .backbone
                .suggest_on_unknown(error, &[symbol], self.options.get_priority())
                .await
                .into()),
        }
    }

    /// Returns the latest ticker that arrived, without waiting, or `None` unless the market is followed.
    #[must_use]
    pub fn latest_ticker(&self, market: &str) -> Option<Ticker> {
        self.backbone.live().latest_ticker(&self.backbone.symbol(market).ok()?)
    }

    /// Returns the latest trade that arrived, without waiting, or `None` unless the market's trades are
    /// followed.
    #[must_use]
    pub fn latest_trade(&self, market: &str) -> Option<Trade> {
        self.backbone.live().latest_trade(&self.backbone.symbol(market).ok()?)
    }

    /// Returns the latest book that arrived, without waiting, or `None` unless the market's book is followed.
    #[must_use]
    pub fn latest_book(&self, market: &str) -> Option<OrderBook> {
        self.backbone.live().latest_book(&self.backbone.symbol(market).ok()?)
    }

    /// Returns the latest state of a candle that arrived, without waiting, or `None` unless the market's candles of that
    /// timeframe are followed. Its slot may be over.
    #[must_use]
    pub fn latest_candle(&self, market: &str, timeframe: Timeframe) -> Option<Candle> {
        let series = Series::new(self.backbone.symbol(market).ok()?, timeframe);
        self.backbone.live().latest_candle(&series)
    }

    /// Returns the latest price band that arrived, without waiting, or `None` unless the market's bands are
    /// followed.
    #[must_use]
    pub fn latest_band(&self, market: &str) -> Option<PriceBand> {
        self.backbone.live().latest_band(&self.backbone.symbol(market).ok()?)
    }

    /// Requests a feed of `kinds` of `markets`, which may be one name or any [list](MarketList) of names. The methods of
    /// the request choose its start and its delivery.
    pub fn subscribe<How>(
        &self,
        markets: impl MarketList<How>,
        kinds: impl IntoIterator<Item = StreamKind>,
    ) -> SubscribeRequest {
        let symbols = self.symbols(markets);
        SubscribeRequest::new(
            self.backbone.clone(),
            symbols,
            kinds.into_iter().collect(),
            self.options.get_priority(),
        )
    }

    /// Records the closed candles of `markets` at `timeframes` from now on, as they arrive live, until the
    /// returned guard is dropped. Later queries for them need no request.
    ///
    /// A candle is kept only if the feed was complete from its beginning to its end; the others are fetched
    /// when somebody wants them. Every few minutes the venue is asked to confirm the candles, with one page for
    /// each series, at the lowest priority.
    ///
    /// # Errors
    ///
    /// If a market's code is invalid or the venue does not list it, if no market or no timeframe is named, or
    /// if the venue cannot stream them.
    pub async fn record<How>(
        &self,
        markets: impl MarketList<How>,
        timeframes: impl IntoIterator<Item = Timeframe>,
    ) -> Result<Recording, Error> {
        let markets = markets.into_names();
        self.require(&markets).await?;
        let (symbols, timeframes) = (self.symbols(markets)?, timeframes.into_iter().collect());
        self.backbone.record(symbols, timeframes, self.options.get_priority()).await
    }

    /// Checks that the venue lists `markets`: a feed of an unknown one would stay silent forever.
    ///
    /// # Errors
    ///
    /// If one is not listed (the message names the most similar market), or the venue cannot answer.
    pub async fn require<How>(&self, markets: impl MarketList<How>) -> Result<(), Error> {
        let mut symbols = self.symbols(markets)?;
        symbols.retain(|symbol| !symbol.is_any());
        if symbols.is_empty() {
            return Ok(());
        }
        let unlisted = self.backbone.router().unlisted(&symbols, self.options.get_priority()).await?;
        let Some(first) = unlisted.first() else { return Ok(()) };
        let message = format!("unknown market {first} on {}", self.backbone.venue());
        let unknown = SourceError::new(SourceErrorKind::UnknownMarket, message);
        Err(self.backbone.suggest_on_unknown(unknown, &unlisted, self.options.get_priority()).await.into())
    }

    /// Returns those of `markets` that the venue does not list now: delisted, or misspelt.
    ///
    /// # Errors
    ///
    /// If a market's code is invalid, or the venue cannot answer.
    pub async fn unlisted<How>(&self, markets: impl MarketList<How>) -> Result<Vec<String>, Error> {
        let markets = markets.into_names();
        let symbols = self.symbols(&markets)?;
        let asked: Vec<_> = symbols.iter().filter(|symbol| !symbol.is_any()).cloned().collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let unlisted = self.backbone.router().unlisted(&asked, self.options.get_priority()).await?;
        let named = markets.into_iter().zip(symbols);
        let gone = named.filter(|(_, symbol)| unlisted.contains(symbol));
        Ok(gone.map(|(market, _)| market).collect())
    }

    /// Returns the markets the venue lists.
    ///
    /// # Errors
    ///
    /// If the venue cannot answer.
    pub async fn markets(&self) -> Result<Vec<Instrument>, Error> {
        Ok(self.backbone.markets(self.options.get_priority()).await?)
    }

    pub(crate) const fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    pub(crate) fn symbols<How>(&self, markets: impl MarketList<How>) -> Result<Vec<Symbol>, SymbolError> {
        markets.into_names().iter().map(|market| self.backbone.symbol(market)).collect()
    }
}

fn missing_reply(market: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Malformed, format!("the venue answered, but not for {market}"))
}

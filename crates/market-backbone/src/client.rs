//! A user of the backbone, and how urgent its questions are.

use std::time::Duration;

use market_backbone_core::{
    BookRequest, Candle, Instrument, OrderBook, PriceBand, Priority, Series, SourceError, SourceErrorKind,
    StreamKind, Symbol, SymbolError, Ticker, TickerRequest, Timeframe, Trade, VenueId,
};

use market_backbone_routing::RequestOptions;
use market_backbone_storage::Recording;

use crate::{Backbone, CandleRequest, DefaultWindow, Error, MarketList, SubscribeRequest};

/// A user of the backbone. Cheap to clone; make one for each part of a program that is differently urgent.
#[derive(Clone, Debug)]
pub struct Client {
    backbone: Backbone,
    options: RequestOptions,
}

impl Client {
    pub(crate) fn new(backbone: Backbone, priority: Priority) -> Self {
        Self { backbone, options: priority.into() }
    }

    /// How urgent its questions are.
    #[must_use]
    pub const fn priority(&self) -> Priority {
        self.options.priority
    }

    /// Whom it asks.
    #[must_use]
    pub fn venue(&self) -> VenueId {
        self.backbone.venue()
    }

    /// The same, asking another venue of this backbone.
    ///
    /// # Errors
    ///
    /// [`Error::Venue`] if the backbone was not built for that venue.
    pub fn at(&self, venue: VenueId) -> Result<Self, Error> {
        Ok(Self { backbone: self.backbone.at(venue)?, options: self.options })
    }

    /// Wants answers for candles, tickers and books within `limit`: what would take longer is refused at once, as far
    /// as that can be told beforehand, with [`TooLate`](SourceErrorKind::DeadlineExceeded), which says how long it would take.
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// Wants no ticker or book that we heard of longer ago: such a one is asked for anew, even if the socket delivers
    /// and nothing has happened since. Without this a followed market that stands still costs no request.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = Some(age);
        self
    }

    /// Asks for candles of `market` (`KRW-BTC`, `AAPL`); say how many or which with the request's own methods.
    ///
    /// Here as everywhere a market may be called by what its venue can be sure of: `krw-btc`, `BTC/KRW` and `btckrw` are
    /// `KRW-BTC`, `aapl` is `AAPL`. Of mixed letters each counts: `BACpB` is a share of its own.
    pub fn candles(&self, market: &str, timeframe: Timeframe) -> CandleRequest<DefaultWindow> {
        let series = self.backbone.symbol(market).map(|symbol| Series::new(symbol, timeframe));
        CandleRequest::new(self.backbone.clone(), series, self.options)
    }

    /// The market at a glance, from memory if it is being followed.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn ticker(&self, market: &str) -> Result<Ticker, Error> {
        let mut tickers = self.tickers([market]).await?;
        tickers.pop().ok_or_else(|| missing_reply(market).into())
    }

    /// Some markets at a glance, in the order they are named.
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
                // Some venues leave out in silence what they do not know; others of them have never been traded.
                let is_there = |symbol: &&Symbol| tickers.iter().any(|ticker| ticker.symbol == **symbol);
                let absent: Vec<_> = symbols.iter().filter(|symbol| !is_there(symbol)).collect();
                if !absent.is_empty() {
                    let absent: Vec<_> = absent.into_iter().map(Symbol::code).collect();
                    self.require(absent).await?;
                }
                Ok(tickers)
            }
            Err(error) => {
                Err(self.backbone.suggest_on_unknown(error, &symbols, self.options.priority).await.into())
            }
        }
    }

    /// All markets priced in `quote` (`KRW`) at a glance.
    ///
    /// # Errors
    ///
    /// If the venue cannot answer.
    pub async fn tickers_in(&self, quote: &str) -> Result<Vec<Ticker>, Error> {
        let request = TickerRequest::Quotes(vec![quote.to_owned()]);
        Ok(self.backbone.router().tickers_with(&request, self.options).await?)
    }

    /// The whole order book, `depth` levels of each side.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn book(&self, market: &str, depth: u32) -> Result<OrderBook, Error> {
        let symbols = self.symbols([market])?;
        let request = BookRequest { symbols: symbols.clone(), depth };
        match self.backbone.router().books_with(&request, self.options).await {
            Ok(mut books) => books.pop().ok_or_else(|| missing_reply(market).into()),
            Err(error) => {
                Err(self.backbone.suggest_on_unknown(error, &symbols, self.options.priority).await.into())
            }
        }
    }

    /// The newest `count` trades that the venue still has, oldest first.
    ///
    /// # Errors
    ///
    /// If there is no such market, or the venue cannot answer.
    pub async fn trades(&self, market: &str, count: usize) -> Result<Vec<Trade>, Error> {
        let symbol = self.backbone.symbol(market)?;
        match self.backbone.trades(&symbol, count, self.options.priority).await {
            Ok(trades) => Ok(trades),
            Err(error) => {
                Err(self.backbone.suggest_on_unknown(error, &[symbol], self.options.priority).await.into())
            }
        }
    }

    /// The latest ticker heard of, without waiting; `None` unless the market is being followed.
    #[must_use]
    pub fn latest_ticker(&self, market: &str) -> Option<Ticker> {
        self.backbone.live().latest_ticker(&self.backbone.symbol(market).ok()?)
    }

    /// The latest trade heard of, without waiting; `None` unless the market's trades are being followed.
    #[must_use]
    pub fn latest_trade(&self, market: &str) -> Option<Trade> {
        self.backbone.live().latest_trade(&self.backbone.symbol(market).ok()?)
    }

    /// Returns the latest book received, without waiting; `None` unless the market's book is being followed.
    #[must_use]
    pub fn latest_book(&self, market: &str) -> Option<OrderBook> {
        self.backbone.live().latest_book(&self.backbone.symbol(market).ok()?)
    }

    /// Returns the candle received last, without waiting; `None` unless the market's candles of that timeframe are being
    /// followed. Its slot may be over.
    #[must_use]
    pub fn latest_candle(&self, market: &str, timeframe: Timeframe) -> Option<Candle> {
        let series = Series::new(self.backbone.symbol(market).ok()?, timeframe);
        self.backbone.live().latest_candle(&series)
    }

    /// The latest price band heard of, without waiting; `None` unless the market's bands are being followed.
    #[must_use]
    pub fn latest_band(&self, market: &str) -> Option<PriceBand> {
        self.backbone.live().latest_band(&self.backbone.symbol(market).ok()?)
    }

    /// Starts to follow `kinds` of `markets`, which may be one name or any [list](MarketList) of names; say how with the
    /// request's own methods.
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
            self.options.priority,
        )
    }

    /// Keeps the closed candles of `markets` at `timeframes` from now on, as they are heard live, until the returned
    /// guard is dropped: who asks for them later needs no request.
    ///
    /// Only what was heard from beginning to end is kept; the rest is asked for when somebody wants it. Every few
    /// minutes the venue is asked whether it agrees, a page for each series, at the lowest priority.
    ///
    /// # Errors
    ///
    /// If a market's code makes no sense or the venue does not list it, none or no timeframe is named, or the venue cannot
    /// stream them.
    pub async fn record<How>(
        &self,
        markets: impl MarketList<How>,
        timeframes: impl IntoIterator<Item = Timeframe>,
    ) -> Result<Recording, Error> {
        let markets = markets.into_names();
        self.require(&markets).await?;
        let (symbols, timeframes) = (self.symbols(markets)?, timeframes.into_iter().collect());
        self.backbone.record(symbols, timeframes, self.options.priority).await
    }

    /// Makes sure that the venue lists `markets`: a feed of an unknown one would be silent for ever.
    ///
    /// # Errors
    ///
    /// If one is not listed (and then which was probably meant), or the venue cannot answer.
    pub async fn require<How>(&self, markets: impl MarketList<How>) -> Result<(), Error> {
        let mut symbols = self.symbols(markets)?;
        symbols.retain(|symbol| !symbol.is_any());
        if symbols.is_empty() {
            return Ok(());
        }
        let unlisted = self.backbone.router().unlisted(&symbols, self.options.priority).await?;
        let Some(first) = unlisted.first() else { return Ok(()) };
        let message = format!("unknown market {first} on {}", self.backbone.venue());
        let unknown = SourceError::new(SourceErrorKind::UnknownMarket, message);
        Err(self.backbone.suggest_on_unknown(unknown, &unlisted, self.options.priority).await.into())
    }

    /// Those of `markets` that the venue does not list now: delisted, or misspelt.
    ///
    /// # Errors
    ///
    /// If a market's code makes no sense, or the venue cannot answer.
    pub async fn unlisted<How>(&self, markets: impl MarketList<How>) -> Result<Vec<String>, Error> {
        let markets = markets.into_names();
        let symbols = self.symbols(&markets)?;
        let asked: Vec<_> = symbols.iter().filter(|symbol| !symbol.is_any()).cloned().collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let unlisted = self.backbone.router().unlisted(&asked, self.options.priority).await?;
        let named = markets.into_iter().zip(symbols);
        let gone = named.filter(|(_, symbol)| unlisted.contains(symbol));
        Ok(gone.map(|(market, _)| market).collect())
    }

    /// The markets the venue lists.
    ///
    /// # Errors
    ///
    /// If the venue cannot answer.
    pub async fn markets(&self) -> Result<Vec<Instrument>, Error> {
        Ok(self.backbone.markets(self.options.priority).await?)
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

//! What is now: tickers and books, from the socket's memory where it is good, else over REST.

use futures::future::try_join_all;
use market_backbone_core::{
    BookRequest, Call, Channel, Instrument, OrderBook, Priority, SourceError, StreamKind, Symbol, Ticker,
    TickerRequest,
};
use tokio::time::Instant;

use super::Shared;
use super::pages::IN_KIND;
use crate::choice::{Reason, Standing};
use crate::stack::request::{Answer, Reply};

impl Shared {
    pub(super) async fn tickers(
        &self,
        request: &TickerRequest,
        priority: Priority,
    ) -> Result<Vec<Ticker>, SourceError> {
        let calls = match request {
            TickerRequest::Of(symbols) => {
                let latest = |symbol: &Symbol| self.hub.latest_ticker(symbol);
                if let Some(tickers) = self.in_memory(symbols, StreamKind::Ticker, latest) {
                    return Ok(tickers);
                }
                let part = |symbols: &[Symbol]| Call::Tickers(TickerRequest::Of(symbols.to_vec()));
                self.parts(symbols).map(part).collect()
            }
            TickerRequest::Quotes(quotes) => {
                self.tally.decide(Reason::WholeMarket, &quotes.join(" "));
                vec![Call::Tickers(request.clone())]
            }
        };
        let replies = self.ask_all(calls, priority).await?;
        let tickers = replies.into_iter().flat_map(|reply| match reply.answer {
            Answer::Tickers(tickers) => tickers,
            _ => unreachable!("{IN_KIND}"),
        });
        Ok(tickers.collect())
    }

    pub(super) async fn books(
        &self,
        request: &BookRequest,
        priority: Priority,
    ) -> Result<Vec<OrderBook>, SourceError> {
        let depth = usize::try_from(request.depth).unwrap_or(usize::MAX);
        let cut = |mut book: OrderBook| {
            book.asks.truncate(depth);
            book.bids.truncate(depth);
            book
        };
        let latest = |symbol: &Symbol| self.hub.latest_book(symbol).map(cut);
        if let Some(books) = self.in_memory(&request.symbols, StreamKind::Book, latest) {
            return Ok(books);
        }
        let part =
            |symbols: &[Symbol]| Call::Books(BookRequest { symbols: symbols.to_vec(), depth: request.depth });
        let replies = self.ask_all(self.parts(&request.symbols).map(part).collect(), priority).await?;
        let books = replies.into_iter().flat_map(|reply| match reply.answer {
            Answer::Books(books) => books,
            _ => unreachable!("{IN_KIND}"),
        });
        Ok(books.collect())
    }

    /// Price steps are on no socket.
    pub(super) async fn instruments(
        &self,
        symbols: &[Symbol],
        priority: Priority,
    ) -> Result<Vec<Instrument>, SourceError> {
        let part = |symbols: &[Symbol]| Call::Instruments(symbols.to_vec());
        let replies = self.ask_all(self.parts(symbols).map(part).collect(), priority).await?;
        let instruments = replies.into_iter().flat_map(|reply| match reply.answer {
            Answer::Instruments(instruments) => instruments,
            _ => unreachable!("{IN_KIND}"),
        });
        Ok(instruments.collect())
    }

    /// The latest of all `symbols`, if all of them are followed and delivered. Takes note of the request
    /// either way, so that who asks often is followed.
    fn in_memory<T>(
        &self,
        symbols: &[Symbol],
        kind: StreamKind,
        latest: impl Fn(&Symbol) -> Option<T>,
    ) -> Option<Vec<T>> {
        let now = Instant::now();
        let channels = symbols.iter().map(|symbol| Channel { symbol: symbol.clone(), kind });
        let mut standing = Standing::Rare;
        let mut found = Some(Vec::with_capacity(symbols.len()));
        for channel in channels {
            let follow = || self.hub.follow(std::slice::from_ref(&channel));
            standing = standing.max(self.chooser.asked(&channel, now, follow));
            let value = latest(&channel.symbol).filter(|_| self.hub.is_live(&channel));
            match (value, &mut found) {
                (Some(value), Some(values)) => values.push(value),
                _ => found = None,
            }
        }
        let reason = if found.is_some() { Reason::Live } else { standing.into() };
        self.tally.decide(reason, &kind);
        found
    }

    fn parts<'a>(&self, symbols: &'a [Symbol]) -> std::slice::Chunks<'a, Symbol> {
        symbols.chunks(self.config.codes_per_call.max(1))
    }

    async fn ask_all(&self, calls: Vec<Call>, priority: Priority) -> Result<Vec<Reply>, SourceError> {
        try_join_all(calls.into_iter().map(|call| self.rest.call_shared(call, priority))).await
    }
}

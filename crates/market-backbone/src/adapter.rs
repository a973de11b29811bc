//! The types for writing an adapter of a venue, or a store.
//!
//! A [`Venue`] encodes requests and decodes answers, its [`FrameDecoder`] decodes the frames of one connection;
//! neither opens a socket or reads a clock. The backbone does the rest: limits, retries, connections, paging, proofs.
//! [`Builder::venue`](crate::Builder::venue) adds it. A [`CandleStore`](crate::CandleStore) stores rows and
//! coverage together; [`Storage::Custom`](crate::Storage::Custom) uses it.

pub use market_backbone_core::{
    BadRow, BookRequest, BudgetReport, Call, CallSource, CandlePage, CandlePageBuilder, CandlePageRequest,
    CandlePart, CandleQuery, CandleSource, Capabilities, ControlMessage, FinalityRules, FrameDecoder,
    FrameError, FrameOutcome, HttpCall, HttpReply, KeepAlive, LiveSource, LiveStream, Login, OwnedReply,
    PageProof, PageSequence, PageSource, PartStream, PriceIncrement, PriorClaims, QueryParams, RateLimitRule,
    RateUnit, RequestCost, RevisionPolicy, Selection, SocketLimits, StoredCandles, Subscription, SymbolTable,
    TickerRequest, TradeCursor, TradeCursorKind, TradePage, TradePageRequest, Venue, WindowKind,
};

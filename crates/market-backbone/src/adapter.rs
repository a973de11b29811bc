//! The types for writing an adapter of a venue, or a store.
//!
//! A [`Venue`] encodes requests and decodes answers and frames; it opens no socket and reads no clock. The backbone does the
//! rest: limits, retries, connections, paging, proofs. A [`VenueDescriptor`](crate::VenueDescriptor) says what else is to be
//! known of the venue, and [`Builder::connect`](crate::Builder::connect) takes that; [`Builder::venue`](crate::Builder::venue)
//! takes an adapter alone. A
//! [`CandleStore`](crate::CandleStore) keeps rows and coverage together; [`Storage::Custom`](crate::Storage::Custom) takes it.

pub use market_backbone_core::{
    BadRow, BookRequest, BudgetReport, Call, CallSource, CandlePage, CandlePageBuilder, CandlePageRequest,
    CandlePart, CandleQuery, CandleSource, Capabilities, ControlMessage, FinalityRules, FrameDecoder,
    FrameError, FrameOutcome, HttpCall, HttpReply, KeepAlive, LiveSource, LiveStream, Login, MarketDaySource,
    OpenMarketDaySource, OpenSplitSource, OpenVenue, OwnedReply, PageProof, PageSequence, PageSource,
    PartStream, PriceIncrement, PriorClaims, QueryParams, RateLimitRule, RateUnit, RequestCost,
    RevisionPolicy, Selection, SocketAddressOf, SocketLimits, SplitSource, StoredCandles, Subscription,
    SymbolTable, TickerRequest, TradeCursor, TradeCursorKind, TradePage, TradePageRequest, Venue, WindowKind,
};

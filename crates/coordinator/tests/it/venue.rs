//! A model venue: pages from a tape of slots with trades, newest first as a count of *existing* candles, with
//! the proof that such a page carries. It counts its requests, and fails, delays and corrupts answers on
//! demand.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_coordinator::{Coordinator, CoordinatorConfig};
use market_backbone_core::{
    Candle, CandlePage, CandlePageBuilder, CandlePageRequest, CandlePart, CandleQuery, CandleSet,
    CandleSource, Capabilities, Clock, FetchStats, Grid, Instrument, ManualClock, PageProof, PageSource,
    Priority, Series, SourceError, SourceErrorKind, Symbol, Timeframe, Timestamp, TradePage,
    TradePageRequest, VenueId,
};
pub(crate) use market_backbone_testkit::minute;
use market_backbone_testkit::{CAPABILITIES, dice, flat_candle, market_page};

pub(crate) const NOW: &str = "2026-08-03T10:40:30Z";
const SETTLING: Duration = Duration::from_secs(1);
/// The time after a slot opens at which its first trade comes.
const FIRST_TRADE: Duration = Duration::from_secs(10);

/// The fault of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Error(SourceErrorKind),
    /// All rows are left out, and nothing is said about them.
    Drop,
    /// All rows are left out, and the page says that there are none.
    Empty,
    /// The proof of the page is missing.
    Mute,
    /// The page never arrives.
    Hang,
}

pub(crate) const TRANSIENT: Fault = Fault::Error(SourceErrorKind::VenueFault);

type Script = dyn Fn(usize, &CandlePageRequest) -> Option<Fault> + Send + Sync;
type Pace = dyn Fn(usize) -> Duration + Send + Sync;

pub(crate) struct Model {
    pub(crate) clock: Arc<ManualClock>,
    /// The minutes (since the epoch) with a trade.
    tape: BTreeSet<i64>,
    /// The oldest row that it returns. The absence of older rows is no proof (as with candles that are kept for
    /// a while only).
    kept_from: Option<i64>,
    /// The minutes of which it returns two rows that differ.
    twins: BTreeSet<i64>,
    capabilities: Capabilities,
    script: Box<Script>,
    /// How long each answer takes, by the paused clock.
    pace: Box<Pace>,
    /// How long an answer with the forming candle takes, by the paused clock.
    forming_takes: Duration,
    pub(crate) asked: Mutex<Vec<(CandlePageRequest, Priority)>>,
    pub(crate) formed: Mutex<usize>,
    pub(crate) forming_reply: Mutex<Vec<Result<(), SourceErrorKind>>>,
    at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("slots", &self.tape.len()).finish_non_exhaustive()
    }
}

pub(crate) fn series() -> Series {
    Series::new(Symbol::new(VenueId::new("model"), "KRW-BTC").unwrap(), Timeframe::M1)
}

/// Returns the forming minute.
pub(crate) fn this_minute() -> i64 {
    NOW.parse::<Timestamp>().unwrap().as_secs() / 60
}

pub(crate) fn candle(slot: i64, is_final: bool) -> Candle {
    Candle { is_final, ..flat_candle(minute(slot), 1.0 + slot.rem_euclid(1_000) as f64) }
}

impl Model {
    pub(crate) fn new(tape: impl IntoIterator<Item = i64>) -> Self {
        Self {
            clock: Arc::new(ManualClock::new(NOW.parse().unwrap())),
            tape: tape.into_iter().collect(),
            kept_from: None,
            twins: BTreeSet::new(),
            capabilities: Capabilities {
                venue: VenueId::new("model"),
                trade_page: 0,
                timeframes: &[Timeframe::M1],
                finality_delay: SETTLING,
                ..CAPABILITIES
            },
            script: Box::new(|_, _| None),
            pace: Box::new(|_| Duration::from_millis(40)),
            forming_takes: Duration::from_millis(5),
            asked: Mutex::default(),
            formed: Mutex::default(),
            forming_reply: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }
    }

    /// Returns a market that trades in each of the last `slots` minutes, this one included.
    pub(crate) fn dense(slots: i64) -> Self {
        Self::new(this_minute() - slots + 1..=this_minute())
    }

    pub(crate) fn page_limit(mut self, limit: u32) -> Self {
        self.capabilities.candle_page = limit;
        self
    }

    pub(crate) fn kept_from(mut self, slot: i64) -> Self {
        self.kept_from = Some(slot);
        self
    }

    pub(crate) fn with_twins(mut self, slots: impl IntoIterator<Item = i64>) -> Self {
        self.twins.extend(slots);
        self
    }

    pub(crate) fn failing(
        mut self,
        script: impl Fn(usize, &CandlePageRequest) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        self.script = Box::new(script);
        self
    }

    pub(crate) fn paced(mut self, pace: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Self {
        self.pace = Box::new(pace);
        self
    }

    pub(crate) fn forming_takes(mut self, time: Duration) -> Self {
        self.forming_takes = time;
        self
    }

    pub(crate) fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn exists(&self, slot: i64, now: Timestamp) -> bool {
        minute(slot).plus(FIRST_TRADE) <= now && self.kept_from.is_none_or(|kept| kept <= slot)
    }

    fn seen(&self, slot: i64, now: Timestamp) -> Candle {
        candle(slot, minute(slot + 1).plus(SETTLING) <= now)
    }

    /// Returns all candles that exist now within a range, the forming one included.
    pub(crate) fn truth(&self, from: Timestamp, to: Timestamp) -> Vec<Candle> {
        let now = self.clock.now();
        let inside = |slot: &&i64| from <= minute(**slot) && minute(**slot) < to && self.exists(**slot, now);
        self.tape.iter().filter(inside).map(|slot| self.seen(*slot, now)).collect()
    }

    fn page(&self, request: &CandlePageRequest, is_empty: bool) -> CandlePage {
        let asked_at = self.clock.now();
        let before = request.before.unwrap_or(Timestamp::MAX);
        let newest_first = self.tape.range(..=before.as_secs() / 60).rev();
        let inside = |slot: &&i64| minute(**slot) < before && self.exists(**slot, asked_at);
        let mut rows = CandlePageBuilder::new(request, Grid::Utc);
        let most = if is_empty { 0 } else { request.count as usize };
        let seen = newest_first.filter(inside).flat_map(|slot| {
            let row = self.seen(*slot, asked_at);
            let twin = self.twins.contains(slot).then_some(Candle { volume: row.volume + 1.0, ..row });
            [Some(row), twin].into_iter().flatten()
        });
        seen.take(most).for_each(|row| rows.push(Ok(row)));
        market_page(rows, request, asked_at, (SETTLING, SETTLING), self.kept_from.is_none())
    }
}

#[async_trait]
impl PageSource for Model {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn candle_page(
        &self,
        request: &CandlePageRequest,
        priority: Priority,
    ) -> Result<CandlePage, SourceError> {
        assert!(request.count <= self.capabilities.candle_page, "more than a page was asked");
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((request.clone(), priority));
            asked.len() - 1
        };
        let now_at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now_at_once, Ordering::SeqCst);
        let fault = (self.script)(number, request);
        let mut page = self.page(request, fault == Some(Fault::Empty));
        tokio::time::sleep((self.pace)(number)).await;
        if fault == Some(Fault::Hang) {
            std::future::pending::<()>().await;
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        match fault {
            None | Some(Fault::Hang | Fault::Empty) => {}
            Some(Fault::Error(kind)) => return Err(SourceError::new(kind, "the model fails")),
            Some(Fault::Drop) => {
                page.candles.clear();
                page.proof = PageProof::default();
            }
            Some(Fault::Mute) => page.proof = PageProof::default(),
        }
        Ok(page)
    }

    async fn trade_page(&self, _: &TradePageRequest, _: Priority) -> Result<TradePage, SourceError> {
        Err(SourceError::new(SourceErrorKind::Unsupported, "no trades here"))
    }

    async fn forming(&self, _: &Series, _: Priority) -> Result<Option<CandlePart>, SourceError> {
        *self.formed.lock().unwrap() += 1;
        tokio::time::sleep(self.forming_takes).await;
        if let Some(Err(kind)) = self.forming_reply.lock().unwrap().pop() {
            return Err(SourceError::new(kind, "the model fails"));
        }
        let now = self.clock.now();
        let slot = Grid::Utc.floor(Timeframe::M1, now);
        let candles = self.truth(slot, Timestamp::MAX);
        let stats = FetchStats { memory_rows: 1, ..FetchStats::default() };
        Ok((!candles.is_empty()).then_some(CandlePart {
            candles: candles.into(),
            stats,
            ..CandlePart::default()
        }))
    }

    async fn markets(&self, _: Priority) -> Result<Vec<Instrument>, SourceError> {
        Ok(Vec::new())
    }
}

/// A model with a coordinator on top of it.
#[derive(Clone, Debug)]
pub(crate) struct House {
    pub(crate) model: Arc<Model>,
    pub(crate) coordinator: Coordinator,
}

impl House {
    pub(crate) fn new(model: Model) -> Self {
        Self::with(model, CoordinatorConfig::default())
    }

    pub(crate) fn with(model: Model, config: CoordinatorConfig) -> Self {
        let model = Arc::new(model);
        let pages: Arc<dyn PageSource> = Arc::<Model>::clone(&model);
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&model.clock);
        Self { coordinator: Coordinator::new(pages, clock, config), model }
    }

    pub(crate) async fn ask(&self, query: CandleQuery) -> Result<CandleSet, SourceError> {
        self.coordinator.candles(query).await
    }

    pub(crate) fn requests(&self) -> usize {
        self.model.requests()
    }

    pub(crate) fn formed(&self) -> usize {
        *self.model.formed.lock().unwrap()
    }
}

pub(crate) fn last(count: usize) -> CandleQuery {
    CandleQuery::last(series(), count).unwrap()
}

pub(crate) fn range(from: i64, to: i64) -> CandleQuery {
    CandleQuery::range(series(), minute(from), minute(to)).unwrap()
}

/// Returns whether each minute has a trade with the given chance; the same for the same seed.
pub(crate) fn thin(
    slots: std::ops::RangeInclusive<i64>,
    percent: u64,
    seed: u64,
) -> impl Iterator<Item = i64> {
    slots.filter(move |slot| dice(seed, slot.unsigned_abs()) < percent)
}

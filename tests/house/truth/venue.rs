//! A venue that follows Upbit's rule: a page is a run of *existing* candles before a moment, and proves the
//! stretch from its oldest one up to that moment, as far as it has settled. Fails on demand, takes its time,
//! and writes down what it is asked.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    CallGroup, CandlePage, CandlePageRequest, CandlePart, CandleRows, Capabilities, Clock, Corrections, Grid,
    KeepAlive, LimitGroup, ManualClock, Market, Origin, PageSource, Priority, Proof, Provenance, RejectedRow,
    Series, SettlingRules, SocketLimits, SourceError, SourceErrorKind, Span, Symbol, TimeRange, Timeframe,
    Timestamp, TradePage, TradePageRequest, VenueId,
};

use super::tape::{REACH, SETTLING, START, Tape, dice, minute, minute_of};

/// How the venue behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) page: u32,
    /// In how many of a hundred answers something is wrong.
    pub(crate) faults: u64,
    /// Candles older than this many minutes before the beginning are gone, and their absence proves nothing.
    pub(crate) kept: Option<i64>,
    /// How many milliseconds pass while a page is asked for, at most.
    pub(crate) haste: u64,
    pub(crate) seed: u64,
}

/// A page that was asked for: the newest, or those before a moment; and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) before: Option<Timestamp>,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) asked: Vec<Asked>,
    /// What was shown for certain.
    pub(crate) shown: Vec<TimeRange>,
}

pub(crate) struct Venue {
    pub(crate) tape: Mutex<Tape>,
    pub(crate) log: Mutex<Log>,
    clock: Arc<ManualClock>,
    manners: Manners,
    capabilities: Capabilities,
    /// So many answers from now on are none.
    pub(crate) down_for: AtomicU32,
    answers: AtomicU64,
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Venue").field("manners", &self.manners).finish_non_exhaustive()
    }
}

fn request_market() -> String {
    series().symbol.code().to_owned()
}

pub(crate) fn series() -> Series {
    Series::new(Symbol::new(VenueId::new("model"), "KRW-BTC").unwrap(), Timeframe::M1)
}

impl Venue {
    pub(crate) fn new(tape: Tape, manners: Manners, clock: Arc<ManualClock>) -> Self {
        Self {
            tape: Mutex::new(tape),
            log: Mutex::default(),
            clock,
            manners,
            capabilities: capabilities(manners.page),
            down_for: AtomicU32::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// The oldest minute that is still given out.
    pub(crate) fn oldest(&self) -> i64 {
        START - self.manners.kept.unwrap_or(REACH).min(REACH)
    }

    /// Whether the absence of older candles proves anything.
    pub(crate) fn keeps_all(&self) -> bool {
        self.manners.kept.is_none()
    }

    fn page(&self, request: &CandlePageRequest) -> CandlePage {
        let asked_at = self.clock.now();
        let tape = self.tape.lock().unwrap();
        let before = request.before.unwrap_or(Timestamp::MAX);
        let newest = minute_of(asked_at).min(minute_of(before));
        let visible = (self.oldest()..=newest).rev().filter(|slot| minute(*slot) < before);
        let mut rows = CandleRows::new(request, Grid::Utc);
        for candle in visible.filter_map(|slot| tape.seen(slot, asked_at)).take(request.count as usize) {
            rows.push(Ok(candle));
        }
        let fell_short = rows.count() < request.count as usize;
        let nothing_older = (fell_short && self.keeps_all()).then_some(Timestamp::MIN);
        let rules = SettlingRules { grid: Grid::Utc, visible: SETTLING, blind: SETTLING };
        let page = rows.into_page(asked_at, rules, nothing_older);
        let exhausted = fell_short && !self.keeps_all();
        CandlePage { proof: Proof { exhausted, ..page.proof }, ..page }
    }

    /// Lets others go first, and time go by.
    async fn dawdle(&self, random: impl Fn(u64) -> u64) {
        for _ in 0..random(1) % 6 {
            tokio::task::yield_now().await;
        }
        self.clock.advance(Duration::from_millis(self.manners.haste * random(2) / 100));
    }

    /// What goes wrong with the answer that is due; says whether it has been spoilt.
    fn spoil(&self, page: &mut CandlePage, random: impl Fn(u64) -> u64) -> Result<bool, SourceError> {
        if self.down_for.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        {
            return Err(SourceError::new(SourceErrorKind::Unreachable, "the venue is down"));
        }
        let spoilt = random(3) < self.manners.faults;
        if spoilt {
            match random(4) % 4 {
                0 => return Err(SourceError::new(SourceErrorKind::VenueFault, "an error of its own")),
                1 => return Err(SourceError::new(SourceErrorKind::Malformed, "the page was cut")),
                2 => {
                    let lost = usize::try_from(random(5)).unwrap_or(0);
                    if !page.candles.is_empty() {
                        let row = page.candles.remove(lost % page.candles.len());
                        let slot = TimeRange::new(row.open_time, row.open_time.plus(Duration::from_secs(60)));
                        page.proof.doubtful.extend(slot);
                        page.rejected.push(RejectedRow {
                            market: request_market(),
                            slot: Some(row.open_time),
                            reason: "it was spoilt".to_owned(),
                        });
                    }
                }
                _ => page.proof = Proof::default(),
            }
        }
        Ok(spoilt)
    }

    fn random(&self) -> impl Fn(u64) -> u64 + use<> {
        let (seed, number) = (self.manners.seed, self.answers.fetch_add(1, Ordering::SeqCst));
        move |salt| dice(seed ^ salt, number)
    }
}

#[async_trait]
impl PageSource for Venue {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn candle_page(&self, request: &CandlePageRequest, _: Priority) -> Result<CandlePage, SourceError> {
        assert!(request.count <= self.capabilities.candle_page, "more than a page was asked");
        let random = self.random();
        let asked = Asked { before: request.before, at: self.clock.now() };
        self.log.lock().unwrap().asked.push(asked);
        let mut page = self.page(request);
        self.dawdle(&random).await;
        self.spoil(&mut page, &random)?;
        self.log.lock().unwrap().shown.extend(page.proof.covered);
        Ok(page)
    }

    async fn trade_page(&self, _: &TradePageRequest, _: Priority) -> Result<TradePage, SourceError> {
        Err(SourceError::new(SourceErrorKind::Unsupported, "no trades here"))
    }

    /// From a page, or from memory and without any proof.
    async fn forming(&self, series: &Series, _: Priority) -> Result<Option<CandlePart>, SourceError> {
        let random = self.random();
        let count = self.capabilities.candle_page;
        let mut page = self.page(&CandlePageRequest { series: series.clone(), before: None, count });
        self.dawdle(&random).await;
        if self.spoil(&mut page, &random)? {
            return Err(SourceError::new(SourceErrorKind::Malformed, "the page was cut"));
        }
        if random(6) < 50 {
            page.proof = Proof::default();
            page.candles.retain(|candle| candle.open_time >= minute(minute_of(page.asked_at)));
        }
        self.log.lock().unwrap().shown.extend(page.proof.covered);
        let provenance = Provenance { origin: Origin::Rest, observed_at: page.asked_at };
        let coverage = page.proof.covered.map(|range| Span { range, provenance }).into_iter().collect();
        let part = CandlePart { candles: page.candles, coverage, ..CandlePart::default() };
        Ok((!part.candles.is_empty()).then_some(part))
    }

    async fn markets(&self, _: Priority) -> Result<Vec<Market>, SourceError> {
        Ok(Vec::new())
    }
}

fn capabilities(page: u32) -> Capabilities {
    let second = Duration::from_secs(1);
    let group = LimitGroup { group: CallGroup("none"), max: 1, window: second };
    Capabilities {
        venue: VenueId::new("model"),
        grid: Grid::Utc,
        candle_page: page,
        shorter_pages: &[],
        trade_page: 0,
        book_depth: 0,
        trade_days: 0,
        timeframes: &[Timeframe::M1],
        silent_kinds: &[],
        live_timeframes: &[],
        settling: SETTLING,
        corrections: Corrections::NONE,
        limits: &[],
        socket: SocketLimits {
            connects: group,
            messages: &[],
            keep_alive: KeepAlive::Ping,
            keep_alive_every: second,
            silence: second,
            max_connections: None,
            channels_per_connection: None,
        },
    }
}

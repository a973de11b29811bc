//! A venue that follows Upbit's rule: a page is a run of *existing* candles before a moment, and proves what lies
//! between two of them, as far as it has settled. Fails on demand, takes its time, says what is not so, and writes
//! down what it is asked.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use market_backbone_core::{
    BadRow, Candle, CandlePage, CandlePageBuilder, CandlePageRequest, CandlePart, Capabilities, Clock, Grid,
    Instrument, Origin, PageProof, PageSource, Priority, Series, SourceError, SourceErrorKind, Symbol,
    TimeRange, Timeframe, Timestamp, TradePage, TradePageRequest, VenueId,
};
use market_backbone_testkit::{CAPABILITIES, market_page};

use super::clocks::Clocks;
use super::lies::{FalseAnswers, Falsehoods, View, spoil_a_row};
use super::tape::{REACH, SETTLING, START, Tape, VISIBLE, dice, minute, minute_of};

/// How the venue behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    pub(crate) page: u32,
    /// How many pages may be under way.
    pub(crate) in_flight: usize,
    /// In how many of a hundred answers something is wrong.
    pub(crate) faults: u64,
    /// Candles older than this many minutes before the beginning are gone, and their absence proves nothing.
    pub(crate) kept: Option<i64>,
    /// What it says that is not so.
    pub(crate) falsehoods: Falsehoods,
    /// After how many milliseconds it shows a trade.
    pub(crate) lag: u64,
    /// By how many milliseconds its clock is measured wrongly at first.
    pub(crate) skew: i64,
    /// By how many milliseconds the machine's clock is ahead at first, where the program measures the venue's by itself.
    pub(crate) machine: Option<i64>,
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
    pub(crate) false_answers: Mutex<FalseAnswers>,
    /// Slots of rows that were left out.
    pub(crate) doubted: Mutex<Vec<TimeRange>>,
    /// Whether it makes no mistakes any more.
    pub(crate) reformed: AtomicBool,
    clock: Arc<Clocks>,
    behaviour: Behaviour,
    capabilities: Capabilities,
    /// So many answers from now on are none.
    pub(crate) down_for: AtomicU32,
    pub(crate) answers: AtomicU64,
}

impl fmt::Debug for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Venue").field("manners", &self.behaviour).finish_non_exhaustive()
    }
}

pub(crate) fn series() -> Series {
    Series::new(Symbol::new(VenueId::new("model"), "KRW-BTC").unwrap(), Timeframe::M1)
}

type Rows = Vec<Result<Candle, BadRow>>;

/// Rows that were kept back, or left out of a page because they were spoilt.
pub(crate) struct Hidden<'a> {
    false_answers: MutexGuard<'a, FalseAnswers>,
    doubted: MutexGuard<'a, Vec<TimeRange>>,
}

impl Hidden<'_> {
    pub(crate) fn has(&self, slot: i64) -> bool {
        self.false_answers.has_hidden(slot) || self.doubted.iter().any(|range| range.contains(minute(slot)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.false_answers.lies == 0 && self.doubted.is_empty()
    }
}

impl Venue {
    pub(crate) fn new(tape: Tape, behaviour: Behaviour, clock: Arc<Clocks>) -> Self {
        Self {
            tape: Mutex::new(tape),
            log: Mutex::default(),
            false_answers: Mutex::new(FalseAnswers::new(behaviour.seed)),
            doubted: Mutex::default(),
            reformed: AtomicBool::new(false),
            clock,
            behaviour,
            capabilities: capabilities(behaviour.page),
            down_for: AtomicU32::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// The oldest minute that is still given out.
    pub(crate) fn oldest(&self) -> i64 {
        START - self.behaviour.kept.unwrap_or(REACH).min(REACH)
    }

    /// Whether the absence of older candles proves anything.
    pub(crate) fn keeps_all(&self) -> bool {
        self.behaviour.kept.is_none()
    }

    /// The rows of an answer, and whether it is what an honest one would be.
    fn rows(&self, request: &CandlePageRequest, now: Timestamp, random: impl Fn(u64) -> u64) -> (Rows, bool) {
        let falsehoods = self.falsehoods();
        let tape = self.tape.lock().unwrap();
        let before = request.before.unwrap_or(Timestamp::MAX);
        let within = (self.oldest(), before);
        let view = self.false_answers.lock().unwrap().view(&tape, within, now, falsehoods, &random);
        let newest = minute_of(now).min(minute_of(before));
        let slots = (self.oldest()..=newest).rev().filter(|slot| minute(*slot) < before);
        let count = request.count as usize;
        let shown: Vec<_> = slots.filter_map(|slot| view.of(&tape, slot)).take(count).collect();
        let rows = if random(25) < falsehoods.bad {
            spoil_a_row(shown, count, &random)
        } else {
            shown.into_iter().map(Ok).collect()
        };
        (rows, view == View::honest(now))
    }

    /// What an adapter makes of the rows.
    fn page(
        &self,
        request: &CandlePageRequest,
        false_answers: Rows,
        asked_at: Timestamp,
    ) -> Result<CandlePage, SourceError> {
        let mut rows = CandlePageBuilder::new(request, Grid::Utc);
        false_answers.into_iter().for_each(|row| rows.push(row));
        if rows.is_unreadable() {
            return Err(SourceError::new(SourceErrorKind::Malformed, "no row of the page can be true"));
        }
        let page = market_page(rows, request, asked_at, (VISIBLE, SETTLING), self.keeps_all());
        self.doubted.lock().unwrap().extend(&page.proof.uncertain);
        Ok(page)
    }

    /// Whether more than one page may be under way.
    pub(crate) fn asks_side_by_side(&self) -> bool {
        self.behaviour.in_flight > 1
    }

    /// Whether a program has to find out by itself what time it is, and leaves out of what has closed what may change.
    pub(crate) fn closes_what_has_settled(&self) -> bool {
        self.behaviour.machine.is_some()
    }

    /// What was kept back so far.
    pub(crate) fn hidden(&self) -> Hidden<'_> {
        Hidden { false_answers: self.false_answers.lock().unwrap(), doubted: self.doubted.lock().unwrap() }
    }

    fn falsehoods(&self) -> Falsehoods {
        if self.reformed.load(Ordering::SeqCst) { Falsehoods::default() } else { self.behaviour.falsehoods }
    }

    /// Lets others go first, and time go by.
    async fn dawdle(&self, random: impl Fn(u64) -> u64) {
        for _ in 0..random(1) % 6 {
            tokio::task::yield_now().await;
        }
        self.clock.advance(Duration::from_millis(self.behaviour.haste * random(2) / 100));
    }

    /// Answers with what there is when the question arrives; how long that takes is for the asking machine to see.
    async fn answer(
        &self,
        request: &CandlePageRequest,
        random: impl Fn(u64) -> u64,
    ) -> Result<(CandlePage, bool), SourceError> {
        let (now, sent) = (self.clock.venue.now(), self.clock.sending());
        let is_down = |left: u32| left.checked_sub(1);
        let is_down = self.down_for.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_down).is_ok();
        let (rows, is_honest) = self.rows(request, now, &random);
        self.dawdle(&random).await;
        if is_down {
            return Err(SourceError::new(SourceErrorKind::Unreachable, "the venue is down"));
        }
        Ok((self.page(request, rows, self.clock.answered(now, sent))?, is_honest))
    }

    /// What goes wrong with the answer that is due; says whether it has been spoilt.
    fn spoil(&self, page: &mut CandlePage, random: impl Fn(u64) -> u64) -> Result<bool, SourceError> {
        let spoilt = random(3) < self.behaviour.faults && !self.reformed.load(Ordering::SeqCst);
        if spoilt {
            match random(4) % 3 {
                0 => return Err(SourceError::new(SourceErrorKind::VenueFault, "an error of its own")),
                1 => return Err(SourceError::new(SourceErrorKind::Malformed, "the page was cut")),
                _ => page.proof = PageProof::default(),
            }
        }
        Ok(spoilt)
    }

    /// Writes down what was shown for certain.
    fn note(&self, page: &CandlePage) {
        let proof = self.capabilities.coverage_of(Timeframe::M1, page);
        let certain = proof.spans().iter().filter(|span| span.provenance.origin == Origin::Rest);
        self.log.lock().unwrap().shown.extend(certain.map(|span| span.range));
    }

    fn random(&self) -> impl Fn(u64) -> u64 + use<> {
        let (seed, number) = (self.behaviour.seed, self.answers.fetch_add(1, Ordering::SeqCst));
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
        let asked = Asked { before: request.before, at: self.clock.venue.now() };
        self.log.lock().unwrap().asked.push(asked);
        let (mut page, is_honest) = self.answer(request, &random).await?;
        // Nothing tells a row that was cut short where an answer proves nothing at all.
        if is_honest {
            self.spoil(&mut page, &random)?;
            self.note(&page);
        }
        Ok(page)
    }

    async fn trade_page(&self, _: &TradePageRequest, _: Priority) -> Result<TradePage, SourceError> {
        Err(SourceError::new(SourceErrorKind::Unsupported, "no trades here"))
    }

    /// From a page, or from memory and without any proof.
    async fn forming(&self, series: &Series, _: Priority) -> Result<Option<CandlePart>, SourceError> {
        let random = self.random();
        let count = self.capabilities.candle_page;
        let request = CandlePageRequest { series: series.clone(), before: None, count };
        let (mut page, is_honest) = self.answer(&request, &random).await?;
        if is_honest && self.spoil(&mut page, &random)? {
            return Err(SourceError::new(SourceErrorKind::Malformed, "the page was cut"));
        }
        if random(6) < 50 {
            page.proof = PageProof::default();
            page.candles.retain(|candle| candle.open_time >= minute(minute_of(page.asked_at)));
        }
        if is_honest {
            self.note(&page);
        }
        let coverage = self.capabilities.coverage_of(series.timeframe, &page);
        let part = CandlePart { candles: page.candles.into(), coverage, ..CandlePart::default() };
        Ok((!part.candles.is_empty()).then_some(part))
    }

    async fn markets(&self, _: Priority) -> Result<Vec<Instrument>, SourceError> {
        Ok(Vec::new())
    }
}

fn capabilities(page: u32) -> Capabilities {
    Capabilities {
        venue: VenueId::new("model"),
        candle_page: page,
        trade_page: 0,
        timeframes: &[Timeframe::M1],
        finality_delay: SETTLING,
        ..CAPABILITIES
    }
}

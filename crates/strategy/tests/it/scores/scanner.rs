//! Universe, watchlist, ignition and Hot Zone: who joins, who stays, who leaves, and what is published.

use market_backbone_core::{Candle, FeedEvent, Side, Symbol, Timestamp, Trade, TradeId};
use market_backbone_strategy::scanner::{
    FactBounds, HotSignal, MarketFacts, MarketScanner, MarketSource, MembershipReason, ScannerProfile,
    ScannerTier, UniverseFilter,
};
use market_backbone_strategy::seismograph::{Seismograph, SeismographProfile, SessionPlan};
use market_backbone_testkit::UPBIT;

use super::days::{DAY, quiet_days, textbook_accumulation};

/// Midnight after the daily candles.
const TODAY: i64 = 61 * DAY;

pub(super) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(TODAY + secs)
}

pub(super) fn symbol(code: &str) -> Symbol {
    Symbol::new(UPBIT, code).unwrap()
}

/// A scanner with its seismograph.
pub(super) struct Rig {
    pub(super) scanner: MarketScanner,
    pub(super) seismograph: Seismograph,
}

impl Rig {
    pub(super) fn new(profile: ScannerProfile) -> Self {
        let seismograph = Seismograph::new(SeismographProfile::default(), SessionPlan::RoundTheClock);
        Self { scanner: MarketScanner::new(profile), seismograph }
    }

    pub(super) fn plain() -> Self {
        Self::new(ScannerProfile::design(UniverseFilter::everything()))
    }

    /// Adds a market with these daily candles.
    pub(super) fn add(&mut self, code: &str, days: &[Candle]) {
        self.scanner.consider(MarketFacts::unknown(symbol(code)), MarketSource::Daily, at(0)).unwrap();
        self.seismograph.load_days(&symbol(code), days, None);
        self.seismograph.watch(&symbol(code), at(0));
    }

    pub(super) fn trade(&mut self, code: &str, secs: i64, price: f64, size: f64, side: Side) {
        let time = at(secs);
        let (symbol, id, side) = (symbol(code), TradeId::Number(secs), Some(side));
        let event = FeedEvent::Trade(Trade { symbol, id, price, size, side, time, received: time });
        if let Some(reading) = self.seismograph.on_event(&event) {
            self.scanner.on_reading(reading);
        }
    }

    /// What the scanner changed up to second `secs`, as `+hot_zone A stage`.
    pub(super) fn changes(&mut self, secs: i64) -> Vec<String> {
        self.scanner.advance(at(secs), &mut self.seismograph);
        let changes = self.scanner.changes().into_iter().map(|change| {
            let sign = if change.is_added { '+' } else { '-' };
            format!("{sign}{} {} {}", change.tier, change.symbol, change.reason.as_str())
        });
        changes.collect()
    }
}

#[test]
fn the_filter_admits_what_lies_in_every_bound() {
    let filter = UniverseFilter::small_caps();
    let good = MarketFacts {
        symbol: symbol("ABCD"),
        price: Some(5.0),
        market_cap: Some(100e6),
        float_shares: Some(10e6),
        average_volume: Some(200e3),
        change_percent: Some(2.0),
    };
    assert_eq!(filter.admit(&good), Ok(()));
    let why = |facts: MarketFacts| filter.admit(&facts).unwrap_err().to_string();
    assert_eq!(why(MarketFacts { price: Some(15.0), ..good.clone() }), "its price is 15");
    assert_eq!(
        why(MarketFacts { market_cap: Some(20e6), ..good.clone() }),
        "its market capitalisation is 20000000"
    );
    assert_eq!(why(MarketFacts { float_shares: None, ..good.clone() }), "its free float is not known");
    assert_eq!(
        why(MarketFacts { average_volume: Some(f64::NAN), ..good.clone() }),
        "its mean volume is not known"
    );
    assert_eq!(
        why(MarketFacts { change_percent: Some(-1.0), ..good.clone() }),
        "its change in percent is -1"
    );
    // The other readings of the same documents.
    let wide = MarketFacts { price: Some(15.0), ..good.clone() };
    assert_eq!(UniverseFilter::small_caps_to_twenty().admit(&wide), Ok(()));
    let older =
        MarketFacts { market_cap: Some(2e6), float_shares: Some(40e6), change_percent: Some(-4.0), ..good };
    assert_eq!(UniverseFilter::older_guide().admit(&older), Ok(()));
    let any = UniverseFilter { price: FactBounds::at_least(1.0), ..UniverseFilter::everything() };
    assert_eq!(any.admit(&older), Ok(()));
}

#[test]
fn an_accumulated_market_joins_every_tier() {
    let mut rig = Rig::plain();
    rig.add("A", &textbook_accumulation());
    rig.add("B", &quiet_days(61));
    assert_eq!(rig.changes(1), ["+hot_zone A stage", "+watchlist A score", "+ignition A tradeable"]);
    assert!(ScannerTier::ALL.iter().all(|tier| rig.scanner.is_member(&symbol("A"), *tier)));
    assert!(!rig.scanner.is_member(&symbol("B"), ScannerTier::Watchlist));
    // Nothing changes without a reason.
    assert_eq!(rig.changes(500), Vec::<String>::new());
}

#[test]
fn a_membership_lasts_for_a_while() {
    let mut rig = Rig::plain();
    rig.add("A", &textbook_accumulation());
    rig.changes(1);
    rig.seismograph.load_days(&symbol("A"), &quiet_days(61), None);
    assert_eq!(rig.changes(30), ["-ignition A cooled"], "it may not be traded any more");
    assert_eq!(rig.changes(61), ["-watchlist A cooled"]);
    // The Hot Zone waits for five minutes of calm, counted from the first second of it.
    assert_eq!(rig.changes(329), Vec::<String>::new());
    assert_eq!(rig.changes(330), ["-hot_zone A cooled"]);
}

#[test]
fn calm_that_is_interrupted_does_not_demote() {
    let mut rig = Rig::plain();
    rig.add("A", &textbook_accumulation());
    rig.changes(1);
    rig.seismograph.load_days(&symbol("A"), &quiet_days(61), None);
    rig.changes(30);
    rig.seismograph.load_days(&symbol("A"), &textbook_accumulation(), None);
    assert!(!rig.changes(200).contains(&"-hot_zone A cooled".to_owned()));
    rig.seismograph.load_days(&symbol("A"), &quiet_days(61), None);
    rig.changes(201);
    assert!(!rig.changes(500).contains(&"-hot_zone A cooled".to_owned()));
    assert!(rig.changes(501).contains(&"-hot_zone A cooled".to_owned()));
}

#[test]
fn a_divergence_promotes_at_once() {
    let mut rig = Rig::plain();
    let mut days = quiet_days(61);
    for (number, day) in days.iter_mut().enumerate() {
        day.volume = if number % 2 == 0 { 95.0 } else { 105.0 };
        (day.close, day.high) = (if number % 2 == 0 { 100.0 } else { 102.0 }, 103.0);
    }
    rig.add("A", &days);
    assert_eq!(rig.changes(1), Vec::<String>::new());
    for second in 2..60 {
        rig.trade("A", second, 100.0, 1.0, Side::Buy);
    }
    // Not a second was over: the readings of the trades were enough.
    let changes = rig.scanner.changes();
    assert_eq!(changes[0].reason, MembershipReason::Divergence);
    let published = rig.scanner.advance(at(60), &mut rig.seismograph).unwrap();
    assert_eq!(published.hot_zone[0].signal, Some(HotSignal::Fire));
    assert!(published.hot_zone[0].rank >= 20.0);
}

#[test]
fn the_weakest_makes_room_for_a_better_one() {
    let mut rules = ScannerProfile::design(UniverseFilter::everything()).rules().clone();
    (rules.hot_zone.size, rules.hot_zone.shown) = (2, 2);
    let mut rig = Rig::new(ScannerProfile::new("two", rules).unwrap());
    for code in ["A", "B"] {
        rig.add(code, &textbook_accumulation());
    }
    rig.changes(1);
    let mut days = quiet_days(61);
    for (number, day) in days.iter_mut().enumerate() {
        day.volume = if number % 2 == 0 { 95.0 } else { 105.0 };
        (day.close, day.high) = (if number % 2 == 0 { 100.0 } else { 102.0 }, 103.0);
    }
    rig.add("C", &days);
    // Within a minute nobody has to leave, however good the other one is.
    for second in 2..60 {
        rig.trade("C", second, 100.0, 1.0, Side::Buy);
    }
    assert!(!rig.scanner.is_member(&symbol("C"), ScannerTier::HotZone));
    rig.changes(61);
    // Of two equal ones the later name leaves.
    assert!(rig.scanner.is_member(&symbol("C"), ScannerTier::HotZone));
    assert!(rig.scanner.is_member(&symbol("A"), ScannerTier::HotZone));
    assert!(!rig.scanner.is_member(&symbol("B"), ScannerTier::HotZone));
}

#[test]
fn lists_are_published_once_in_a_second_of_event_time() {
    let mut rig = Rig::plain();
    rig.add("A", &textbook_accumulation());
    let mut count = |millis: i64| {
        let now = Timestamp::from_millis(TODAY * 1_000 + millis);
        usize::from(rig.scanner.advance(now, &mut rig.seismograph).is_some())
    };
    assert_eq!((0..50).map(|number| count(number * 100)).sum::<usize>(), 5);
    // An hour later there is one list, not 3,600; time that goes back publishes nothing.
    assert_eq!([count(3_600_000), count(3_600_500), count(5_000), count(3_601_000)], [1, 0, 0, 1]);
}

#[test]
fn lists_are_ranked_and_repeat() {
    let run = || {
        let mut rig = Rig::plain();
        for code in ["D", "B", "A", "C"] {
            rig.add(code, &textbook_accumulation());
        }
        rig.scanner.advance(at(1), &mut rig.seismograph).unwrap()
    };
    let published = run();
    let names: Vec<_> = published.watchlist.iter().map(|item| item.symbol.to_string()).collect();
    assert_eq!(names, ["A", "B", "C", "D"]);
    assert_eq!((published.ignition.len(), published.hot_zone.len(), published.time), (4, 4, at(1)));
    assert_eq!(published, run());
}

#[test]
fn the_blend_ranks_by_score_and_change() {
    let profile = ScannerProfile::blended(UniverseFilter::everything());
    let mut rig = Rig::new(profile);
    for code in ["A", "B"] {
        rig.add(code, &textbook_accumulation());
    }
    let last = textbook_accumulation()[60].close;
    rig.trade("A", 1, last * 1.01, 1.0, Side::Buy);
    rig.trade("B", 1, last * 1.04, 1.0, Side::Buy);
    let published = rig.scanner.advance(at(2), &mut rig.seismograph).unwrap();
    let names: Vec<_> = published.watchlist.iter().map(|item| item.symbol.to_string()).collect();
    assert_eq!(names, ["B", "A"]);
}

#[test]
fn impossible_rules_are_refused() {
    let mut rules = ScannerProfile::design(UniverseFilter::everything()).rules().clone();
    rules.watchlist.leave_below = 70.0;
    let error = ScannerProfile::new("odd", rules).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profile `odd`: watchlist.leave_below is 70; it must be between -100 and 60"
    );
}

//! The defects on record of the scanner, each with a test that fails without its cure.

use market_backbone_core::{Side, StreamKind};
use market_backbone_strategy::scanner::{
    Exclusion, MarketFacts, MarketSource, ScannerProfile, ScannerTier, UniverseFilter,
};
use market_backbone_strategy::seismograph::Stage;

use super::days::textbook_accumulation;
use super::days::{near, quiet_days};
use super::scanner::{Rig, at, symbol};

/// Defect: a promotion replaced the whole set, and the others were unsubscribed.
#[test]
fn a_promotion_adds_one() {
    let mut rig = Rig::plain();
    for code in ["A", "B", "C"] {
        rig.add(code, &quiet_days(61));
        assert!(rig.scanner.promote(&symbol(code), at(1)));
    }
    assert_eq!(rig.changes(2), ["+hot_zone A asked", "+hot_zone B asked", "+hot_zone C asked"]);
    assert!(rig.scanner.demote(&symbol("B"), at(3)));
    assert!(!rig.scanner.demote(&symbol("B"), at(3)));
    assert_eq!(rig.changes(3), ["-hot_zone B asked"]);
    assert!(rig.scanner.is_member(&symbol("A"), ScannerTier::HotZone));
    assert!(!rig.scanner.promote(&symbol("NOBODY"), at(3)));
    // What began and ended before anybody asked is no change, so that changes nobody takes do not pile up.
    for second in 10..1_000 {
        assert!(
            rig.scanner.promote(&symbol("B"), at(second)) && rig.scanner.demote(&symbol("B"), at(second))
        );
    }
    assert_eq!(rig.scanner.changes(), []);
}

/// Defect: an empty list of names meant all of them.
#[test]
fn an_empty_list_admits_nothing() {
    let facts = MarketFacts::unknown(symbol("A"));
    let with =
        |listed: Option<Vec<String>>| UniverseFilter { listed, ..UniverseFilter::everything() }.admit(&facts);
    assert_eq!(with(None), Ok(()));
    assert_eq!(with(Some(Vec::new())), Err(Exclusion::NotListed));
    assert_eq!(with(Some(vec!["A".to_owned()])), Ok(()));
}

/// Defects: `BRK.B` was cut at its point; a filter of suffixes (W, R, U) killed `SNOW`, `UBER` and `BIDU`.
#[test]
fn names_are_taken_whole() {
    for code in ["BRK.B", "SNOW", "UBER", "BIDU", "KRW-BTC"] {
        let facts = MarketFacts::unknown(symbol(code));
        assert_eq!(UniverseFilter::everything().admit(&facts), Ok(()));
        let refused = UniverseFilter {
            refused: vec!["BRK".to_owned(), "W".to_owned()],
            ..UniverseFilter::everything()
        };
        assert_eq!(refused.admit(&facts), Ok(()));
        let listed = UniverseFilter { listed: Some(vec![code.to_owned()]), ..UniverseFilter::everything() };
        assert_eq!(listed.admit(&facts), Ok(()));
    }
}

/// Defect: a filter let through what it knew nothing of.
#[test]
fn an_unknown_fact_excludes() {
    let facts = MarketFacts::unknown(symbol("A"));
    assert_eq!(UniverseFilter::small_caps().admit(&facts), Err(Exclusion::Unknown { fact: "price" }));
}

/// Defects: new gainers were never scored for ignition, and their items lacked the last close and the usual volume.
#[test]
fn a_gainer_is_watched_for_ignition_at_once() {
    let mut rig = Rig::plain();
    let facts = MarketFacts {
        price: Some(4.0),
        average_volume: Some(7.0),
        change_percent: Some(3.0),
        ..MarketFacts::unknown(symbol("NEW"))
    };
    rig.scanner.consider(facts, MarketSource::RealtimeGainer, at(0)).unwrap();
    assert_eq!(rig.changes(1), ["+watchlist NEW gainer", "+ignition NEW gainer"]);
    let item = rig.scanner.advance(at(2), &mut rig.seismograph).unwrap().watchlist.remove(0);
    assert_eq!((item.price, item.average_volume, item.stage), (Some(4.0), Some(7.0), Stage::AccumulationBar));
    rig.seismograph.load_days(&symbol("NEW"), &quiet_days(61), None);
    rig.trade("NEW", 2, 101.0, 3.0, Side::Buy);
    let published = rig.scanner.advance(at(3), &mut rig.seismograph).unwrap();
    let item = &published.watchlist[0];
    assert_eq!(
        (item.last_close, item.average_volume, item.last_trade),
        (Some(100.0), Some(100.0), Some(at(2)))
    );
    assert_eq!(item.discovered_at, at(0));
    assert_eq!(published.ignition.len(), 1);
}

/// Defects: a price grew stale once a market had left the list of gainers, and the amount traded was dropped on the way.
#[test]
fn an_item_has_the_price_of_the_last_trade() {
    let mut rig = Rig::plain();
    rig.scanner
        .consider(
            MarketFacts { price: Some(4.0), ..MarketFacts::unknown(symbol("NEW")) },
            MarketSource::RealtimeGainer,
            at(0),
        )
        .unwrap();
    rig.seismograph.watch(&symbol("NEW"), at(0));
    rig.trade("NEW", 5, 5.0, 10.0, Side::Buy);
    rig.trade("NEW", 6, 7.0, 10.0, Side::Buy);
    let published = rig.scanner.advance(at(7), &mut rig.seismograph).unwrap();
    let item = &published.watchlist[0];
    assert_eq!((item.price, item.volume), (Some(7.0), Some(20.0)));
    near(item.dollar_volume.unwrap(), 120.0);
}

/// Defect: what was kept over the limit was random.
#[test]
fn the_limit_keeps_the_best_and_keeps_them() {
    let mut rules = ScannerProfile::design(UniverseFilter::everything()).rules().clone();
    (rules.watchlist.size, rules.watchlist.ignition_size) = (2, 1);
    let mut rig = Rig::new(ScannerProfile::new("two", rules).unwrap());
    for code in ["C", "A", "B"] {
        rig.add(code, &textbook_accumulation());
    }
    let changes = rig.changes(1);
    let watched: Vec<_> =
        changes.iter().filter(|change| !change.contains("hot_zone")).map(String::as_str).collect();
    assert_eq!(watched, ["+watchlist A score", "+watchlist B score", "+ignition A tradeable"]);
    // An equal one does not take a place, not even when the time of the members is over.
    assert_eq!(rig.changes(1_000), Vec::<String>::new());
}

/// Defect: the watchlist was never handed to the subscriptions. Every membership is one, and the closer the tier the more.
#[test]
fn every_tier_names_what_it_streams() {
    assert_eq!(ScannerTier::HotZone.streams(), [StreamKind::Trade, StreamKind::Book]);
    assert_eq!(ScannerTier::Ignition.streams(), [StreamKind::Trade]);
    assert_eq!(ScannerTier::Watchlist.streams(), [StreamKind::Ticker]);
    assert!(ScannerTier::HotZone < ScannerTier::Ignition && ScannerTier::Ignition < ScannerTier::Watchlist);
}

/// Defect: a market that moved out of the filter was thrown out in the middle of its move.
#[test]
fn a_member_is_not_thrown_out_for_having_moved() {
    let mut rig = Rig::new(ScannerProfile::design(UniverseFilter {
        change_percent: UniverseFilter::small_caps().change_percent,
        ..UniverseFilter::everything()
    }));
    let facts = |change| MarketFacts { change_percent: Some(change), ..MarketFacts::unknown(symbol("A")) };
    rig.scanner.consider(facts(4.0), MarketSource::Daily, at(0)).unwrap();
    rig.seismograph.load_days(&symbol("A"), &textbook_accumulation(), None);
    rig.changes(1);
    assert!(rig.scanner.consider(facts(9.0), MarketSource::Daily, at(100)).is_err());
    assert_eq!(rig.changes(200), Vec::<String>::new());
    assert!(rig.scanner.is_member(&symbol("A"), ScannerTier::Watchlist));
    // A stranger that has moved so far does not come in.
    let stranger = MarketFacts { change_percent: Some(9.0), ..MarketFacts::unknown(symbol("B")) };
    assert!(rig.scanner.consider(stranger, MarketSource::Daily, at(200)).is_err());
    rig.seismograph.load_days(&symbol("B"), &textbook_accumulation(), None);
    assert_eq!(rig.changes(300), Vec::<String>::new());
}

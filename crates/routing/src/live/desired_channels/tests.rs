//! Tests of the desired channels: counted, ranked, and never over the limits.

use std::time::Duration;

use market_backbone_core::VenueId;

use super::*;

const CAPS: SubscriptionLimits = SubscriptionLimits {
    total: 2,
    trade: 9,
    ticker: 9,
    book: 9,
    band: 9,
    candle: 9,
    hysteresis: 0.1,
    min_stay: Duration::from_secs(10),
};

fn symbol(code: &str) -> Symbol {
    Symbol::new(VenueId::new("upbit"), code).unwrap()
}

fn channels(codes: &[&str]) -> Vec<Channel> {
    codes.iter().map(|code| Channel { symbol: symbol(code), kind: StreamKind::Ticker }).collect()
}

/// A desired set, and the cache that keeps its values.
#[derive(Default)]
struct DesiredWithCache(DesiredChannels, RealtimeCache);

impl DesiredWithCache {
    fn add(&self, codes: &[&str], interest: Interest) {
        self.0.add(&channels(codes), interest, Priority::Normal, &self.1);
    }

    fn release(&self, codes: &[&str], interest: Interest) {
        self.0.release(&channels(codes), interest, Priority::Normal);
    }

    fn watch(&self, scores: &[(&str, f64)]) {
        let scores: Vec<_> = scores.iter().map(|(code, score)| (symbol(code), *score)).collect();
        self.0.set_watchlist(&scores, StreamKind::Ticker, &self.1);
    }
}

#[tokio::test]
async fn a_channel_is_wanted_until_its_last_subscription_is_gone() {
    let set = DesiredWithCache::default();
    set.add(&["KRW-ETH", "KRW-BTC"], Interest::Reader);
    set.add(&["KRW-BTC"], Interest::ActiveOrder);
    set.release(&["KRW-BTC"], Interest::Reader);
    assert_eq!(*set.0.snapshot().channels, channels(&["KRW-BTC", "KRW-ETH"]));
    set.release(&["KRW-BTC"], Interest::ActiveOrder);
    assert_eq!(*set.0.snapshot().channels, channels(&["KRW-ETH"]));
}

#[tokio::test]
async fn only_what_may_change_who_is_followed_is_reported() {
    let set = DesiredWithCache::default();
    let mut changes = set.0.changes();
    set.add(&["KRW-BTC"], Interest::Reader);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    set.add(&["KRW-BTC"], Interest::Reader);
    set.release(&["KRW-BTC"], Interest::Reader);
    assert!(!changes.has_changed().unwrap());
    set.add(&["KRW-BTC"], Interest::ActiveOrder);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    set.release(&["KRW-BTC"], Interest::Reader);
    assert!(!changes.has_changed().unwrap());
    set.release(&["KRW-BTC"], Interest::ActiveOrder);
    assert!(changes.has_changed().unwrap());
}

#[tokio::test]
async fn what_is_over_the_cap_waits_and_comes_in_when_there_is_room() {
    let set = DesiredWithCache::default();
    let now = Instant::now();
    set.add(&["KRW-A", "KRW-B", "KRW-C"], Interest::Reader);
    let first = set.0.select_channels(&CAPS, now);
    assert_eq!(*first.wanted.channels, channels(&["KRW-A", "KRW-B"]));
    assert_eq!(first.displaced, channels(&["KRW-C"]));
    assert!(set.0.is_waiting(&channels(&["KRW-C"])[0]));
    set.release(&["KRW-A"], Interest::Reader);
    let second = set.0.select_channels(&CAPS, now);
    assert_eq!(second.admitted, channels(&["KRW-C"]));
    assert_eq!(set.0.waiting(), []);
}

#[tokio::test]
async fn an_order_takes_the_place_of_a_watched_market_at_once() {
    let set = DesiredWithCache::default();
    let now = Instant::now();
    set.watch(&[("KRW-A", 9.0), ("KRW-B", 8.0)]);
    set.0.select_channels(&CAPS, now);
    set.add(&["KRW-C"], Interest::ActiveOrder);
    let decision = set.0.select_channels(&CAPS, now);
    assert_eq!(*decision.wanted.channels, channels(&["KRW-A", "KRW-C"]));
    assert_eq!(decision.displaced, channels(&["KRW-B"]));
}

#[tokio::test]
async fn a_new_watchlist_takes_the_place_of_the_old_one() {
    let set = DesiredWithCache::default();
    set.watch(&[("KRW-A", 9.0), ("KRW-B", 8.0)]);
    set.add(&["KRW-A"], Interest::Chart);
    set.watch(&[("KRW-C", 1.0)]);
    assert_eq!(*set.0.snapshot().channels, channels(&["KRW-A", "KRW-C"]));
}

#[tokio::test]
async fn the_most_urgent_subscription_counts() {
    let DesiredWithCache(desired, cache) = DesiredWithCache::default();
    let btc = channels(&["KRW-BTC"]);
    desired.add(&btc, Interest::Reader, Priority::Low, &cache);
    desired.add(&btc, Interest::Reader, Priority::Critical, &cache);
    assert_eq!(desired.priority(&btc), Priority::Critical);
    desired.release(&btc, Interest::Reader, Priority::Critical);
    assert_eq!(desired.priority(&btc), Priority::Low);
}

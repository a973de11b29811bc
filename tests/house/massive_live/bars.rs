//! Closed bars of shares: the venue sends each after its end, sends it again when a late trade changes it, and a cut of the
//! socket costs none.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_closes_as_the_venue_sends_it_and_is_revised_until_it_agrees_with_the_tape() {
    let market = Market::of(Stage { late_share: 0.2, ..Stage::default() }).await;
    let (rest, socket) = (market.venue.rest_url(), market.venue.stocks_ws_url());
    let account = MassiveAccount::new(KEY, MassivePlan::Advanced).at(&rest, &socket);
    let clock = Arc::clone(&market.clock) as Arc<dyn Clock>;
    let backbone =
        Backbone::builder().in_memory().clock(clock).massive_account(account).build().await.unwrap();
    let client = backbone.client(Priority::High);
    let mut feed = client.subscribe("SPY", [StreamKind::Bar(Timeframe::M1)]).await.unwrap();
    let mut bars: BTreeMap<i64, Vec<(u32, f64)>> = BTreeMap::new();
    let (mut order, mut now) = (Vec::new(), ELEVEN);
    let deadline = Instant::now() + Duration::from_secs(120);
    // So many minutes have been told, and so many more have passed, within which the oldest of them may be revised.
    while order.len() < 12 {
        assert!(Instant::now() < deadline, "{bars:?}");
        now += 5_000;
        market.hands.advance(5_000);
        market.clock.advance(Duration::from_secs(5));
        while let Ok(event) = timeout(Duration::from_millis(40), feed.next()).await {
            let event = event.unwrap();
            let FeedEvent::Bar { candle, revision, .. } = event else {
                // Where the first connection takes its time, that is a gap.
                assert!(matches!(event, FeedEvent::Gap(_)), "{event:?}");
                continue;
            };
            let open = candle.open_time.as_millis();
            if revision == 0 {
                order.push(open);
            }
            bars.entry(open).or_default().push((revision, candle.volume));
        }
    }
    assert!(order.is_sorted_by(|one, next| one < next), "{order:?}");
    let revised = bars.values().filter(|told| told.len() > 1).count();
    assert!(revised > 1, "{bars:?}");
    let tape = market.venue.stocks().minutes("SPY", order[0], order[0] + 7 * 60_000, now);
    assert_eq!(tape.len(), 7);
    for bar in tape {
        let told = &bars[&bar.start_ms];
        assert!(told.iter().map(|(revision, _)| *revision).eq(0..told.len() as u32), "{told:?}");
        assert_eq!(told.last().map(|(_, volume)| *volume), Some(bar.volume_e8 as f64 / 1e8), "{told:?}");
    }
    backbone.shutdown().await;
    market.venue.stop().await;
}
